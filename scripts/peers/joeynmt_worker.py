"""Joey NMT 2.3.0 in the benchmark of training; see worker.py.

It runs on today's torch as it is, but not with what it asks for: a protobuf older than any that
today's TensorBoard takes, and linters. So it is installed without that, and with what the modules
below import::

    python3.11 -m venv joeynmt
    joeynmt/bin/pip install torch==2.13.0 numpy tensorboard matplotlib pyyaml packaging \\
        sentencepiece subword-nmt "importlib-metadata<9"
    joeynmt/bin/pip install --no-deps joeynmt==2.3.0

Its encoder reads in both directions always: half the units each. The decoder starts from a layer
of its own on the encoder's last state. So its parameters cannot be those of our model.
"""

from __future__ import annotations

from copy import copy
from importlib.metadata import version
from types import SimpleNamespace

import numpy as np
import torch
from joeynmt import batch as joey_batch
from joeynmt.builders import build_gradient_clipper, build_optimizer
from joeynmt.model import build_model
from joeynmt.search import search
from joeynmt.vocabulary import Vocabulary
from torch import Tensor
from worker import DEVICE, Batch, Job, serve

SPECIALS = ("unk", "pad", "bos", "eos")  # in the order that Joey NMT numbers them


class Words(Vocabulary):
    """A vocabulary that is built in linear time; each word is its number."""

    def __init__(self, size: int) -> None:
        names = {f"{name}_token": f"<{name}>" for name in SPECIALS}
        numbers = {f"{name}_id": number for number, name in enumerate(SPECIALS)}
        symbols = SimpleNamespace(sep_token=None, lang_tags=[], **names, **numbers)
        super().__init__([str(number) for number in range(len(SPECIALS), size)], symbols)

    def add_tokens(self, tokens: list[str]) -> None:
        """Append these words."""
        for token in tokens:
            self._stoi[token] = len(self._itos)
            self._itos.append(token)


class JoeyNMT:
    """An LSTM encoder-decoder with Luong's attention and input feeding."""

    def __init__(self, job: Job) -> None:
        self.name = f"Joey NMT {version('joeynmt')}"
        self.settings = settings = job.settings
        units, dropout = settings["units"], settings["dropout"]
        common = {
            "type": "recurrent",
            "rnn_type": "lstm",
            "num_layers": settings["layers"],
            "dropout": dropout,
            "embeddings": {"embedding_dim": units, "dropout": dropout},
        }
        config = {
            "encoder": {**common, "hidden_size": units // 2, "bidirectional": True},
            "decoder": {
                **common,
                "hidden_size": units,
                "attention": "luong",
                "input_feeding": True,
                "hidden_dropout": dropout,
                "init_hidden": "bridge",
            },
        }
        self.model = build_model(
            config, Words(settings["source_words"]), Words(settings["target_words"])
        ).to(DEVICE)
        self.model.loss_function = ("crossentropy", settings["label_smoothing"])
        self.optimizer = build_optimizer(
            {"optimizer": "adam", "learning_rate": settings["learning_rate"]},
            self.model.parameters(),
        )
        self.clip = build_gradient_clipper(
            {"clip_grad_val": None, "clip_grad_norm": settings["clip_norm"]}
        )
        self.joeys = torch.arange(max(settings["source_words"], settings["target_words"]))
        self.joeys[[settings[name] for name in SPECIALS]] = torch.arange(len(SPECIALS))
        self.ours = self.joeys.argsort().tolist()
        self.training = [self._batch(batch) for batch in job.training]
        self.translated = [self._batch(batch, is_train=False) for batch in job.translated]

    def _batch(self, batch: Batch, is_train: bool = True) -> joey_batch.Batch:
        start = torch.full((len(batch.target), 1), self.model.bos_index)
        return joey_batch.Batch(
            src=self.joeys[batch.source],
            src_length=batch.lengths,
            src_prompt_mask=None,
            trg=torch.cat((start, self.joeys[batch.target]), dim=1) if is_train else None,
            trg_prompt_mask=None,
            indices=torch.arange(len(batch.source)),
            device=DEVICE,
            pad_index=self.model.pad_index,
            eos_index=self.model.eos_index,
            is_train=is_train,
        )

    def train(self, index: int) -> None:
        """One update, in the steps of Joey NMT's TrainManager."""
        batch = self.training[index]
        self.model.train()
        batch.sort_by_src_length()
        loss, _log_probs, _attention, correct = self.model(return_type="loss", **vars(batch))
        loss = batch.normalize(loss, normalization="tokens")
        loss.backward()
        loss.item(), correct.item()
        self.clip(parameters=self.model.parameters())
        self.optimizer.step()
        self.model.zero_grad()

    def search(self, index: int) -> list[list[int]]:
        """Beam search; the limit of the length counts the end of the sentence."""
        batch = copy(self.translated[index])  # which sorting changes
        self.model.eval()
        back = batch.sort_by_src_length()
        found, _scores, _attention = search(
            self.model,
            batch,
            max_output_length=batch.src.size(1) + self.settings["more_words"] + 1,
            beam_size=self.settings["beam"],
            beam_alpha=1.0,
        )
        rows = found.astype(np.int64)[back]
        return [[self.ours[word] for word in row if word != self.model.pad_index] for row in rows]

    def load(self, _parameters: dict[str, Tensor]) -> bool:
        """Never: the encoder is another one."""
        return False


if __name__ == "__main__":
    serve(JoeyNMT)
