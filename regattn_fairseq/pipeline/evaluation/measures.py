"""Figures of a run's attention, and of each sentence, computed without decoding again."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from regattn_fairseq.metrics import (
    ALIGNMENT_FIGURES,
    ATTENTION_FIGURES,
    COPYING_FIGURES,
    COVERAGE_FIGURES,
    Alignment,
    AttentionFileError,
    AttentionRecord,
    CopyRecord,
    alignment_counts,
    attention_counts,
    attention_statistics,
    copying_counts,
    coverage_counts,
    load_attention,
    match_counts,
    ratios,
    save_attention,
    sentence_ratios,
    stack_counts,
    word_attention,
    word_frequencies,
    words_of_tokens,
)
from regattn_fairseq.pipeline.evaluation.alignments import ReferenceAlignment
from regattn_fairseq.pipeline.preprocessing.tokenization import Tokenizer, load_tokenizers
from regattn_fairseq.runs.files import read_lines, write_lines, write_text
from regattn_fairseq.runs.prepared import PreparedData
from regattn_fairseq.runs.result import Result

logger = logging.getLogger(__name__)

# Raise it when a figure is added, or comes to mean something else.
_FORMAT = 3


@dataclass(frozen=True)
class Texts:
    """The texts to measure, one entry a sentence.

    Attributes:
        sources: as the corpus has them.
        hypotheses: the model's output.
        references: what the model should have written.
        records: the attention of the hypotheses.
        copies: where the words of the hypotheses come from; None if the model cannot copy.
    """

    sources: list[str]
    hypotheses: list[str]
    references: list[str]
    records: list[AttentionRecord]
    copies: list[CopyRecord] | None = None


def is_measured(result: Result, alignment: ReferenceAlignment | None) -> bool:
    """Whether a result has all the figures that `measure` would compute."""
    made = result.measures
    return made.get("format") == _FORMAT and (
        alignment is None or (made.get("alignment") == alignment.key and "links" in result.files)
    )


def reference_attention_file(split: str) -> str:
    """The name of a run's file of the attention while the model is made to write the references."""
    return f"{split}.reference_attention.npz"


def measure(
    texts: Texts,
    *,
    scores: dict[str, np.ndarray],
    trained_on: Path | None,
    lowercase: bool,
    directory: Path,
    split: str,
    data: PreparedData,
    alignment: ReferenceAlignment | None,
    attend: Callable[[], list[AttentionRecord]],
) -> dict[str, Any]:
    """Write ``<split>.sentences.csv`` and such files, and return the figures for ``result.json``.

    Args:
        texts: the run's output and what it should be.
        scores: of each sentence by itself, each [sentences].
        trained_on: the outputs that training had, in which words are counted; None where these are
            no text.
        lowercase: whether the model read lowercased text.
        directory: the run's.
        split: the part of the corpus.
        data: the preprocessed corpus.
        alignment: links to compare the attention with; None for no comparison.
        attend: returns the attention of the references. It is called if there is an alignment, and
            no earlier evaluation left a file of it.

    Returns:
        Attributes of `Result`: ``measures``, ``attention`` and those of the alignment; and under
        ``files`` the files that were written.

    Raises:
        PipelineError: the alignment does not fit this split.
        OSError: the folder cannot be written to.
    """
    import pandas as pd  # takes half a second, and a finished run needs no new figures

    counts = attention_counts(texts.records) | coverage_counts(
        texts.hypotheses, texts.references, texts.records
    )
    further = COVERAGE_FIGURES
    if texts.copies is not None:
        counts |= copying_counts(texts.copies, texts.records)
        further = further | COPYING_FIGURES
    if trained_on is not None:
        frequencies = word_frequencies(read_lines(trained_on), lowercase=lowercase)
        counts |= match_counts(texts.hypotheses, texts.references, frequencies, lowercase=lowercase)
    columns: dict[str, Any] = {
        **scores,
        **sentence_ratios(counts, ATTENTION_FIGURES | further),
    }
    sections: dict[str, Any] = {
        "measures": {"format": _FORMAT, "alignment": alignment.key if alignment else None},
        "attention": attention_statistics(texts.records) | ratios(counts, further),
        # Figures of another alignment are gone with its columns.
        **{"alignment": {}, "alignment_sentences": None, "alignment_reference": None},
    }
    files = {"sentences": f"{split}.sentences.csv"}
    if alignment is not None:
        files["reference_attention"] = reference_attention_file(split)
        attention = _reference_attention(directory / files["reference_attention"], texts, attend)
        aligned = _aligned(texts, attention, alignment, data, lowercase=lowercase)
        found = stack_counts([counted for counted, _ in aligned])
        files["links"] = f"{split}.links"
        write_lines(directory / files["links"], (links for _, links in aligned))
        sections |= {
            "alignment": ratios(found, ALIGNMENT_FIGURES),
            "alignment_sentences": int(np.count_nonzero(found["link_chances"])),
            "alignment_reference": alignment.origin,
        }
        columns |= sentence_ratios(found, ALIGNMENT_FIGURES)
        counts |= found
    frame = pd.DataFrame({"sentence": range(1, len(texts.records) + 1), **columns, **counts})
    write_text(
        directory / files["sentences"],
        frame.to_csv(index=False, lineterminator="\n", float_format="%.10g"),
    )
    return {**sections, "files": files}


