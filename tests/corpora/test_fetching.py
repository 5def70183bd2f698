"""Downloads from a server of our own: whole, broken off, wrong, changed; and archives."""

import hashlib
import io
import stat
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from regattn_fairseq.corpora import CorpusError
from regattn_fairseq.corpora.fetching import Remote, fetch, unpack

CONTENT = bytes(range(256)) * 20_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """One file that is sent in pieces: each answer breaks off after ``limit`` bytes."""

    content = CONTENT
    limit: int | None = None
    etag: str | None = '"one"'
    content_type = "application/gzip"
    ranges = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/corpus.tgz"


class Handler(BaseHTTPRequestHandler):
    """Answers with the whole file or, if asked and allowed, with its end."""

    server: Server

    def do_GET(self) -> None:
        server = self.server
        server.asked.append(self.headers["Range"])
        if self.path != "/corpus.tgz":
            self.send_error(404)
            return
        start = 0
        fresh = self.headers["If-Range"] in (None, server.etag)
        if self.headers["Range"] and server.ranges and fresh:
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if start >= len(server.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(server.content)}")
                self.end_headers()
                return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            end = len(server.content)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
        if server.etag:
            self.send_header("ETag", server.etag)
        self.send_header("Content-Type", server.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.limit])

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def remote(server: Server, **known: object) -> Remote:
    return Remote(server.url, advice="licence: none", **known)  # type: ignore[arg-type]


def test_a_file_arrives_once(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "new" / "corpus.tgz"
    for _ in range(2):
        assert fetch(remote(server, sha256=SHA256, size=len(CONTENT)), path) == path
    assert path.read_bytes() == CONTENT
    assert server.asked == [None]
    assert {p.name for p in path.parent.iterdir()} <= {"corpus.tgz", "corpus.tgz.lock"}


def test_a_broken_download_goes_on_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.limit = 2_000_000
    fetch(remote(server), tmp_path / "corpus.tgz")
    assert (tmp_path / "corpus.tgz").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=2000000-", "bytes=4000000-"]


def test_the_next_call_goes_on_where_the_last_gave_up(server: Server, tmp_path: Path) -> None:
    server.limit = 100_000
    with pytest.raises(CorpusError, match=r"broke off after 400000 bytes.*licence: none") as caught:
        fetch(remote(server), tmp_path / "corpus.tgz")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "corpus.tgz").exists()
    server.limit = None
    fetch(remote(server), tmp_path / "corpus.tgz")
    assert (tmp_path / "corpus.tgz").read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=400000-"


def test_a_file_that_changed_meanwhile_starts_again(server: Server, tmp_path: Path) -> None:
    server.limit = 100_000
    with pytest.raises(CorpusError, match="broke off"):
        fetch(remote(server), tmp_path / "corpus.tgz")
    server.content, server.etag, server.limit = CONTENT[::-1], '"two"', None
    fetch(remote(server), tmp_path / "corpus.tgz")
    assert (tmp_path / "corpus.tgz").read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize(("etag", "ranges"), [(None, True), ('W/"weak"', True), ('"one"', False)])
def test_what_cannot_be_resumed_safely_starts_again(
    server: Server, tmp_path: Path, etag: str | None, ranges: bool
) -> None:
    server.etag, server.ranges, server.limit = etag, ranges, 100_000
    with pytest.raises(CorpusError, match="broke off after 100000 bytes"):
        fetch(remote(server), tmp_path / "corpus.tgz")
    server.limit = None
    fetch(remote(server), tmp_path / "corpus.tgz")
    assert (tmp_path / "corpus.tgz").read_bytes() == CONTENT


def test_a_download_killed_after_its_last_byte_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / "corpus.tgz.part").write_bytes(CONTENT)
    fetch(remote(server, sha256=SHA256), tmp_path / "corpus.tgz")
    assert (tmp_path / "corpus.tgz").read_bytes() == CONTENT


@pytest.mark.parametrize("known", [{"sha256": "0" * 64}, {"size": 7}])
def test_a_wrong_file_is_refused(server: Server, tmp_path: Path, known: dict) -> None:
    with pytest.raises(CorpusError, match=rf"{SHA256}, but .* was expected.*licence: none"):
        fetch(remote(server, **known), tmp_path / "corpus.tgz")
    assert not list(tmp_path.glob("corpus.tgz"))
    assert not list(tmp_path.glob("*.part"))


def test_the_first_download_is_remembered(server: Server, tmp_path: Path) -> None:
    path = fetch(remote(server), tmp_path / "corpus.tgz")
    assert (tmp_path / "corpus.tgz.sha256").read_text() == f"{SHA256}  corpus.tgz\n"
    path.unlink()
    server.content = b"other"
    with pytest.raises(CorpusError, match=f"SHA-256 {SHA256} was expected"):
        fetch(remote(server), path)


def test_a_login_page_is_no_corpus(server: Server, tmp_path: Path) -> None:
    server.content_type = "text/html; charset=utf-8"
    with pytest.raises(CorpusError, match=r"a web page came.*put corpus\.tgz into data\.raw_dir"):
        fetch(remote(server), tmp_path / "corpus.tgz")


