"""Checksums of a corpus's files; files that have not changed are not read again."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from regattn_fairseq.corpora.folder import input_names
from regattn_fairseq.files import sha256
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import read_json, write_json

KNOWN = ".checksums"


def checksums(paths: Sequence[Path], cache_dir: Path) -> dict[str, str]:
    """The SHA-256 of each file, by the name that a corpus's manifest gives to this input.

    A file counts as unchanged if its size, inode and times are the same as when it was last read.
    A file in ``cache_dir`` keeps these, and the checksums.
    """
    memory = cache_dir / KNOWN
    try:
        known = read_json(memory) if memory.is_file() else {}
    except PipelineError:  # it only saves time
        known = {}
    found: dict[str, str] = {}
    read: dict[str, list[Any]] = {}
    for name, path in zip(input_names(paths), paths, strict=True):
        place, status = str(path.resolve()), path.stat()
        # A copying program may set back the time of the last change of the content (mtime), but
        # not that of the inode (ctime).
        state = [status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]
        remembered = known.get(place)
        if not (remembered and remembered[:-1] == state):
            remembered = read[place] = [*state, sha256(path)]
        found[name] = str(remembered[-1])
    if read:
        with suppress(OSError):
            cache_dir.mkdir(parents=True, exist_ok=True)
            write_json(memory, {**known, **read})
    return found
