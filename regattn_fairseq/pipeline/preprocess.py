"""From a corpus to a fairseq data-bin."""

import hashlib
import logging
import multiprocessing
import os
import shutil
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import hydra.utils
from fairseq.file_chunker_utils import find_offsets
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

import regattn_fairseq
from regattn_fairseq.corpora import write_corpus
from regattn_fairseq.corpora.folder import MANIFEST
from regattn_fairseq.pipeline import entailment
from regattn_fairseq.pipeline.errors import PipelineError
from regattn_fairseq.pipeline.files import (
    clear_write_errors,
    fingerprint,
    read_json,
    read_lines,
    write_json,
)
from regattn_fairseq.pipeline.leases import lease
from regattn_fairseq.pipeline.prepared import PreparedData
from regattn_fairseq.pipeline.tokenization import load_tokenizers, train_tokenizers

logger = logging.getLogger(__name__)

# Raise it when the same options come to mean other files within one version of the package.
FORMAT = 1


def prepared_data(cfg: DictConfig) -> PreparedData:
    """Where the preprocessed form of ``cfg.data`` belongs, whether it is there yet or not."""
    options = _data_options(cfg)
    name = f"{cfg.data.name}-{fingerprint([FORMAT, regattn_fairseq.__version__, options])}"
    return PreparedData(Path(cfg.cache_dir) / name)


def preprocess(cfg: DictConfig) -> PreparedData:
    """Write the corpus, train the tokenizer, and binarize, unless that is done already.

    Several processes may ask for the same data at once: one does the work, the others wait.

    Args:
        cfg: with the nodes ``data`` and ``cache_dir``.

    Raises:
        PipelineError: bad options, or the folder cannot be written.
        regattn_fairseq.corpora.CorpusError: the corpus cannot be read.
    """
    _require_raw_dir(cfg)
    data = prepared_data(cfg)
    with clear_write_errors(data.directory, "cache_dir"):
        data.directory.parent.mkdir(parents=True, exist_ok=True)
        with lease(Path(f"{data.directory}.lock"), f"the corpus {cfg.data.name}"):
            if data.is_complete:
                check_inputs(cfg, data)
                logger.info("preprocessed already: %s", data.directory)
                return data
            _preprocess_into(cfg, data)
    return data


def check_inputs(cfg: DictConfig, data: PreparedData) -> None:
    """Compare the files that the corpus was read from with what they were then.

    A file whose size and time are as they were when it was last compared counts as unchanged; one
    that is not there any more is not missed.

    Raises:
        PipelineError: a file has changed since.
    """
    manifest = data.text / MANIFEST
    raw_dir = None if OmegaConf.is_missing(cfg.data, "raw_dir") else cfg.data.raw_dir
    if raw_dir is None or not manifest.is_file():
        return
    seen = read_json(data.inputs) if data.inputs.is_file() else {}
    now = {}
    for name, checksum in read_json(manifest)["inputs"].items():
        path = (Path(raw_dir) / name).resolve()
        if not path.is_file():
            continue
        status = path.stat()
        now[str(path)] = [status.st_size, status.st_mtime_ns]
        if seen.get(str(path)) == now[str(path)]:
            continue
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != checksum:
                raise PipelineError(
                    f"{path} has changed since {data.directory} was made from it: delete that "
                    "folder to preprocess the new text, give it another data.name=…, or restore "
                    "the file; runs that are there were trained on the old text"
                )
    if any(seen.get(path) != status for path, status in now.items()):
        # Only a shortcut for the next time: a cache that cannot be written will do.
        with suppress(OSError):
            write_json(data.inputs, {**seen, **now})


def _preprocess_into(cfg: DictConfig, final: PreparedData) -> None:
    options = _data_options(cfg)
    scratch = Path(tempfile.mkdtemp(dir=final.directory.parent, prefix=f".{cfg.data.name}."))
    scratch.chmod(0o755)
    try:
        data = PreparedData(scratch)
        logger.info("corpus: %s", cfg.data.name)
        if cfg.data.task == "entailment":
            subsets = entailment.prepare(cfg, options, data)
        else:
            subsets = _prepare_pairs(cfg, options, data)
        shutil.rmtree(data.directory / "tokens")
        write_json(
            data.record,
            {"format": FORMAT, "data": options, "subsets": subsets, "splits": list(subsets)},
        )
        if final.directory.exists():  # left by a process that was killed before its record
            shutil.rmtree(final.directory)
        scratch.rename(final.directory)
        logger.info("preprocessed: %s", final.directory)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _prepare_pairs(cfg: DictConfig, options: dict[str, Any], data: PreparedData) -> dict[str, str]:
    """Write source and target texts, tokenizers and the data-bin; return fairseq's split names."""
    manifest = write_corpus(
        hydra.utils.instantiate(cfg.data.corpus),
        data.text,
        min_length=cfg.data.min_length,
        max_length=cfg.data.max_length,
        max_ratio=cfg.data.max_ratio,
    )
    splits = list(manifest["splits"])
    data.tokenizer.mkdir()
    logger.info("tokenizer: %s", cfg.data.tokenizer.name)
    source, target = _text_files(data, "train")
    train_tokenizers(
        options["tokenizer"],
        (cfg.data.source_lang, cfg.data.target_lang),
        (_Lines(source, cfg.data.lowercase), _Lines(target, cfg.data.lowercase)),
        data.tokenizer,
    )
    _tokenize(cfg, data, splits)
    return _binarize(data, options, splits, _workers(cfg, source))


