"""From text to fairseq's data-bin, piece by piece, in several processes if the text is large.

The files are those of ``fairseq-preprocess``, byte for byte. fairseq's own main process waits for
the others before it begins with its share of a file, it fills a tensor word by word, and it keeps
a Python object for each sentence.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import struct
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from fairseq.data import Dictionary
from fairseq.data.indexed_dataset import (
    MMapIndexedDataset,
    _dtype_header_code,
    best_fitting_int_dtype,
)
from fairseq.file_chunker_utils import find_offsets
from tqdm import tqdm

from regattn_fairseq.pipeline.preprocessing.tokenization import load_tokenizers

# Below this a second process costs more time than it saves.
BYTES_WORTH_A_PROCESS = 4 * 2**20
# More pieces than processes: the bar moves, and the last process ends soon after the others.
_PIECES_A_PROCESS = 16
_SIZES_AT_ONCE = 2**16

Result = TypeVar("Result")


@dataclass(frozen=True)
class _Piece:
    """The lines of a file that begin at bytes ``start`` to ``end``."""

    path: Path
    start: int
    end: int

    def lines(self) -> Iterator[str]:
        with self.path.open("rb") as file:
            file.seek(self.start)
            while file.tell() < self.end:
                yield file.readline().decode("utf-8").rstrip("\n")

    def part(self, output: Path) -> Path:
        """The file for the outcome of this piece. The files of all pieces are joined later."""
        return output.with_name(f"{output.name}.{self.start}")


def tokenize(
    text: Path,
    output: Path,
    *,
    tokenizer: Path,
    side: int,
    lowercase: bool,
    most_processes: int,
) -> Counter[str]:
    """Write the tokens of each line of a text, separated by spaces; return how often each occurs.

    Args:
        text: one sentence a line.
        output: one line of tokens for each line of the text.
        tokenizer: folder of the tokenizers.
        side: 0 for the source's tokenizer, 1 for the target's.
        lowercase: whether to lowercase the text first.
        most_processes: the most processes to use.
    """

    def work(piece: _Piece) -> Counter[str]:
        encode = load_tokenizers(tokenizer)[side].encode
        counts: Counter[str] = Counter()
        with piece.part(output).open("w", encoding="utf-8", newline="\n") as file:
            for line in piece.lines():
                tokens = encode(line.lower() if lowercase else line)
                counts.update(tokens)
                file.write(" ".join(tokens) + "\n")
        return counts

    total: Counter[str] = Counter()
    with output.open("wb") as joined:
        for piece, counts in _in_pieces(work, text, f"tokenize {text.name}", most_processes):
            _append(joined, piece.part(output))
            total.update(counts)
    return total


def build_dictionary(counts: Counter[str], most_words: int | None = None) -> Dictionary:
    """Fairseq's dictionary of some tokens, the most frequent first.

    Args:
        counts: how often each token occurs.
        most_words: the size of the dictionary, fairseq's own symbols included. The rarest tokens
            are left out.
    """
    dictionary = Dictionary()
    for word, count in counts.items():
        dictionary.add_symbol(word, count)
    dictionary.finalize(nwords=most_words or -1)
    return dictionary


def binarize(tokens: Path, dictionary: Dictionary, prefix: Path, *, most_processes: int) -> None:
    """Write ``<prefix>.bin`` and ``<prefix>.idx``: the numbers of each line's tokens, and ``</s>``.

    Args:
        tokens: one sentence a line, separated by spaces.
        dictionary: tokens that it lacks become ``<unk>``.
        prefix: such as ``bin/train.de-en.de``.
        most_processes: the most processes to use.
    """
    dtype = np.dtype(best_fitting_int_dtype(len(dictionary)))
    numbers, unknown, end = dictionary.indices, dictionary.unk(), dictionary.eos()
    data, index, sizes = (prefix.with_name(f"{prefix.name}.{x}") for x in ("bin", "idx", "sizes"))

    def work(piece: _Piece) -> None:
        with piece.part(data).open("wb") as file, piece.part(sizes).open("wb") as size_file:
            for line in piece.lines():
                row = array(dtype.char, [numbers.get(token, unknown) for token in line.split()])
                row.append(end)
                file.write(row.tobytes())
                size_file.write(struct.pack("<i", len(row)))

    with data.open("wb") as joined, sizes.open("wb") as joined_sizes:
        shown = f"binarize {tokens.name}"
        for piece, _ in _in_pieces(work, tokens, shown, most_processes):
            _append(joined, piece.part(data))
            _append(joined_sizes, piece.part(sizes))
    _write_index(index, sizes, dtype)
    sizes.unlink()


def _write_index(index: Path, sizes: Path, dtype: np.dtype[Any]) -> None:
    """Fairseq's index: a head, the int32 length of each line, and the byte at which it begins."""
    with index.open("wb") as file, sizes.open("rb") as lengths:
        file.write(MMapIndexedDataset.Index._HDR_MAGIC)
        count = sizes.stat().st_size // 4
        file.write(struct.pack("<QBQ", 1, _dtype_header_code(dtype), count))
        shutil.copyfileobj(lengths, file)
        lengths.seek(0)
        begin = 0
        while (block := np.fromfile(lengths, np.int32, _SIZES_AT_ONCE)).size:
            ends = begin + np.cumsum(block, dtype=np.int64) * dtype.itemsize
            file.write(np.concatenate(([begin], ends[:-1])).astype(np.int64).tobytes())
            begin = int(ends[-1])


# The work of a pool's processes. A fork inherits it, so that it need not be pickled.
_work: Callable[[_Piece], Any] | None = None


def _in_pieces(
    work: Callable[[_Piece], Result], path: Path, shown: str, most_processes: int
) -> Iterator[tuple[_Piece, Result]]:
    """Work on the pieces of a file, in several processes if it is large; the results in order."""
    global _work
    processes = max(1, min(most_processes, path.stat().st_size // BYTES_WORTH_A_PROCESS))
    borders = find_offsets(str(path), _PIECES_A_PROCESS * processes if processes > 1 else 1)
    pieces = [_Piece(path, start, end) for start, end in pairwise(borders)]
    with ExitStack() as stack:
        results: Iterator[Result] = map(work, pieces)
        if processes > 1:
            _work = work
            context = multiprocessing.get_context("fork")
            pool = stack.enter_context(context.Pool(processes, initializer=_end_quietly))
            results = pool.imap(_do_work, pieces)
        progress = tqdm(results, shown, len(pieces), leave=False, disable=None)
        yield from zip(pieces, progress, strict=True)


def _end_quietly() -> None:
    """Ignore Ctrl-C in a pool's process. The main process ends it by SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _do_work(piece: _Piece) -> Any:
    assert _work is not None
    return _work(piece)


def _append(joined: Any, part: Path) -> None:
    with part.open("rb") as file:
        shutil.copyfileobj(file, joined)
    part.unlink()


def available_processes(wished: int | None) -> int:
    """How many processes to use: the number that the options name, else one a core."""
    return wished or len(os.sched_getaffinity(0))


def subset_names(splits: Sequence[str]) -> dict[str, str]:
    """Fairseq's name of each split. Splits other than train and valid become test, test1, …

    >>> subset_names(["train", "valid", "test", "test_2017"])
    {'train': 'train', 'valid': 'valid', 'test': 'test', 'test_2017': 'test1'}
    """
    held_out = [split for split in splits if split not in ("train", "valid")]
    names = {"train": "train", "valid": "valid"}
    return names | {split: f"test{number or ''}" for number, split in enumerate(held_out)}
