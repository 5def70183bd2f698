"""The paths of a run's files."""

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
        """The whole configuration, composed and resolved."""
        return self.directory / "config.yaml"

    @property
    def fairseq_config(self) -> Path:
        """Fairseq's part, for ``fairseq-hydra-train --config-dir … --config-name fairseq``."""
        return self.directory / "fairseq.yaml"

    @property
    def checkpoints(self) -> Path:
        """Folder of ``checkpoint_best.pt`` and ``checkpoint_last.pt``."""
        return self.directory / "checkpoints"

    @property
    def log(self) -> Path:
        """One JSON object for each epoch and split. Training adds a line after each epoch."""
        return self.directory / "train_log.jsonl"

    @property
    def training(self) -> Path:
        """Summary of the training. The training writes it when it ends."""
        return self.directory / "train.json"

    @property
    def result(self) -> Path:
        """The result of the last evaluation. The evaluation writes it after all other files."""
        return self.directory / "result.json"

    def result_of(self, split: str) -> Path:
        """The result of the last evaluation of this split. Each split has a file of its own."""
        return self.directory / f"{split}.result.json"

    @property
    def lock(self) -> Path:
        """The lock file. It exists while a process works on the run."""
        return self.directory / ".lock"

    def checkpoint(self, name: str) -> Path:
        """The checkpoint of this name.

        Args:
            name: ``best`` or ``last``.
        """
        return self.checkpoints / f"checkpoint_{name}.pt"