class _Lines:
    """The lines of a text file, lowercased if so wished; can be read more than once."""

    def __init__(self, path: Path, lowercase: bool) -> None:
        self.path = path
        self.lowercase = lowercase

    def __iter__(self) -> Any:
        for line in read_lines(self.path):
            yield line.lower() if self.lowercase else line


def _text_files(data: PreparedData, split: str) -> tuple[Path, Path]:
    return data.text / f"{split}.src", data.text / f"{split}.tgt"


# Below this a second process costs more time than it saves.
BYTES_WORTH_A_PROCESS = 4 * 2**20


def _workers(cfg: DictConfig, path: Path) -> int:
    """How many processes a file is worth, of those that may be had."""
    allowed = cfg.preprocess_workers or len(os.sched_getaffinity(0))
    return max(1, min(allowed, path.stat().st_size // BYTES_WORTH_A_PROCESS))


def _tokenize(cfg: DictConfig, data: PreparedData, splits: list[str]) -> None:
    """Write ``tokens/`` in as many processes as the files are worth, each line by line."""
    (data.directory / "tokens").mkdir()
    for split in splits:
        for side, path in enumerate(_text_files(data, split)):
            output = data.directory / "tokens" / path.name
            workers = _workers(cfg, path)
            # More pieces than processes: the bar moves, and nobody waits long for the last one.
            borders = find_offsets(str(path), 16 * workers if workers > 1 else 1)
            pieces = [
                _Piece(path, start, end, data.tokenizer, side, cfg.data.lowercase, output)
                for start, end in pairwise(borders)
            ]
            with ExitStack() as stack:
                results = map(_tokenize_piece, pieces)
                if workers > 1:
                    pool = stack.enter_context(multiprocessing.get_context("fork").Pool(workers))
                    results = pool.imap(_tokenize_piece, pieces)  # type: ignore[assignment]
                joined = stack.enter_context(output.open("wb"))
                shown = f"tokenize {path.name}"
                for part in tqdm(results, shown, len(pieces), leave=False, disable=None):
                    with part.open("rb") as file:
                        shutil.copyfileobj(file, joined)
                    part.unlink()


@dataclass(frozen=True)
class _Piece:
    """The lines of a text file that begin at bytes ``start`` to ``end``, and what to do to them."""

    path: Path
    start: int
    end: int
    tokenizer: Path
    side: int
    lowercase: bool
    output: Path


def _tokenize_piece(piece: _Piece) -> Path:
    encode = load_tokenizers(piece.tokenizer)[piece.side].encode
    part = piece.output.with_name(f"{piece.output.name}.{piece.start}")
    with piece.path.open("rb") as file, part.open("w", encoding="utf-8") as output:
        file.seek(piece.start)
        while file.tell() < piece.end:
            line = file.readline().decode("utf-8").rstrip("\n")
            output.write(" ".join(encode(line.lower() if piece.lowercase else line)) + "\n")
    return part


def _binarize(
    data: PreparedData, options: dict[str, Any], splits: list[str], workers: int
) -> dict[str, str]:
    """Run fairseq's own preprocessing; return its name for each of our splits."""
    from fairseq import options as fairseq_options
    from fairseq_cli import preprocess as fairseq_preprocess

    tokens = data.directory / "tokens"
    held_out = [split for split in splits if split not in ("train", "valid")]
    source, target = options["source_lang"], options["target_lang"]
    # fairseq tells the sides apart by the file's extension.
    for split in splits:
        (tokens / f"{split}.src").rename(tokens / f"{split}.text.{source}")
        (tokens / f"{split}.tgt").rename(tokens / f"{split}.text.{target}")
    arguments = [
        *("--source-lang", source, "--target-lang", target),
        *("--trainpref", str(tokens / "train.text"), "--validpref", str(tokens / "valid.text")),
        *("--testpref", ",".join(str(tokens / f"{split}.text") for split in held_out)),
        *("--destdir", str(data.bin), "--workers", str(workers)),
    ]
    tokenizer = options["tokenizer"]
    if tokenizer["joint"]:
        arguments.append("--joined-dictionary")
    if tokenizer["name"] != "sentencepiece":
        arguments += ["--nwordssrc", str(tokenizer["vocab_size"])]
        arguments += ["--nwordstgt", str(tokenizer["vocab_size"])]
    fairseq_preprocess.main(fairseq_options.get_preprocessing_parser().parse_args(arguments))
    subsets = {"train": "train", "valid": "valid"}
    for number, split in enumerate(held_out):
        subsets[split] = f"test{number or ''}"
    return subsets


def _data_options(cfg: DictConfig) -> dict[str, Any]:
    """The options that decide what the data-bin holds; where the corpus lies does not."""
    resolved: Any = OmegaConf.to_container(cfg.data, resolve=True)
    resolved.pop("raw_dir")
    resolved["corpus"].pop("raw_dir", None)
    resolved.pop("rouge", None)
    if resolved["source_lang"] == resolved["target_lang"]:
        raise PipelineError(
            f"data.source_lang and data.target_lang are both {resolved['source_lang']!r}; name two"
        )
    return resolved


def _require_raw_dir(cfg: DictConfig) -> None:
    if OmegaConf.is_missing(cfg.data, "raw_dir"):
        raise PipelineError(
            f"data={cfg.data.name} is read from your disk: say where with data.raw_dir=…"
        )