def _reference_attention(
    path: Path, texts: Texts, attend: Callable[[], list[AttentionRecord]]
) -> list[AttentionRecord]:
    try:
        kept = load_attention(path)
    except (FileNotFoundError, AttentionFileError):
        kept = []
    if len(kept) == len(texts.references):
        return kept
    made = attend()
    save_attention(path, made)
    return made


def _aligned(
    texts: Texts,
    attention: Sequence[AttentionRecord],
    alignment: ReferenceAlignment,
    data: PreparedData,
    *,
    lowercase: bool,
) -> list[tuple[dict[str, float] | None, str]]:
    """Counts of each sentence, and the links between its tokens in Pharaoh's format.

    They are None and empty if its tokens cannot be assigned to words.
    """
    tokenizers = load_tokenizers(data.tokenizer)
    links = alignment.read(texts.sources, texts.references)
    found: list[tuple[dict[str, float] | None, str]] = []
    for record, source, target, wanted in zip(
        attention, texts.sources, texts.references, links, strict=True
    ):
        try:
            sources, targets = (
                _words(tokenizer, line.lower() if lowercase else line, tokens)
                for tokenizer, line, tokens in zip(
                    tokenizers,
                    (source, target),
                    (record.source_tokens, record.target_tokens),
                    strict=True,
                )
            )
        except ValueError:
            found.append((None, ""))
            continue
        words = word_attention(record.weights, targets, sources)
        found.append((alignment_counts(words, wanted), _token_links(wanted, sources, targets)))
    if lost := [counted for counted, _ in found].count(None):
        logger.warning("%d of %d sentences cannot be aligned word by word", lost, len(found))
    return found


def _token_links(
    links: Alignment, sources: Sequence[int | None], targets: Sequence[int | None]
) -> str:
    """Links between words as links between all of their tokens."""
    return " ".join(
        f"{i}{'-' if (source, target) in links.sure else '?'}{j}"
        for i, source in enumerate(sources)
        for j, target in enumerate(targets)
        if source is not None and target is not None and (source, target) in links.possible
    )


def _words(tokenizer: Tokenizer, line: str, tokens: Sequence[str]) -> list[int | None]:
    """The word of each token but the last, which ends the sentence.

    ``tokens`` has ``<unk>`` for unknown tokens; the tokenizer gives their spelling.
    """
    spelled = tokenizer.encode(line)
    if len(tokens) != len(spelled) + 1:
        raise ValueError(f"{len(tokens)} tokens were attended to, but the line has {len(spelled)}")
    return words_of_tokens(spelled, line)
