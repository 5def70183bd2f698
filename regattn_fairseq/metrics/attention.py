"""Attention weights of a test set: one file per run."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np

from regattn_fairseq.files import new_file

_FORMAT = 1  # of files without heads
_FORMAT_OF_HEADS = 2

# A record's kinds of heads: what attends (rows) and what is attended to (columns).
HEAD_KINDS = {
    "encoder_self_attn": ("source", "source"),
    "decoder_self_attn": ("target", "target"),
    "encoder_decoder_attn": ("target", "source"),
}
_SMALLEST = np.finfo(np.float16).smallest_subnormal


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
            generated. Of a transformer, the mean over the heads of the last layer.
        heads: of a transformer, the weights of every head of every layer: by kind, as in
            :data:`HEAD_KINDS`, float16 [layers, heads, rows, columns]. A weight is 0 only where it
            is exactly 0. Empty where there are none.

    Raises:
        ValueError: the weights are not [T, S], or not all finite and at least 0; or those of the
            heads.
    """

    source_tokens: list[str]
    target_tokens: list[str]
    weights: np.ndarray
    heads: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Convert the weights to float32, and check them against the tokens."""
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
        heads = {kind: self._checked(kind, given) for kind, given in self.heads.items()}
        object.__setattr__(self, "heads", heads)

    def _checked(self, kind: str, given: np.ndarray) -> np.ndarray:
        """The weights of one kind of heads, in float16."""
        expected = _head_shape(kind, len(self.source_tokens), len(self.target_tokens))
        if given.ndim != 4 or given.shape[2:] != expected:
            raise ValueError(
                f"the heads of {kind} have shape {given.shape}, but there are "
                f"{len(self.target_tokens)} target and {len(self.source_tokens)} source tokens: "
                f"expected (layers, heads, {expected[0]}, {expected[1]})"
            )
        if not (np.isfinite(given).all() and (given >= 0).all()):
            raise ValueError(f"the heads of {kind} must be finite and not negative")
        weights = given.astype(np.float16)
        weights[(given > 0) & (weights == 0)] = _SMALLEST
        return weights


def _head_shape(kind: str, sources: int, targets: int) -> tuple[int, int]:
    if kind not in HEAD_KINDS:
        raise ValueError(f"unknown kind of heads {kind!r}; known are {', '.join(HEAD_KINDS)}")
    sizes = {"source": sources, "target": targets}
    rows, columns = HEAD_KINDS[kind]
    return sizes[rows], sizes[columns]


def save_attention(path: str | os.PathLike[str], records: Iterable[AttentionRecord]) -> None:
    """Write attention records to one compressed ``.npz`` file, readable without pickle.

    The arrays are ``format`` (the number of this layout), ``shapes`` int32 [record, 2] (T, S),
    ``weights`` float32 (every record's [T, S] weights, row by row, one record after the other),
    ``text`` uint8 (UTF-8 of all tokens, source before target, nothing between them) and
    ``token_bytes`` int32 (the length of each token in it). If a record has heads, there are more:
    for each kind, ``<kind>_shape`` int32 [2] (layers, heads), ``<kind>_records`` int32 (the numbers
    of the records that have this kind) and ``<kind>_weights`` float16 (the heads of these, one
    record after the other; their rows and columns are source and target tokens as `HEAD_KINDS`
    says).

    Args:
        path: where to write. The file appears there complete or not at all.
        records: in the order of the test set.

    Raises:
        ValueError: two records have different numbers of layers or heads.
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
    heads = _packed_heads(records)
    return {
        "format": np.array(_FORMAT_OF_HEADS if heads else _FORMAT),
        "shapes": np.array([r.weights.shape for r in records], dtype=np.int32).reshape(-1, 2),
        "weights": np.concatenate([np.zeros(0, np.float32), *(r.weights.ravel() for r in records)]),
        "text": np.frombuffer(b"".join(tokens), dtype=np.uint8),
        "token_bytes": np.array([len(token) for token in tokens], dtype=np.int32),
        **heads,
    }


def _packed_heads(records: list[AttentionRecord]) -> dict[str, np.ndarray]:
    packed: dict[str, np.ndarray] = {}
    for kind in HEAD_KINDS:
        having = [index for index, record in enumerate(records) if kind in record.heads]
        if not having:
            continue
        shapes = {records[index].heads[kind].shape[:2] for index in having}
        if len(shapes) > 1:
            raise ValueError(f"records differ in their layers and heads of {kind}: {shapes}")
        packed[f"{kind}_shape"] = np.array(shapes.pop(), dtype=np.int32)
        packed[f"{kind}_records"] = np.array(having, dtype=np.int32)
        packed[f"{kind}_weights"] = np.concatenate(
            [records[index].heads[kind].ravel() for index in having]
        )
    return packed


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
            if (layout := int(archive["format"])) not in (_FORMAT, _FORMAT_OF_HEADS):
                raise AttentionFileError(
                    f"{path}: attention format {layout}, but this version reads formats {_FORMAT} "
                    f"and {_FORMAT_OF_HEADS}"
                )
            shapes, weights = archive["shapes"], archive["weights"]
            text, token_bytes = archive["text"].tobytes(), archive["token_bytes"]
            heads = _unpack_heads(archive, shapes)
        return _unpack(shapes, weights, text, token_bytes, heads)
    except (FileNotFoundError, AttentionFileError):
        raise
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise AttentionFileError(f"{path}: not a readable attention file ({error})") from error


def _unpack_heads(
    archive: Mapping[str, np.ndarray], shapes: np.ndarray
) -> list[dict[str, np.ndarray]]:
    """The heads of each record, whose target and source tokens are ``shapes`` [record, 2]."""
    heads: list[dict[str, np.ndarray]] = [{} for _ in shapes]
    for kind in HEAD_KINDS:
        if f"{kind}_shape" not in archive:
            continue
        layers, count = archive[f"{kind}_shape"].tolist()
        weights, at = archive[f"{kind}_weights"], 0
        for index in archive[f"{kind}_records"].tolist():
            targets, sources = shapes[index].tolist()
            shape = (layers, count, *_head_shape(kind, sources, targets))
            end = at + int(np.prod(shape))
            heads[index][kind] = weights[at:end].reshape(shape)
            at = end
        if at != weights.size:
            raise ValueError(f"its arrays disagree about the heads of {kind}")
    return heads


def _unpack(
    shapes: np.ndarray,
    weights: np.ndarray,
    text: bytes,
    token_bytes: np.ndarray,
    heads: list[dict[str, np.ndarray]],
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
    for (targets, sources), of_heads in zip(sizes.tolist(), heads, strict=True):
        middle, end = token_at + sources, token_at + sources + targets
        block = weights[weight_at : weight_at + targets * sources].reshape(targets, sources)
        words = tokens[token_at:middle], tokens[middle:end]
        records.append(AttentionRecord(*words, block, of_heads))
        token_at, weight_at = end, weight_at + targets * sources
    return records
