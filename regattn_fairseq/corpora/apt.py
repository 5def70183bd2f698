"""Debian's package descriptions and their translations, fetched by apt.

Every archive of Debian and its derivatives has an index ``Translation-<language>`` for each
language. apt downloads it from the sources of the system that it runs on.
"""

from __future__ import annotations

import gzip
import logging
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from regattn_fairseq.corpora.protocol import CorpusError
from regattn_fairseq.corpora.reading import existing_file
from regattn_fairseq.files import new_file

logger = logging.getLogger(__name__)

UPDATE_SECONDS = 900


def index_files(raw_dir: Path, languages: Sequence[str]) -> tuple[Path, ...]:
    """The index of each language in ``raw_dir``; those that are missing there are fetched.

    Raises:
        CorpusError: one is missing and cannot be fetched.
    """
    paths = [raw_dir / f"Translation-{language}" for language in languages]
    missing = [x for x, path in zip(languages, paths, strict=True) if not existing_file(path)]
    if missing:
        fetch_indices(raw_dir, missing)
    return tuple(existing_file(path) or path for path in paths)


def fetch_indices(raw_dir: Path, languages: Sequence[str]) -> None:
    """Have apt download translation indices from this system's sources to ``raw_dir``.

    apt works in a temporary folder: of the system's state it reads only the list of sources, and it
    changes nothing. Sources that do not answer are skipped with a warning, as long as others have
    the translations.

    Raises:
        CorpusError: there is no apt, the download fails, the sources have no such translations, or
            ``raw_dir`` cannot be written.
    """
    programs = {name: _apt_program(name) for name in ("apt-get", "apt-helper")}
    try:
        with tempfile.TemporaryDirectory() as folder:
            config = _private_state(Path(folder), languages)
            failure = None
            try:
                _run([programs["apt-get"], "-c", str(config), "--error-on=any", "update"])
            except CorpusError as error:
                failure = error
            indices = {x: _index_content(x, programs, config, failure) for x in languages}
        if failure is not None:
            logger.warning("the text comes only from the sources that answered: %s", failure)
        raw_dir.mkdir(parents=True, exist_ok=True)
        for language, content in indices.items():
            with new_file(raw_dir / f"Translation-{language}.gz") as file:
                # mtime=0: the same index gives the same bytes.
                file.write(gzip.compress(content, mtime=0))
    except OSError as error:
        raise CorpusError(
            f"{raw_dir} cannot be written ({error.strerror}): choose another data.raw_dir"
        ) from error


def _index_content(
    language: str, programs: dict[str, str], config: Path, failure: CorpusError | None
) -> bytes:
    """What apt has for a language after an update, which may have ended in ``failure``."""
    query = ["indextargets", "--format", "$(FILENAME)", "Created-By: Translations"]
    listed = _run([programs["apt-get"], "-c", str(config), *query, f"Language: {language}"])
    files = sorted(line for line in listed.decode().split("\n") if line and Path(line).is_file())
    if not files:
        if offered := _offered_languages(config.parent.rglob("*Release")):
            raise CorpusError(
                f"apt's sources have no package descriptions in the language {language}: choose "
                f"data.source_lang and data.target_lang from {', '.join(offered)}"
            )
        if failure is not None:
            raise failure
        raise CorpusError(
            f"apt's sources have no Translation-{language}: add a Debian or Ubuntu archive "
            "to them, or choose another data="
        )
    return _run([programs["apt-helper"], "-c", str(config), "cat-file", *files])


def _offered_languages(releases: Iterable[Path]) -> list[str]:
    """The languages of the indices that the sources' release files list."""
    found: set[str] = set()
    for path in releases:
        text = path.read_text(encoding="utf-8", errors="replace")
        found.update(re.findall(r"/i18n/Translation-([\w@]+)", text))
    return sorted(found)


def _apt_program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/lib/apt")
    if found is None:
        raise CorpusError(
            f"the debian corpora need {name}, which this system does not have: set data.raw_dir "
            "to a folder filled by a system with apt, or choose another data="
        )
    return found


def _private_state(folder: Path, languages: Iterable[str]) -> Path:
    """A configuration file that moves apt's state into ``folder``, for ``languages`` only.

    apt reads a file given by ``-c`` after the system's files, so that it can clear the system's
    lists. Container images often switch translations off and add hooks with commands that need
    root.
    """
    for subfolder in ("state/lists/partial", "cache/archives/partial", "log"):
        (folder / subfolder).mkdir(parents=True)
    (folder / "status").touch()
    wanted = " ".join(f'"{language}";' for language in languages)
    config = folder / "apt.conf"
    config.write_text(
        f'Dir::State "{folder}/state";\n'
        f'Dir::State::lists "{folder}/state/lists";\n'
        f'Dir::State::status "{folder}/status";\n'
        f'Dir::Cache "{folder}/cache";\n'
        f'Dir::Log "{folder}/log";\n'
        'APT::Sandbox::User "";\n'
        "#clear APT::Update::Pre-Invoke;\n"
        "#clear APT::Update::Post-Invoke;\n"
        "#clear APT::Update::Post-Invoke-Success;\n"
        "#clear Acquire::Languages;\n"
        f"Acquire::Languages {{ {wanted} }};\n"
        'Acquire::IndexTargets::deb::Packages::DefaultEnabled "false";\n'
        'Acquire::IndexTargets::deb-src::Sources::DefaultEnabled "false";\n',
        encoding="utf-8",
    )
    return config


def _run(command: list[str]) -> bytes:
    try:
        return subprocess.run(
            command,
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=UPDATE_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
        ).stdout
    except subprocess.TimeoutExpired as error:
        reason = f"no answer within {UPDATE_SECONDS} s"
        raise CorpusError(_apt_failed(command, reason)) from error
    except subprocess.CalledProcessError as error:
        complaints = error.stderr.decode(errors="replace").strip().split("\n")
        reason = next((c for c in complaints if c.startswith("E:")), complaints[0])
        raise CorpusError(_apt_failed(command, reason.strip())) from error


def _apt_failed(command: list[str], reason: str) -> str:
    return (
        f"{Path(command[0]).name} failed ({reason}): check the network and apt's sources, or set "
        "data.raw_dir to a folder that is already filled"
    )
