"""From a corpus to a fairseq data-bin."""

import hashlib
import logging
import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import hydra.utils
from omegaconf import DictConfig, OmegaConf

import regattn_fairseq
from regattn_fairseq.corpora import write_corpus
from regattn_fairseq.corpora.folder import MANIFEST
from regattn_fairseq.pipeline import entailment
from regattn_fairseq.pipeline.binarization import (
    available_processes,
    binarize,
    build_dictionary,
    subset_names,
    tokenize,
)
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
from regattn_fairseq.pipeline.tokenization import train_tokenizers

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
    return _binarize(cfg, options, data, splits)


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


def _binarize(
    cfg: DictConfig, options: dict[str, Any], data: PreparedData, splits: list[str]
) -> dict[str, str]:
    """Write tokens, dictionaries and the data-bin; return fairseq's name of each split."""
    processes = available_processes(cfg.preprocess_workers)
    tokens = data.directory / "tokens"
    tokens.mkdir()
    counts = [Counter[str](), Counter[str]()]
    for split in splits:
        for side, text in enumerate(_text_files(data, split)):
            found = tokenize(
                text,
                tokens / text.name,
                tokenizer=data.tokenizer,
                side=side,
                lowercase=cfg.data.lowercase,
                most_processes=processes,
            )
            if split == "train":
                counts[side] = found
    tokenizer = options["tokenizer"]
    if tokenizer["joint"]:
        counts = [counts[0] + counts[1]] * 2
    # SentencePiece's vocabulary has a size of its own.
    most_words = None if tokenizer["name"] == "sentencepiece" else tokenizer["vocab_size"]
    data.bin.mkdir()
    languages = options["source_lang"], options["target_lang"]
    names = subset_names(splits)
    for side, (language, ending) in enumerate(zip(languages, ("src", "tgt"), strict=True)):
        dictionary = build_dictionary(counts[side], most_words)
        dictionary.save(str(data.bin / f"dict.{language}.txt"))
        for split in splits:
            binarize(
                tokens / f"{split}.{ending}",
                dictionary,
                data.bin / f"{names[split]}.{'-'.join(languages)}.{language}",
                most_processes=processes,
            )
    return names


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
