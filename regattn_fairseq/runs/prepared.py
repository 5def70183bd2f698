"""The preprocessed data, which preprocessing writes and the later stages read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import read_json


@dataclass(frozen=True)
class PreparedData:
    """A folder of preprocessed data: ``text/``, ``tokenizer/``, ``bin/`` and ``preprocess.json``.

    Args:
        directory: the folder.
    """

    directory: Path

    @property
    def text(self) -> Path:
        """Plain text and its manifest, written by :func:`regattn_fairseq.corpora.write_corpus`."""
        return self.directory / "text"

    @property
    def tokenizer(self) -> Path:
        """The files that `pipeline.preprocessing.tokenization.load_tokenizers` reads."""
        return self.directory / "tokenizer"

    @property
    def bin(self) -> Path:
        """The fairseq data-bin."""
        return self.directory / "bin"

    @property
    def record(self) -> Path:
        """Options, checksums of the corpus's files, fairseq's names of the splits. Written last."""
        return self.directory / "preprocess.json"

    @property
    def is_complete(self) -> bool:
        """Whether preprocessing has finished."""
        return self.record.is_file()

    def fairseq_subset(self, split: str) -> str:
        """The data-bin's name for a split: for example ``test1`` for ``test_2017``.

        Raises:
            PipelineError: there is no such split.
        """
        subsets = read_json(self.record)["subsets"]
        if split not in subsets:
            raise PipelineError(
                f"evaluation.split is {split!r}, but {self.text} has only {', '.join(subsets)}"
            )
        return subsets[split]


def data_of_run(saved: Any, directory: Path, cache_dir: Path) -> PreparedData:
    """The preprocessed data that a run was trained on, even if folders have moved since.

    It is searched at its old path, at its old path relative to the run, and in ``cache_dir``. The
    name of its folder identifies its content, so that other data is never taken for it.

    Args:
        saved: the run's configuration, as its ``config.yaml`` has it.
        directory: the run's folder.
        cache_dir: the folder where preprocessed data is kept now.

    Raises:
        PipelineError: it is in none of these places.
    """
    places = [Path(saved["task"]["data"]).parent]
    if saved.get("prepared"):
        places.append(directory / saved["prepared"])
    places.append(cache_dir / places[0].name)
    for place in places:
        if (data := PreparedData(place)).is_complete:
            return data
    raise PipelineError(
        f"{places[0].name}, the preprocessed data that {directory} was trained on, is neither in "
        f"{places[0].parent} nor in {cache_dir}: say with cache_dir=… which folder it is in, or "
        "make it again with regattn-preprocess and the data=… options of the run"
    )
