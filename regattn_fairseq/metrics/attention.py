"""Attention weights of a test set: one file a run, and the figures that describe them."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
from scipy.special import entr

_FORMAT = 1

# Two weights count as equal when they differ by at most this, relative to the larger one. Tied
# weights come out of one pooled value and differ at most by the rounding of the few float32
# operations after the pooling: 8 units in the last place (2**-23 each) cover those. Unrelated
# weights fall that close together about once in a million pairs.
_EQUAL_RTOL = 8 * float(np.finfo(np.float32).eps)


class AttentionFileError(ValueError):
    """An attention file cannot be read, or contradicts itself."""


@dataclass(frozen=True, eq=False)
class AttentionRecord:
    """The attention of one sentence.

    Attributes:
        source_tokens: what was attended to, S tokens (with the end-of-sentence symbol, if the
            model attends to it).
        target_tokens: what was generated, T tokens.
        weights: float32 [T, S]; row t is the distribution over the source when target token t was
            generated.

    Raises:
        ValueError: the weights are not [T, S], or not all finite and at least 0.
    """

    source_tokens: list[str]
    target_tokens: list[str]
    weights: np.ndarray

    def __post_init__(self) -> None:
        """Convert the weights to float32 and check them against the tokens."""
        weights = np.asarray(self.weights, dtype=np.float32)
        expected = (len(self.target_tokens), len(self.source_tokens))
        if weights.shape != expected:
            raise ValueError(
                f"attention weights have shape {weights.shape}, but there are {expected[0]} target "
                f"and {expected[1]} source tokens: expected {expected}"
            )
        if not (np.isfinite(weights).all() and (weights >= 0).all()):
            raise ValueError("attention weights must be finite and not negative")
        object.__setattr__(self, "weights", weights)


def save_attention(path: str | os.PathLike[str], records: Iterable[AttentionRecord]) -> None:
    """Write attention records to one compressed ``.npz`` file, readable without pickle.

    The arrays are ``format`` (the number of this layout), ``shapes`` int32 [record, 2] (T, S),
    ``weights`` float32 (every record's [T, S] weights, row by row, one record after the other),
    ``text`` uint8 (UTF-8 of all tokens, source before target, nothing between them) and
    ``token_bytes`` int32 (the length of each token in it).

    Args:
        path: where to write. The file appears there complete or not at all.
        records: in the order of the test set.

    Raises:
        OSError: the folder is missing, full or read-only.
    """
    records = list(records)
    tokens = [
        token.encode("utf-8", "surrogatepass")
        for record in records
        for token in (*record.source_tokens, *record.target_tokens)
    ]
    arrays: dict[str, np.ndarray] = {
        "format": np.array(_FORMAT),
        "shapes": np.array([r.weights.shape for r in records], dtype=np.int32).reshape(-1, 2),
        "weights": np.concatenate([np.zeros(0, np.float32), *(r.weights.ravel() for r in records)]),
        "text": np.frombuffer(b"".join(tokens), dtype=np.uint8),
        "token_bytes": np.array([len(token) for token in tokens], dtype=np.int32),
    }
    path = Path(path)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as partial:
        try:
            np.savez_compressed(partial, **arrays)  # type: ignore[arg-type]
            partial.close()
            os.chmod(partial.name, 0o644)
            os.replace(partial.name, path)
        except BaseException:
            os.unlink(partial.name)
            raise


def load_attention(path: str | os.PathLike[str]) -> list[AttentionRecord]:
    """Read what `save_attention` wrote.

    Returns:
        The records, in the order they were written; equal to them bit by bit.

    Raises:
        FileNotFoundError: there is no such file.
        AttentionFileError: the file is damaged, of another kind, or of a later format.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            if (layout := int(archive["format"])) != _FORMAT:
                raise AttentionFileError(
                    f"{path}: attention format {layout}, but this version reads format {_FORMAT}"
                )
            shapes, weights = archive["shapes"], archive["weights"]
            text, token_bytes = archive["text"].tobytes(), archive["token_bytes"]
        return _unpack(shapes, weights, text, token_bytes)
    except (FileNotFoundError, AttentionFileError):
        raise
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise AttentionFileError(f"{path}: not a readable attention file ({error})") from error


def _unpack(
    shapes: np.ndarray, weights: np.ndarray, text: bytes, token_bytes: np.ndarray
) -> list[AttentionRecord]:
    sizes = shapes.astype(np.int64)
    if (
        (sizes < 0).any()
        or (token_bytes < 0).any()
        or sizes.prod(axis=1).sum() != weights.size
        or sizes.sum() != token_bytes.size
        or token_bytes.sum(dtype=np.int64) != len(text)
    ):
        raise ValueError("its arrays disagree about their lengths")
    token_ends = np.cumsum(token_bytes, dtype=np.int64).tolist()
    tokens = [
        text[start:end].decode("utf-8", "surrogatepass")
        for start, end in zip([0, *token_ends], token_ends, strict=False)
    ]
    records = []
    token_at = weight_at = 0
    for targets, sources in sizes.tolist():
        middle, end = token_at + sources, token_at + sources + targets
        block = weights[weight_at : weight_at + targets * sources].reshape(targets, sources)
        records.append(AttentionRecord(tokens[token_at:middle], tokens[middle:end], block))
        token_at, weight_at = end, weight_at + targets * sources
    return records


def attention_statistics(records: Sequence[AttentionRecord]) -> dict[str, float]:
    """How sparse and how structured attention is, over all target tokens of all records.

    A weight is zero when it is exactly 0. Two weights are equal when they agree to float32
    rounding. Each target token's row of weights is one distribution over the source tokens.

    Args:
        records: at least one, with at least one weight among them.

    Returns:
        - ``zero_share``: zero weights among all weights, from 0 to 1.
        - ``support``: mean over target tokens of the number of nonzero weights.
        - ``segments``: mean over target tokens of the number of segments; a segment is a maximal
          stretch of neighbouring source tokens with nonzero weight, equal or not.
        - ``segment_length``: mean over all segments of their length, in source tokens.
        - ``fused_run_length``: mean over all fused runs of their length, in source tokens; a
          fused run is a maximal stretch of neighbouring source tokens with equal nonzero weight,
          which may be one token long (what fusedmax makes longer).
        - ``groups``: mean over target tokens of the number of distinct nonzero weights, wherever
          they stand (what oscarmax makes fewer).
        - ``group_size``: mean over all those groups of their size, in source tokens.
        - ``entropy``: mean over target tokens of −Σ w log w, in nats.

        Means over segments, runs and groups are 0 when there are none.

    Raises:
        ValueError: no record has a weight.
    """
    weights_seen = rows = support = segments = runs = groups = 0
    entropy = 0.0
    for record in records:
        weights = record.weights  # [target, source]
        if not weights.size:
            continue
        nonzero = weights > 0
        weights_seen += weights.size
        rows += len(weights)
        nonzeros = int(np.count_nonzero(nonzero))
        support += nonzeros
        entropy += float(entr(weights.astype(np.float64)).sum())

        # A stretch is counted where it begins: at a nonzero weight whose left neighbour does not
        # continue it.
        begins_segment = nonzero.copy()
        begins_segment[:, 1:] &= ~nonzero[:, :-1]
        segments += int(np.count_nonzero(begins_segment))
        runs += nonzeros - int(np.count_nonzero(_continues_run(weights)))
        # Sorted, equal weights are neighbours wherever they stood.
        groups += nonzeros - int(np.count_nonzero(_continues_run(np.sort(weights, axis=1))))
    if not rows:
        raise ValueError("no attention weights: there is nothing to describe")
    return {
        "zero_share": 1 - support / weights_seen,
        "support": support / rows,
        "segments": segments / rows,
        "segment_length": support / max(segments, 1),
        "fused_run_length": support / max(runs, 1),
        "groups": groups / rows,
        "group_size": support / max(groups, 1),
        "entropy": entropy / rows,
    }


def _continues_run(weights: np.ndarray) -> np.ndarray:
    """Where a weight is nonzero and equals its left neighbour: [T, S] → bool [T, S − 1]."""
    left, right = weights[:, :-1], weights[:, 1:]
    larger = np.maximum(left, right)
    return (left > 0) & (right > 0) & (np.abs(left - right) <= _EQUAL_RTOL * larger)
