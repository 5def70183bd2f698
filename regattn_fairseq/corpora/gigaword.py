"""Headlines of the annotated English Gigaword, as Rush et al. 2015 prepared it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from regattn_fairseq.corpora.duc import duc_files, duc_pairs
from regattn_fairseq.corpora.fetching import find_folder
from regattn_fairseq.corpora.protocol import CorpusError, PublishedSplits, SentencePair
from regattn_fairseq.corpora.reading import existing_file, find_file, read_parallel
from regattn_fairseq.installation import how_to_install

logger = logging.getLogger(__name__)

ADVICE = (
    "the prepared text circulates as sumdata (see https://github.com/harvardnlp/sent-summary) and "
    "as the data set Harvard/gigaword; Gigaword itself is LDC's, catalogue number LDC2012T21"
)
TEST_PAIRS = 1951
ARCHIVES = ("sumdata.tar.gz", "sumdata.tgz", "summary.tar.gz", "ggw_data.zip", "org_data.zip")
PLACES = (
    "", "train", "sumdata", "sumdata/train", "org_data", "ggw_data", "ggw_data/org_data", "data",
)  # fmt: skip
# For each split the names of the source's file, and those of the target's in the same order.
LAYOUTS = {
    "train": (("train.article.txt", "train.src.txt"), ("train.title.txt", "train.tgt.txt")),
    "valid": (
        ("valid.article.filter.txt", "dev.src.txt", "val.src.txt", "valid.src.txt"),
        ("valid.title.filter.txt", "dev.tgt.txt", "val.tgt.txt", "valid.tgt.txt"),
    ),
    "test": (("input.txt", "test.src.txt"), ("task1_ref0.txt", "test.tgt.txt")),
}
PARQUET_NAMES = {"train": "train", "valid": "validation", "test": "test"}


@dataclass(frozen=True)
class GigawordHeadlines:
    """3.8 million first sentences with their headlines, and a test set of 1,951.

    The text is tokenized and lowercase, digits are ``#``, rare words are ``UNK``: training files
    that write ``<unk>`` are brought in line with the test set. Nothing is dropped from the test
    set, so that its scores compare with published ones, although some of its articles are a lone
    ``UNK`` and some headlines are longer than their article; the literature scores these too.

    ``raw_dir`` holds one of the forms in which the text circulates, plain or compressed, in the
    folder itself or where its archive puts it:

    - ``train.article.txt``, ``train.title.txt``, ``valid.article.filter.txt``,
      ``valid.title.filter.txt``, and ``input.txt`` with ``task1_ref0.txt`` (also in ``Giga/``);
    - ``train.src.txt``, ``train.tgt.txt``, ``dev.src.txt`` (or ``val``, ``valid``), …;
    - Parquet files with the columns ``document`` and ``summary``: ``train-00000-of-00002.parquet``,
      ``validation-…``, ``test-…``, also in ``data/``, or ``train/0000.parquet`` and its like.

    ``duc`` lists years (2003, 2004) of DUC's task 1, in ``raw_dir/DUC2004`` and the like: further
    test sets ``test_duc2004`` with four references.
    """

    raw_dir: str | Path
    duc: tuple[int, ...] = ()
    name: str = "gigaword"
    source_lang: str = "article"
    target_lang: str = "title"

    def __post_init__(self) -> None:
        """Turn a list from a configuration into a tuple, which can be compared and written."""
        object.__setattr__(self, "duc", tuple(self.duc))

    def input_files(self) -> tuple[Path, ...]:
        """Six text files or any number of Parquet files, and five for each year of DUC."""
        given = [path for files in self._splits().values() for path in files]
        return (*given, *(path for year in self.duc for path in duc_files(self.raw_dir, year)))

    def read(self) -> PublishedSplits:
        """The published splits, test sets complete."""
        splits: dict[str, Iterable[SentencePair]] = {}
        for name, files in self._splits().items():
            pairs = _read_parquet(files) if _is_parquet(files) else read_parallel(*files)
            splits[name] = _checked(pairs) if name == "test" else map(_with_unk, pairs)
        for year in self.duc:
            splits[f"test_duc{year}"] = duc_pairs(duc_files(self.raw_dir, year), year)
        return PublishedSplits(splits)

    def _splits(self) -> dict[str, tuple[Path, ...]]:
        parquet = _parquet_files(Path(self.raw_dir))
        if parquet is not None:
            return parquet
        sources, _ = LAYOUTS["train"]
        folder = find_folder(self.raw_dir, PLACES, sources, archives=ARCHIVES, advice=ADVICE)
        return {split: _text_files(folder, split) for split in LAYOUTS}


def _text_files(folder: Path, split: str) -> tuple[Path, ...]:
    """Source and target of a split, both from the same layout."""
    places = [folder, folder / "Giga", folder.parent / "Giga"] if split == "test" else [folder]
    for place in places:
        for names in zip(*LAYOUTS[split], strict=True):
            if any(existing_file(place / name) for name in names):
                return tuple(
                    find_file(place, [name], option="data.raw_dir", advice=ADVICE) for name in names
                )
    sources, _ = LAYOUTS[split]
    return (find_file(folder, sources, option="data.raw_dir", advice=ADVICE),)


def _parquet_files(raw_dir: Path) -> dict[str, tuple[Path, ...]] | None:
    for place in (raw_dir, raw_dir / "data", raw_dir / "default"):
        found = {
            split: tuple(
                sorted([*place.glob(f"{name}-*.parquet"), *place.glob(f"{name}/*.parquet")])
            )
            for split, name in PARQUET_NAMES.items()
        }
        if any(found.values()):
            missing = [PARQUET_NAMES[split] for split, files in found.items() if not files]
            if missing:
                raise CorpusError(
                    f"{place} has no {missing[0]}-*.parquet: set data.raw_dir to a folder with all "
                    f"three splits; {ADVICE}"
                )
            return found
    return None


def _is_parquet(files: tuple[Path, ...]) -> bool:
    return files[0].suffix == ".parquet"


def _read_parquet(files: tuple[Path, ...]) -> Iterator[SentencePair]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise CorpusError(f"{files[0]} needs pyarrow: {how_to_install('parquet')}") from error
    for path in files:
        try:
            with parquet.ParquetFile(path) as table:
                for batch in table.iter_batches(columns=["document", "summary"]):
                    if batch.num_columns != 2:
                        raise CorpusError(
                            f"{path} has the columns {', '.join(table.schema.names)}: document and "
                            "summary are needed"
                        )
                    columns = (batch.column(name).to_pylist() for name in ("document", "summary"))
                    for document, summary in zip(*columns, strict=True):
                        yield SentencePair(document or "", summary or "")
        except (pyarrow.ArrowException, OSError) as error:
            reason = str(error).split("\n")[0]
            raise CorpusError(f"{path} cannot be read ({reason}): fetch it again") from error


def _with_unk(pair: SentencePair) -> SentencePair:
    if "<unk>" not in pair.source and "<unk>" not in pair.target:
        return pair
    return SentencePair(pair.source.replace("<unk>", "UNK"), pair.target.replace("<unk>", "UNK"))


def _checked(pairs: Iterable[SentencePair]) -> Iterator[SentencePair]:
    count = 0
    for pair in pairs:
        count += 1
        yield pair
    if count != TEST_PAIRS:
        logger.warning(
            "the test set has %d pairs, the literature's has %d: scores are not comparable",
            count,
            TEST_PAIRS,
        )
