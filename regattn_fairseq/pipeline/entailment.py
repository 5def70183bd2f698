"""Entailment in the stages: pairs of sentences with labels in, labels and attention out."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fairseq import utils
from fairseq.data import Dictionary
from omegaconf import DictConfig
from tqdm import tqdm

from regattn_fairseq.corpora.entailment import LABELS, write_entailment
from regattn_fairseq.metrics import AttentionRecord
from regattn_fairseq.pipeline.batches import whole_batches
from regattn_fairseq.pipeline.preprocessing.binarization import (
    available_processes,
    binarize,
    build_dictionary,
    subset_names,
    tokenize,
)
from regattn_fairseq.pipeline.preprocessing.tokenization import train_tokenizers
from regattn_fairseq.pipeline.training.checkpoints import load_model
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import read_lines
from regattn_fairseq.runs.prepared import PreparedData

SIDES = ("premise", "hypothesis")
# fairseq's names of what sentence_prediction reads.
_INPUTS = {"premise": "input0", "hypothesis": "input1"}


@dataclass(frozen=True)
class Prediction:
    """What the model says about one example.

    Attributes:
        label: one of :data:`~regattn_fairseq.corpora.entailment.LABELS`.
        attention: of the premise's words; its one target token is the label.
    """

    label: str
    attention: AttentionRecord


def prepare(
    cfg: DictConfig, corpus: Any, options: dict[str, Any], data: PreparedData
) -> dict[str, str]:
    """Write the corpus, the tokenizer and the data-bin; return fairseq's name of each split.

    The data-bin is laid out as fairseq's ``sentence_prediction`` reads it: folders ``input0``
    (premises), ``input1`` (hypotheses), both by one dictionary, and ``label``.
    """
    manifest = write_entailment(corpus, data.text, max_length=cfg.data.max_length)
    splits = list(manifest["splits"])
    data.tokenizer.mkdir()
    train_tokenizers(
        {"joint": True, **options["tokenizer"]},
        (cfg.data.language, cfg.data.language),
        tuple(_lines(data, "train", side, cfg.data.lowercase) for side in SIDES),  # type: ignore[arg-type]
        data.tokenizer,
    )
    tokens = data.directory / "tokens"
    tokens.mkdir()
    processes = available_processes(cfg.preprocess_workers)
    counts: Counter[str] = Counter()
    for split in splits:
        for side in SIDES:
            found = tokenize(
                data.text / f"{split}.{side}",
                tokens / f"{split}.{side}",
                tokenizer=data.tokenizer,
                side=0,
                lowercase=cfg.data.lowercase,
                most_processes=processes,
            )
            if split == "train":
                counts.update(found)
    words = build_dictionary(counts, options["tokenizer"]["vocab_size"])
    labels = Dictionary()
    for label in LABELS:
        labels.add_symbol(label)
    names = subset_names(splits)
    parts = [(tokens, side, _INPUTS[side], words) for side in SIDES]
    for folder, side, part, dictionary in [*parts, (data.text, "label", "label", labels)]:
        (data.bin / part).mkdir(parents=True)
        dictionary.save(str(data.bin / part / "dict.txt"))
        for split in splits:
            binarize(
                folder / f"{split}.{side}",
                dictionary,
                data.bin / part / names[split],
                most_processes=processes,
            )
    return names


def _lines(data: PreparedData, split: str, side: str, lowercase: bool) -> Iterator[str]:
    for line in read_lines(data.text / f"{split}.{side}"):
        yield line.lower() if lowercase else line


def classify(
    checkpoint: Path, data: PreparedData, subset: str, max_tokens: int
) -> list[Prediction]:
    """Label a subset of the data-bin, in its order.

    Args:
        checkpoint: of a ``regattn_entailment`` model.
        data: with the data-bin that it was trained on.
        subset: fairseq's name of the split.
        max_tokens: words in a batch, padding included.
    """
    model, saved, task = load_model(checkpoint, data=str(data.bin))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).eval()
    task.load_dataset(subset)
    batches = whole_batches(task, model, task.dataset(subset), max_tokens)
    found: dict[int, Prediction] = {}
    with (
        torch.no_grad(),
        tqdm(
            total=len(task.dataset(subset)), unit=" examples", desc="classify", disable=None
        ) as progress,
    ):
        for batch in batches:
            sample = utils.move_to_cuda(batch) if device.type == "cuda" else batch
            scores, extra = model(
                **sample["net_input"],
                classification_head_name=saved.criterion.classification_head_name,
            )
            premises, _ = model.split_pair(sample["net_input"]["src_tokens"])
            for number, best, premise, weights in zip(
                sample["id"].tolist(),
                scores.argmax(dim=1).tolist(),
                premises.cpu(),
                extra["attn"].cpu().float(),
                strict=True,
            ):
                label = task.label_dictionary[best + task.label_dictionary.nspecial]
                present = premise != task.source_dictionary.pad()
                words = [task.source_dictionary[index] for index in premise[present].tolist()]
                attention = AttentionRecord(words, [label], weights[present].unsqueeze(0).numpy())
                found[number] = Prediction(label, attention)
            progress.update(len(scores))
    return [found[number] for number in sorted(found)]


def require_vocabulary(parameters: dict[str, Any], checkpoint: Path, data: PreparedData) -> None:
    """Compare the checkpoint's embeddings with the data-bin's dictionary, before it is built.

    Raises:
        PipelineError: they do not fit.
    """
    known = len(parameters["embed_tokens.weight"])
    # The task adds a symbol <mask> to what the file has.
    words = len(Dictionary.load(str(data.bin / "input0" / "dict.txt"))) + 1
    if known != words:
        raise PipelineError(
            f"{checkpoint} knows {known} words, but the dictionary in {data.bin} makes {words}: "
            "it was trained on another data-bin; train again, or restore that folder"
        )
