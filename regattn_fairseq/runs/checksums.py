"""What a corpus's files hold, without reading again those that have not been touched."""

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
    """The SHA-256 of each file, by the names that a corpus's manifest gives to its inputs.

    A file whose size, inode and times are as they were when it was last read counts as unchanged;
    ``cache_dir`` remembers them.
    """
    memory = cache_dir / KNOWN
    try:
        known = read_json(memory) if memory.is_file() else {}
    except PipelineError:  # only a shortcut
        known = {}
    found: dict[str, str] = {}
    read: dict[str, list[Any]] = {}
    for name, path in zip(input_names(paths), paths, strict=True):
        place, status = str(path.resolve()), path.stat()
        # The time of the last change of the inode cannot be set back, as a copying program may
        # do with that of the content.
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
