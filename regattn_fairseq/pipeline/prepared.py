"""What preprocessing leaves, and the later stages read."""

from dataclasses import dataclass
from pathlib import Path

from regattn_fairseq.pipeline.errors import PipelineError
from regattn_fairseq.pipeline.files import read_json


@dataclass(frozen=True)
class PreparedData:
    """A finished preprocessing: ``text/``, ``tokenizer/``, ``bin/`` and ``preprocess.json``.

    Args:
        directory: where it lies.
    """

    directory: Path

    @property
    def text(self) -> Path:
        """Plain text and its manifest, as :func:`regattn_fairseq.corpora.write_corpus` left it."""
        return self.directory / "text"

    @property
    def tokenizer(self) -> Path:
        """What :func:`regattn_fairseq.pipeline.tokenization.load_tokenizers` reads."""
        return self.directory / "tokenizer"

    @property
    def bin(self) -> Path:
        """The fairseq data-bin."""
        return self.directory / "bin"

    @property
    def record(self) -> Path:
        """Written last: options, and the names that fairseq gives to the splits."""
        return self.directory / "preprocess.json"

    @property
    def inputs(self) -> Path:
        """Sizes and times of the corpus's own files when their checksums were last compared."""
        return self.directory / "inputs.json"

    @property
    def is_complete(self) -> bool:
        """Whether the stage ran to its end."""
        return self.record.is_file()

    def fairseq_subset(self, split: str) -> str:
        """The data-bin's name for a split: ``test_2017`` may be its ``test1``.

        Raises:
            PipelineError: there is no such split.
        """
        subsets = read_json(self.record)["subsets"]
        if split not in subsets:
            raise PipelineError(
                f"evaluation.split is {split!r}, but {self.text} has only {', '.join(subsets)}"
            )
        return subsets[split]