def test_no_such_file_and_no_such_server(server: Server, tmp_path: Path) -> None:
    missing = Remote(server.url.replace("corpus", "nothing"), advice="licence: none")
    with pytest.raises(CorpusError, match=r"nothing\.tgz cannot be downloaded \(HTTP 404\)"):
        fetch(missing, tmp_path / "nothing.tgz")
    with pytest.raises(CorpusError, match=r"cannot be downloaded.*licence: none"):
        fetch(Remote("http://127.0.0.1:1/x.zip", advice="licence: none"), tmp_path / "x.zip")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CorpusError, match="cannot be downloaded"):
        fetch(missing, tmp_path / "mistyped" / "folder" / "nothing.tgz")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CorpusError, match=r"cannot be written.*data\.raw_dir"):
        fetch(remote(server), tmp_path / "file" / "corpus.tgz")


# Archives


def tar_with(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def tar_member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def zip_with(path: Path, **members: tuple[int, str]) -> Path:
    with zipfile.ZipFile(path, "w") as zipped:
        for name, (mode, content) in members.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            zipped.writestr(member, content)
    return path


def test_tar_and_zip_are_unpacked_once(tmp_path: Path) -> None:
    tar = tar_with(tmp_path / "a.tgz", (tar_member("de-en/train.de"), b"Hallo\n"))
    zipped = zip_with(tmp_path / "a.zip", **{"snli/train.txt": (stat.S_IFREG | 0o644, "x\n")})
    assert (unpack(tar) / "de-en/train.de").read_bytes() == b"Hallo\n"
    folder = unpack(zipped)
    assert folder == tmp_path / "a.zip.unpacked"
    assert (folder / "snli/train.txt").read_text() == "x\n"
    (folder / "snli/train.txt").write_text("left alone")
    assert unpack(zipped) == folder
    assert (folder / "snli/train.txt").read_text() == "left alone"
    assert not list(tmp_path.glob("*.lock"))


def test_a_replaced_archive_is_unpacked_again(tmp_path: Path) -> None:
    archive = tar_with(tmp_path / "a.tgz", (tar_member("train.de"), b"old\n"))
    assert (unpack(archive) / "train.de").read_bytes() == b"old\n"
    tar_with(archive, (tar_member("train.en"), b"another text\n"))
    assert {path.name for path in unpack(archive).glob("*.*")} >= {"train.en"}
    assert not (unpack(archive) / "train.de").exists()


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (tar_member("../escaped"), "outside its folder"),
        (tar_member("/escaped"), "outside its folder"),
        (tar_member("a/../../escaped"), "outside its folder"),
        (tar_member("link", tarfile.SYMTYPE, "/etc/passwd"), "link or a device"),
        (tar_member("link", tarfile.SYMTYPE, "good"), "link or a device"),
        (tar_member("hard", tarfile.LNKTYPE, "good"), "link or a device"),
        (tar_member("pipe", tarfile.FIFOTYPE), "link or a device"),
        (tar_member("null", tarfile.CHRTYPE), "link or a device"),
    ],
)
def test_a_malicious_tar_is_refused(tmp_path: Path, member: tarfile.TarInfo, reason: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    archive = tar_with(folder / "bad.tgz", (tar_member("good"), b"fine"), (member, b""))
    with pytest.raises(CorpusError, match=reason) as caught:
        unpack(archive)
    assert "\n" not in str(caught.value)
    assert {path.name for path in folder.iterdir()} <= {"bad.tgz", "bad.tgz.unpacked.lock"}
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(
    ("name", "mode", "reason"),
    [
        ("../escaped", stat.S_IFREG | 0o644, "outside its folder"),
        ("/escaped", 0, "outside its folder"),
        ("a\\..\\..\\escaped", 0, "outside its folder"),
        ("C:/escaped", 0, "outside its folder"),
        ("link", stat.S_IFLNK | 0o777, "link or a device"),
    ],
)
def test_a_malicious_zip_is_refused(tmp_path: Path, name: str, mode: int, reason: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    archive = zip_with(folder / "bad.zip", **{"good": (0, "fine"), name: (mode, "/etc/passwd")})
    with pytest.raises(CorpusError, match=reason):
        unpack(archive)
    assert {path.name for path in folder.iterdir()} <= {"bad.zip", "bad.zip.unpacked.lock"}
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x05\x06"])
def test_no_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "corpus.tgz").write_bytes(content)
    with pytest.raises(CorpusError, match=r"corpus\.tgz cannot be unpacked"):
        unpack(tmp_path / "corpus.tgz")


def test_an_archive_that_ends_too_early(tmp_path: Path) -> None:
    archive = tar_with(tmp_path / "a.tgz", (tar_member("big"), CONTENT[::-1] * 3))
    archive.write_bytes(archive.read_bytes()[:2000])
    with pytest.raises(CorpusError, match="cannot be unpacked"):
        unpack(archive)
    assert not (tmp_path / "a.tgz.unpacked").exists()
