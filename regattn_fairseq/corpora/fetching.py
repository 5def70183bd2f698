"""Download files from the web, resume broken downloads, check files, and unpack them safely.

This module uses the standard library's HTTP client. Of the libraries that were considered, pooch
checks and unpacks but starts again from the first byte, and those that resume bring a whole HTTP
client with them.
"""

from __future__ import annotations

import http.client
import json
import os
import stat
import tarfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filelock import SoftFileLease
from tqdm import tqdm

from regattn_fairseq.corpora.protocol import CorpusError
from regattn_fairseq.corpora.reading import existing_file, what_is_in
from regattn_fairseq.files import new_folder, sha256

BLOCK = 1 << 20
ATTEMPTS = 4
TIMEOUT_SECONDS = 60
CHECKSUM_SUFFIX = ".sha256"
UNPACKED_FROM = ".unpacked_from.json"
LEASE_SECONDS = 90.0


@dataclass(frozen=True)
class Remote:
    """A file on the web, and what is known of it.

    ``advice`` is the end of the error message if the file cannot be downloaded: its licence, and
    where else to get it. Without ``sha256``, the checksum of the first download is recorded beside
    the file, and a later download has to agree with it.
    """

    url: str
    advice: str
    size: int | None = None
    sha256: str | None = None

    @property
    def name(self) -> str:
        """Its file name."""
        return self.url.rsplit("/", 1)[1]


def fetch(remote: Remote, path: Path) -> Path:
    """Download to ``path`` unless it is there; several processes may ask for it at once.

    The bytes are written to ``<path>.part``, which is kept when the connection breaks, so that the
    next attempt or the next call goes on from there. If no byte arrives, nothing is left behind,
    not even the folder.

    Raises:
        CorpusError: it cannot be downloaded or written, or is not what it should be.
    """
    if path.is_file():
        return path
    try:
        with _new_folders(path.parent), _lease(path):
            if not path.is_file():
                part = path.with_name(f"{path.name}.part")
                _download(remote, part)
                _check(remote, part, path.with_name(path.name + CHECKSUM_SUFFIX))
                part.replace(path)
                _validator_file(part).unlink(missing_ok=True)
    except OSError as error:
        raise CorpusError(
            f"{path} cannot be written ({error.strerror}): make room there, or choose another "
            "folder with data.raw_dir=…"
        ) from error
    return path


@contextmanager
def _new_folders(folder: Path) -> Iterator[None]:
    """Make a folder and its parents; at the end, remove the new ones that are still empty."""
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for parent in made:
            with suppress(OSError):
                parent.rmdir()


def _lease(path: Path) -> SoftFileLease:
    """A lock that lets one process at a time work on ``path``; it expires if the process dies."""
    return SoftFileLease(f"{path}.lock", lease_duration=LEASE_SECONDS, poll_interval=0.2)


class _BrokenOffError(Exception):
    """The connection ended before the file did."""


def _download(remote: Remote, part: Path) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _request(remote, part)
            return
        except (_BrokenOffError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
            if attempt == ATTEMPTS:
                size = part.stat().st_size if part.exists() else 0
                raise CorpusError(
                    f"{remote.url} broke off after {size} bytes: run the command again and it "
                    f"goes on from there, or put {remote.name} into data.raw_dir yourself; "
                    f"{remote.advice}"
                ) from error
        except (urllib.error.URLError, ValueError) as error:
            reason = f"HTTP {error.code}" if isinstance(error, urllib.error.HTTPError) else ""
            reason = reason or str(getattr(error, "reason", None) or error)
            raise CorpusError(
                f"{remote.url} cannot be downloaded ({reason}): put {remote.name} into "
                f"data.raw_dir yourself; {remote.advice}"
            ) from error


def _request(remote: Remote, part: Path) -> None:
    """Request the bytes that ``part`` still lacks, and append them."""
    start = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "regattn_fairseq", "Accept-Encoding": "identity"}
    validator = _validator(part)
    if start and (validator or remote.sha256):
        headers["Range"] = f"bytes={start}-"
        if validator:
            headers["If-Range"] = validator
    try:
        response = urllib.request.urlopen(
            urllib.request.Request(remote.url, headers=headers), timeout=TIMEOUT_SECONDS
        )
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        if error.headers.get("Content-Range") == f"bytes */{start}":
            return  # the file was already complete
        part.unlink()
        raise _BrokenOffError from error
    with response:
        if response.headers.get_content_type() == "text/html":
            raise ValueError("a web page came instead of the file")
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            start = 0
        _remember(part, response.headers.get("ETag") or response.headers.get("Last-Modified"))
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else remote.size
        # disable=None: no bar unless the output is a terminal; a log file gets none.
        with (
            part.open("ab" if start else "wb") as file,
            tqdm(
                desc=remote.name,
                total=total,
                initial=start,
                unit="B",
                unit_scale=True,
                disable=None,
            ) as progress,
        ):
            while block := response.read(BLOCK):
                file.write(block)
                progress.update(len(block))
            if total is not None and file.tell() < total:
                raise _BrokenOffError


def _validator_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _remember(part: Path, validator: str | None) -> None:
    """Record which version of the file this is, so that parts of two are never joined."""
    # A weak ETag promises no equality byte by byte, and If-Range must not name it.
    strong = validator if validator and not validator.startswith("W/") else None
    _validator_file(part).write_text(json.dumps({"validator": strong}), encoding="utf-8")


