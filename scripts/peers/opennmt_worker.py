"""OpenNMT-py 3.5.1 in the benchmark of training; see worker.py.

It asks for torch < 2.3, but runs on today's. Its package imports spaCy, fastText, pyahocorasick
and RapidFuzz on the way, for filters of text that nothing here uses: empty modules stand in for
them, and it is installed without its dependencies but for what it uses::

    python3.11 -m venv opennmt
    opennmt/bin/pip install torch==2.13.0 numpy pyonmttok configargparse pyyaml regex sacrebleu
    opennmt/bin/pip install --no-deps OpenNMT-py==3.5.1
"""

# ruff: noqa: E402 - the empty modules stand before what imports them
from __future__ import annotations

import logging
import sys
from importlib.metadata import version
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from worker import DEVICE, Batch, Job, serve

for _name in ("spacy", "fasttext", "ahocorasick", "rapidfuzz"):
    sys.modules[_name] = ModuleType(_name)
for _name in ("fuzz", "process"):
    setattr(sys.modules["rapidfuzz"], _name, ModuleType(_name))

import onmt.opts
from onmt.inputters.inputter import dict_to_vocabs
from onmt.model_builder import build_model
from onmt.trainer import Trainer
from onmt.translate import GNMTGlobalScorer, Translator
from onmt.utils.loss import LossCompute
from onmt.utils.optimizers import Optimizer
from onmt.utils.parse import ArgumentParser
from onmt.utils.statistics import Statistics

SPECIALS = {"bos": "<s>", "pad": "<blank>", "eos": "</s>", "unk": "<unk>"}


class OpenNMT:
    """The input-feeding LSTM with Luong's "general" attention: the model of our softmax."""

    def __init__(self, job: Job) -> None:
        logging.disable(logging.INFO)
        self.name = f"OpenNMT-py {version('OpenNMT-py')}"
        self.settings = settings = job.settings
        options = _options(settings)
        vocabs = dict_to_vocabs(
            {
                "src": _words(settings, "source_words"),
                "tgt": _words(settings, "target_words"),
                "data_task": "seq2seq",
                "decoder_start_token": SPECIALS["eos"],  # as fairseq starts
            }
        )
        for side in ("src", "tgt"):
            vocabs[side].default_id = settings["unk"]
        self.model = build_model(options, options, vocabs, checkpoint=None, device_id=0).to(DEVICE)
        self.trainer = Trainer(
            self.model,
            train_loss=LossCompute.from_opts(options, self.model, vocabs["tgt"]),
            valid_loss=None,
            scoring_preparator=None,
            valid_scorers={},
            optim=Optimizer.from_opt(self.model, options),
            norm_method="tokens",
            n_gpu=0 if DEVICE.type == "cpu" else 1,
        )
        self.vocabs = vocabs
        self.training = [self._batch(batch) for batch in job.training]
        self.translated = [
            {name: value for name, value in self._batch(batch).items() if name != "tgt"}
            for batch in job.translated
        ]
        self.target_words = [
            float(batch.target.ne(settings["pad"]).sum()) for batch in job.training
        ]

    def _batch(self, batch: Batch) -> dict[str, Tensor]:
        start = torch.full((len(batch.target), 1), self.settings["eos"])
        return {
            "src": batch.source.unsqueeze(2).to(DEVICE),
            "srclen": batch.lengths.to(DEVICE),
            "tgt": torch.cat((start, batch.target), dim=1).unsqueeze(2).to(DEVICE),
        }

    def train(self, index: int) -> None:
        """One update, by OpenNMT-py's trainer."""
        self.model.train()
        self.trainer._gradient_accumulation(
            [self.training[index]], self.target_words[index], Statistics(), Statistics()
        )

    def search(self, index: int) -> list[list[int]]:
        """Beam search; the limit of the length counts the end of the sentence."""
        batch = self.translated[index]
        self.model.eval()
        translator = Translator(
            self.model,
            self.vocabs,
            gpu=-1 if DEVICE.type == "cpu" else 0,
            beam_size=self.settings["beam"],
            max_length=batch["src"].size(1) + self.settings["more_words"] + 1,
            max_length_ratio=0,
            dump_beam="",
            global_scorer=GNMTGlobalScorer(1.0, -0.0, "avg", "none"),
        )
        found = translator.translate_batch(batch, attn_debug=False)
        return [hypotheses[0].tolist() for hypotheses in found["predictions"]]

    def load(self, parameters: dict[str, Tensor]) -> bool:
        """Take over all parameters: the model is the same one."""
        mine = dict(self.model.named_parameters())
        ours = {_name_here(name): value for name, value in parameters.items()}
        if mine.keys() != ours.keys():
            raise ValueError(f"parameters that differ: {sorted(mine.keys() ^ ours.keys())}")
        with torch.no_grad():
            for name, parameter in mine.items():
                parameter.copy_(ours[name])
        return True


def _name_here(name: str) -> str:
    """OpenNMT-py's name of one of our parameters."""
    side, _dot, rest = name.partition(".")
    for ours, theirs in (
        ("embed_tokens.", f"{side}.embeddings.make_embedding.emb_luts.0."),
        ("attention.input_proj.", "decoder.attn.linear_in."),
        ("attention.output_proj.", "decoder.attn.linear_out."),
        ("fc_out.", "generator."),
    ):
        if rest.startswith(ours):
            return theirs + rest.removeprefix(ours)
    parameter = rest.removeprefix("lstm.")
    if side == "encoder":
        return f"encoder.rnn.{parameter}"
    parameter, _l, layer = parameter.rpartition("_l")
    return f"decoder.rnn.layers.{layer}.{parameter}"


def _words(settings: dict[str, Any], side: str) -> list[str]:
    words = [f"word{number}" for number in range(settings[side])]
    for name, token in SPECIALS.items():
        words[settings[name]] = token
    return words


def _options(settings: dict[str, Any]) -> Any:
    """The options of onmt_train: what stands here, and else its defaults."""
    parser = ArgumentParser()
    onmt.opts.train_opts(parser)
    chosen = {
        "encoder_type": "rnn",
        "decoder_type": "rnn",
        "rnn_type": "LSTM",
        "layers": settings["layers"],
        "hidden_size": settings["units"],
        "word_vec_size": settings["units"],
        "global_attention": "general",
        "input_feed": 1,
        "dropout": settings["dropout"],
        "label_smoothing": settings["label_smoothing"],
        "optim": "adam",
        "learning_rate": settings["learning_rate"],
        "max_grad_norm": settings["clip_norm"],
        "param_init": 0.1,
        "save_model": "unused",
        "src_vocab": "unused",
        "data": "{}",
    }
    words = [word for name, value in chosen.items() for word in (f"-{name}", str(value))]
    if DEVICE.type == "cuda":
        words += ["-gpu_ranks", "0"]
    options = parser.parse_args(words)
    ArgumentParser.update_model_opts(options)
    ArgumentParser.validate_model_opts(options)
    return options


if __name__ == "__main__":
    serve(OpenNMT)
