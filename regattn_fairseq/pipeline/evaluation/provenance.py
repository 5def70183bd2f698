"""What made a result: versions of packages, the package's revision, and the machine."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide about results."""
    packages = ("regattn-fairseq", "torch", "ve-fairseq", "sacrebleu", "rouge-score")
    found = {"python": platform.python_version()}
    for package in (*packages, "sentencepiece", "hydra-core", "numpy", "numba"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def git_revision() -> str | None:
    """The revision of this package's checkout; None in an installed wheel."""
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def machine() -> str:
    """The processor, the threads and the GPU, in a few words."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU only"
    return f"{platform.machine()}, {torch.get_num_threads()} threads, {device}"
