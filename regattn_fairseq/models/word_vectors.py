"""Pretrained word vectors, read for the words of one dictionary."""

import logging
from itertools import chain
from pathlib import Path

import torch
from fairseq.data import Dictionary
from torch import Tensor

logger = logging.getLogger(__name__)


def load_word_vectors(path: str, dictionary: Dictionary, weight: Tensor) -> int:
    """Overwrite, in place, the rows of the words that a file has vectors for.

    Each line of the file is a word and its numbers, separated by spaces (GloVe's format); a first
    line of two numbers, the counts of words and dimensions, is passed over (word2vec's and
    fastText's). A word that the file has only in lower case gets that vector. Only the vectors
    that are needed are kept, so that the file may be larger than memory.

    Args:
        path: the file.
        dictionary: says which row belongs to which word.
        weight: embeddings [len(dictionary), dim].

    Returns:
        How many words of the dictionary got a vector.

    Raises:
        ValueError: the file cannot be read, or its vectors are not of ``dim`` numbers.
    """
    dim = weight.size(1)
    rows: dict[str, list[int]] = {}
    for index in range(dictionary.nspecial, len(dictionary)):
        rows.setdefault(dictionary[index], []).append(index)
    lowercase: dict[str, list[int]] = {}
    for word, indices in rows.items():
        if word != word.lower() and word.lower() not in rows:
            lowercase.setdefault(word.lower(), []).extend(indices)
    found: set[int] = set()
    try:
        with Path(path).open(encoding="utf-8", newline="\n") as file:
            first = file.readline()
            is_header = len(first.split()) == 2 and dim != 1
            for number, line in enumerate(
                file if is_header else chain([first], file), start=2 if is_header else 1
            ):
                # GloVe's larger files hold a few words with spaces in them.
                word, *numbers = line.rstrip("\n ").rsplit(" ", dim)
                exact, lower = rows.get(word, ()), lowercase.get(word, ())
                if not (exact or lower or number == 1):
                    continue
                if len(numbers) != dim or " " in word:
                    raise ValueError(
                        f"{path}, line {number}, has {len(line.split()) - 1} numbers: set "
                        f"encoder_embed_dim (now {dim}) to the size of the file's vectors"
                    )
                vector = torch.tensor([float(value) for value in numbers], dtype=weight.dtype)
                for index in (*exact, *(i for i in lower if i not in found)):
                    weight[index] = vector
                    found.add(index)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ValueError(
            f"encoder_embed_path={path} cannot be read ({reason}): name a file of word vectors in "
            "GloVe's text format"
        ) from error
    logger.info("word vectors for %d of %d words", len(found), len(dictionary))
    return len(found)
