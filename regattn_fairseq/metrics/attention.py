"""Attention weights of a test set: one file per run."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from regattn_fairseq.files import new_file

_FORMAT = 1


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
    content = attention_bytes(records)
    with new_file(Path(path)) as file:
        file.write(content)


def attention_bytes(records: Iterable[AttentionRecord]) -> bytes:
    """The content of the file that `save_attention` writes."""
    file = BytesIO()
    np.savez_compressed(file, **_packed(list(records)))  # type: ignore[arg-type]
    return file.getvalue()


def _packed(records: list[AttentionRecord]) -> dict[str, np.ndarray]:
    tokens = [
        token.encode("utf-8", "surrogatepass")
        for record in records
        for token in (*record.source_tokens, *record.target_tokens)
    ]
    return {
        "format": np.array(_FORMAT),
        "shapes": np.array([r.weights.shape for r in records], dtype=np.int32).reshape(-1, 2),
        "weights": np.concatenate([np.zeros(0, np.float32), *(r.weights.ravel() for r in records)]),
        "text": np.frombuffer(b"".join(tokens), dtype=np.uint8),
        "token_bytes": np.array([len(token) for token in tokens], dtype=np.int32),
    }


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
