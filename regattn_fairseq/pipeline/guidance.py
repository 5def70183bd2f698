"""The links that attention is trained towards, as fairseq's ``--load-alignments`` reads them."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from regattn_fairseq.metrics import Alignment, words_of_tokens
from regattn_fairseq.pipeline.evaluation.alignments import training_alignment
from regattn_fairseq.pipeline.preprocessing.tokenization import load_tokenizers
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import clear_write_errors, read_lines, write_lines
from regattn_fairseq.runs.leases import lease
from regattn_fairseq.runs.prepared import PreparedData

logger = logging.getLogger(__name__)

SPLITS = ("train", "valid")


def binarize_links(data: PreparedData, options: dict[str, Any]) -> None:
    """Write ``train.align.de-en`` and ``valid.align.de-en`` into the data-bin, once for all runs.

    The links are the corpus's own, else those of ``alignment.aligner``.

    Args:
        data: the preprocessed corpus.
        options: the run's.

    Raises:
        PipelineError: the corpus has no links, and no aligner is named.
    """
    corpus = options["data"]
    pair = f"{corpus['source_lang']}-{corpus['target_lang']}"
    for split in SPLITS:
        prefix = data.bin / f"{split}.align.{pair}"
        with (
            clear_write_errors(data.bin, "cache_dir"),
            lease(data.bin / f"{prefix.name}.lock", f"the links of {split}"),
        ):
            if prefix.with_name(f"{prefix.name}.idx").is_file():
                continue
            found = training_alignment(
                options["alignment"]["aligner"], data, split, lowercase=corpus["lowercase"]
            )
            if found is None:
                raise PipelineError(
                    f"data={corpus['name']} has no links of its own, which "
                    "task.load_alignments=true and model.attn_fertility_guided=true need: add "
                    "alignment.aligner=eflomal"
                )
            texts = [list(read_lines(data.text / f"{split}.{side}")) for side in ("src", "tgt")]
            links = found.read(*texts)
            if corpus["lowercase"]:
                texts = [[line.lower() for line in lines] for lines in texts]
            _write(list(_between_tokens(data, links, texts)), prefix)
            logger.info("links of %s: %s", split, found.origin)


def _between_tokens(
    data: PreparedData, alignments: Sequence[Alignment], texts: Sequence[Sequence[str]]
) -> Iterator[str]:
    """Each sentence's links between tokens; none where tokens do not spell the words."""
    tokenizers = load_tokenizers(data.tokenizer)
    lost = 0
    for alignment, *lines in zip(alignments, *texts, strict=True):
        try:
            sources, targets = (
                words_of_tokens(tokenizer.encode(line), line)
                for tokenizer, line in zip(tokenizers, lines, strict=True)
            )
        except ValueError:
            lost += 1
            yield ""
            continue
        yield " ".join(
            f"{i}-{j}"
            for j, target in enumerate(targets)
            for i, source in enumerate(sources)
            if (source, target) in alignment.sure
        )
    if lost:
        logger.warning("%d of %d sentences cannot be aligned word by word", lost, len(alignments))


def _write(lines: Sequence[str], prefix: Path) -> None:
    """Have fairseq binarize the links. The index, which says that they are there, comes last."""
    from fairseq.binarizer import AlignmentDatasetBinarizer, FileBinarizer
    from fairseq.utils import parse_alignment

    text = prefix.with_name(f"{prefix.name}.txt")
    scratch = prefix.with_name(f"{prefix.name}.new")
    write_lines(text, lines)
    binarizer = AlignmentDatasetBinarizer(parse_alignment)
    FileBinarizer.multiprocess_dataset(str(text), "mmap", binarizer, str(scratch), vocab_size=None)
    for suffix in ("bin", "idx"):
        scratch.with_name(f"{scratch.name}.{suffix}").replace(
            prefix.with_name(f"{prefix.name}.{suffix}")
        )
    text.unlink()
