"""Where in a run's folder each file is."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run.

    Args:
        directory: the run's ``output_dir``.
    """

    directory: Path

    @property
    def config(self) -> Path:
        """The whole configuration, as composed and resolved."""
        return self.directory / "config.yaml"

    @property
    def fairseq_config(self) -> Path:
        """Its fairseq part, for ``fairseq-hydra-train --config-dir … --config-name fairseq``."""
        return self.directory / "fairseq.yaml"

    @property
    def checkpoints(self) -> Path:
        """Folder of ``checkpoint_best.pt`` and ``checkpoint_last.pt``."""
        return self.directory / "checkpoints"

    @property
    def log(self) -> Path:
        """One JSON object for each epoch and split, written as training goes."""
        return self.directory / "train_log.jsonl"

    @property
    def training(self) -> Path:
        """Summary of the training, written when it has ended."""
        return self.directory / "train.json"

    @property
    def result(self) -> Path:
        """Written last, by the evaluation; of several it is the last one's."""
        return self.directory / "result.json"

    def result_of(self, split: str) -> Path:
        """The same of the last evaluation of a split, which that of another leaves alone."""
        return self.directory / f"{split}.result.json"

    @property
    def lock(self) -> Path:
        """There while a process works on the run."""
        return self.directory / ".lock"

    def checkpoint(self, name: str) -> Path:
        """``best`` or ``last``."""
        return self.checkpoints / f"checkpoint_{name}.pt"
