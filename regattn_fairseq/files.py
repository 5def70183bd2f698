"""Files and folders that appear whole or not at all, and the checksum of a file.

What is being written has a name of its own, beside the one that it takes at the end by one rename.
A reader finds the old content or the new one, and whatever fails leaves the old one.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for bytes that takes the place of ``path`` at the end of the block.

    Raises:
        OSError: the folder is missing, full or read-only.
    """
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        temporary = Path(file.name)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(0o644)  # a temporary file is its owner's alone
            temporary.replace(path)
        except BaseException:
            temporary.unlink()
            raise


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Make a folder beside ``path`` to work in; what is still there at the end is deleted.

    Raises:
        OSError: the folder that holds ``path`` is missing, full or read-only.
    """
    scratch = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        scratch.chmod(0o755)  # a temporary folder is its owner's alone
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Make a folder to fill, which takes the place of ``path`` at the end of the block.

    Raises:
        OSError: the folder that holds ``path`` is missing, full or read-only.
    """
    with scratch_folder(path) as scratch:
        yield scratch
        if path.exists():
            shutil.rmtree(path)
        scratch.rename(path)


def sha256(path: Path) -> str:
    """The checksum of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