def _validator(part: Path) -> str | None:
    try:
        return json.loads(_validator_file(part).read_text(encoding="utf-8"))["validator"]
    except (OSError, ValueError, KeyError):
        return None


def _check(remote: Remote, part: Path, record: Path) -> None:
    size = part.stat().st_size
    checksum = sha256(part)
    expected = remote.sha256
    if expected is None and record.is_file():
        expected = record.read_text(encoding="utf-8").split()[0]
    wrong_size = remote.size is not None and size != remote.size
    if wrong_size or (expected is not None and checksum != expected):
        part.unlink()
        known = f"SHA-256 {expected}" if expected else f"{remote.size} bytes"
        raise CorpusError(
            f"{remote.url} gave {size} bytes with SHA-256 {checksum}, but {known} was expected: "
            f"it has changed or was damaged on the way, and is not used; {remote.advice}"
        )
    if remote.sha256 is None:
        record.write_text(f"{checksum}  {part.name.removesuffix('.part')}\n", encoding="utf-8")


def unpack(archive: Path) -> Path:
    """Unpack a tar or zip archive into a folder beside it, unless it is there; return that folder.

    The folder is named like the archive, with ``.unpacked`` at its end, and appears whole or not at
    all. An archive that was replaced since then (its size or time differs) is unpacked again.

    Raises:
        CorpusError: it is no archive or is damaged, it cannot be written, or a member is a link, a
            device, or would be written outside the folder.
    """
    folder = archive.with_name(f"{archive.name}.unpacked")
    try:
        status = archive.stat()
        stamp = json.dumps({"size": status.st_size, "mtime_ns": status.st_mtime_ns})
        if _is_unpacked(folder, stamp):
            return folder
        with _lease(folder):
            if not _is_unpacked(folder, stamp):
                with new_folder(folder) as scratch:
                    if zipfile.is_zipfile(archive):
                        _unpack_zip(archive, scratch)
                    else:
                        _unpack_tar(archive, scratch)
                    (scratch / UNPACKED_FROM).write_text(stamp, encoding="utf-8")
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        reason = str(error).split("\n")[0] or "it ends too early"
        raise CorpusError(
            f"{archive} cannot be unpacked ({reason}): remove it and fetch it again"
        ) from error
    except OSError as error:
        raise CorpusError(
            f"{archive} cannot be unpacked ({error.strerror or error}): make room in "
            f"{archive.parent}, or fetch it again"
        ) from error
    return folder


def _is_unpacked(folder: Path, stamp: str) -> bool:
    record = folder / UNPACKED_FROM
    return record.is_file() and record.read_text(encoding="utf-8") == stamp


def find_folder(
    raw_dir: str | Path,
    places: Iterable[str],
    markers: Iterable[str],
    *,
    archives: Iterable[str] = (),
    remote: Remote | None = None,
    advice: str = "",
) -> Path:
    """The folder of a corpus: the user's own, else from the user's archive, else downloaded.

    Args:
        raw_dir: where to look, and where to download to.
        places: folders below it, or below the unpacked archive, in which the files may lie.
        markers: files; at least one of them has to be there, plain or compressed.
        archives: names under which the archive circulates.
        remote: where to download it from; ``None`` if that is not possible.
        advice: how to get the corpus if ``remote`` is ``None``.

    Raises:
        CorpusError: it is nowhere, or the archive holds something else.
    """
    directory, places, markers = Path(raw_dir), list(places), list(markers)
    found = _holding(directory, places, markers)
    if found is None:
        names = [*archives, *([remote.name] if remote else [])]
        archive = next((directory / n for n in names if (directory / n).is_file()), None)
        if archive is None and remote is None:
            raise CorpusError(
                f"{directory / markers[0]}{''.join(f' or {m}' for m in markers[1:])} is missing: "
                f"set data.raw_dir to the folder that holds it; {advice}; {what_is_in(directory)}"
            )
        if archive is None and remote is not None:
            archive = fetch(remote, directory / remote.name)
        assert archive is not None
        found = _holding(unpack(archive), places, markers)
        if found is None:
            raise CorpusError(
                f"{archive} holds no {' or '.join(markers)}: remove it, and "
                f"{remote.advice if remote else advice}"
            )
    return found


def _holding(directory: Path, places: Iterable[str], markers: Iterable[str]) -> Path | None:
    return next(
        (
            directory / place
            for marker in markers
            for place in places
            if existing_file(directory / place / marker)
        ),
        None,
    )


def _unpack_tar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        for member in tar:
            if not (member.isfile() or member.isdir()):
                raise _unsafe(archive, member.name, "is a link or a device")
            _require_inside(archive, member.name)
            try:
                tar.extract(member, folder, filter="data")
            except tarfile.FilterError as error:
                raise _unsafe(archive, member.name, "is refused by tarfile") from error


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as zipped:
        for member in zipped.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _unsafe(archive, member.filename, "is a link or a device")
            # zipfile itself would silently put it somewhere else.
            _require_inside(archive, member.filename)
            zipped.extract(member, folder)


def _require_inside(archive: Path, name: str) -> None:
    path = PurePosixPath(name.replace(os.sep, "/").replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name.split("/")[0]:
        raise _unsafe(archive, name, "would be written outside its folder")


def _unsafe(archive: Path, name: str, reason: str) -> CorpusError:
    return CorpusError(
        f"{archive} is not unpacked, because its member {name!r} {reason}: "
        "take the archive from its original place"
    )
