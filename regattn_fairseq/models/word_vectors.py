"""Pretrained word vectors, read for the words of one dictionary."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import torch
from fairseq.data import Dictionary
from torch import Tensor

from regattn_fairseq.models.errors import ModelError

logger = logging.getLogger(__name__)


def load_word_vectors(
    path: str, dictionary: Dictionary, weight: Tensor, side: str = "encoder"
) -> int:
    """Overwrite, in place, the embeddings of all words that have vectors in a file.

    Each line of the file is a word and its numbers, separated by spaces (GloVe's format). If the
    first line has just two numbers, the counts of words and dimensions, it is skipped (word2vec's
    and fastText's format). If the file has a word only in lower case, the word gets that vector.
    Only the vectors that are needed are kept, so the file may be larger than memory.

    Args:
        path: the file.
        dictionary: gives the row of each word.
        weight: embeddings [len(dictionary), dim].
        side: "encoder" or "decoder". Errors name the options of this side, such as
            ``encoder_embed_path`` and ``encoder_embed_dim``.

    Returns:
        How many words of the dictionary got a vector.

    Raises:
        ModelError: the file cannot be read, is damaged, has vectors of another size, or has none
            for these words.
    """
    rows: dict[str, list[int]] = {}
    for index in range(dictionary.nspecial, len(dictionary)):
        rows.setdefault(dictionary[index], []).append(index)
    lowercase: dict[str, list[int]] = {}
    for word, indices in rows.items():
        if word != word.lower() and word.lower() not in rows:
            lowercase.setdefault(word.lower(), []).extend(indices)
    found: set[int] = set()
    try:
        for place, word, numbers in _lines(Path(path).expanduser(), weight.size(1), side):
            exact, lower = rows.get(word, ()), lowercase.get(word, ())
            if not (exact or lower):
                continue
            try:
                vector = torch.tensor([float(value) for value in numbers], dtype=weight.dtype)
            except ValueError as error:
                raise ModelError(f"{place} is damaged ({error}): fetch the file again") from error
            for index in (*exact, *(i for i in lower if i not in found)):
                weight[index] = vector
                found.add(index)
    except OSError as error:
        raise ModelError(
            f"{side}_embed_path={path} cannot be read ({error.strerror}): name a file of word "
            "vectors in GloVe's text format (a trained model holds its vectors: to load one, "
            "override the option with None)"
        ) from error
    if not found:
        raise ModelError(
            f"{side}_embed_path={path} has a vector for none of the dictionary's words: check its "
            "language, and that words were not split into subwords (data.tokenizer.name)"
        )
    logger.info("word vectors for %d of %d words", len(found), len(dictionary))
    return len(found)


def _lines(path: Path, dim: int, side: str) -> Iterator[tuple[str, str, list[str]]]:
    """Each vector's place in the file, its word, and its ``dim`` numbers as text."""
    announced = number = 0
    size: int | None = None
    # Read bytes: Python splits text lines at some characters that are part of a word here.
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            place = f"{path}, line {number},"
            try:
                text = line.decode("utf-8").rstrip("\r\n ")
            except UnicodeDecodeError as error:
                raise ModelError(
                    f"{place} is not UTF-8 text: {side}_embed_path takes word vectors in GloVe's "
                    "text format, unpacked"
                ) from error
            if number == 1 and dim != 1 and re.fullmatch(r"\d+ \d+", text):
                announced, size = map(int, text.split())
                _require_size(size, dim, f"{place} announces vectors of", side)
                continue
            if size is None:
                size = text.count(" ")
                _require_size(size, dim, f"{place} has", side)
            # GloVe's larger files hold a few words with spaces in them.
            word, *numbers = text.rsplit(" ", dim)
            if len(numbers) == dim:
                yield place, word, numbers
            elif text:
                raise ModelError(
                    f"{place} has {len(numbers)} numbers where other lines have {dim}, so the "
                    "file is cut short or damaged: fetch it again"
                )
    if 0 < number <= announced:
        logger.warning(
            "%s ends after %d of the %d words that its first line announces",
            path,
            number - 1,
            announced,
        )


def _require_size(size: int, dim: int, what: str, side: str) -> None:
    if size != dim:
        raise ModelError(
            f"{what} {size} numbers: set {side}_embed_dim (now {dim}) to the size of the file's "
            "vectors"
        )
