"""From a corpus to a fairseq data-bin."""

import logging
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import hydra.utils
from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf

import regattn_fairseq
from regattn_fairseq.corpora import CorpusError, write_corpus
from regattn_fairseq.files import new_folder
from regattn_fairseq.pipeline import entailment
from regattn_fairseq.pipeline.preprocessing.binarization import (
    available_processes,
    binarize,
    build_dictionary,
    subset_names,
    tokenize,
)
from regattn_fairseq.pipeline.preprocessing.tokenization import train_tokenizers
from regattn_fairseq.runs.checksums import checksums
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import (
    clear_write_errors,
    fingerprint,
    read_json,
    read_lines,
    write_json,
)
from regattn_fairseq.runs.identity import text_options
from regattn_fairseq.runs.leases import lease
from regattn_fairseq.runs.prepared import PreparedData

logger = logging.getLogger(__name__)

# Raise it when the same options come to mean other files within one version of the package.
FORMAT = 2


def prepared_data(cfg: DictConfig) -> PreparedData:
    """Where the preprocessed form of ``cfg.data`` belongs, whether it is there yet or not.

    The folder's name stands for the options and for the content of the corpus's files, as they are
    now: another text is another folder.

    Raises:
        PipelineError: bad options.
        regattn_fairseq.corpora.CorpusError: a file of the corpus is missing.
    """
    return _Request(cfg).data


class _Request:
    """What is to be preprocessed: options, recipe, and the checksums of the recipe's files."""

    def __init__(self, cfg: DictConfig) -> None:
        _check_data(cfg)
        self.cfg = cfg
        resolved: Any = OmegaConf.to_container(cfg.data, resolve=True)
        self.options = text_options(resolved)
        self.corpus = _corpus(cfg)
        self.inputs = checksums(self.corpus.input_files(), Path(cfg.cache_dir))
        version = [FORMAT, regattn_fairseq.__version__]
        name = f"{cfg.data.name}-{fingerprint([*version, self.options, self.inputs])}"
        self.data = PreparedData(Path(cfg.cache_dir) / name)


def preprocess(cfg: DictConfig) -> PreparedData:
    """Write the corpus, train the tokenizer, and binarize, unless that is done already.

    Several processes may ask for the same data at once: one does the work, the others wait.

    Args:
        cfg: with the nodes ``data`` and ``cache_dir``.

    Raises:
        PipelineError: bad options, or the folder cannot be written.
        regattn_fairseq.corpora.CorpusError: the corpus cannot be read.
    """
    request = _Request(cfg)
    data = request.data
    with clear_write_errors(data.directory, "cache_dir"):
        data.directory.parent.mkdir(parents=True, exist_ok=True)
        with lease(Path(f"{data.directory}.lock"), f"the corpus {cfg.data.name}"):
            if data.is_complete:
                logger.info("preprocessed already: %s", data.directory)
            else:
                _tell_of_changes(request)
                _preprocess_into(request)
    return data


def _corpus(cfg: DictConfig) -> Any:
    """The recipe that ``data.corpus`` describes.

    Raises:
        PipelineError: the recipe has no such option.
        regattn_fairseq.corpora.CorpusError: the recipe refuses an option's value.
    """
    try:
        return hydra.utils.instantiate(cfg.data.corpus)
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, CorpusError):
            raise cause from None
        if isinstance(cause, TypeError):  # such as an option that the recipe does not have
            raise PipelineError(f"data.corpus of data={cfg.data.name}: {cause}") from error
        raise


def _tell_of_changes(request: _Request) -> None:
    """Say which of the corpus's files differ, where the same options were used on others before."""
    pattern = f"{request.cfg.data.name}-*/{request.data.record.name}"
    for record in sorted(request.data.directory.parent.glob(pattern)):
        earlier = read_json(record)
        inputs = earlier.get("inputs")
        if earlier.get("data") != request.options or not inputs or inputs == request.inputs:
            continue
        other = sorted(
            name
            for name in {*inputs, *request.inputs}
            if inputs.get(name) != request.inputs.get(name)
        )
        names = ", ".join(other[:3]) + (", …" if len(other) > 3 else "")
        logger.info(
            f"{record.parent} was made of other files, which differ in {names}: preprocessing "
            "these anew; that folder stays"
        )


def _preprocess_into(request: _Request) -> None:
    cfg, options, final = request.cfg, request.options, request.data
    # A folder that is there without its record was left by a process that was killed.
    with new_folder(final.directory) as scratch:
        data = PreparedData(scratch)
        logger.info("corpus: %s", cfg.data.name)
        if cfg.data.task == "entailment":
            subsets = entailment.prepare(cfg, request.corpus, options, data)
        else:
            subsets = _prepare_pairs(cfg, request.corpus, options, data)
        shutil.rmtree(data.directory / "tokens")
        write_json(
            data.record,
            {
                "format": FORMAT,
                "data": options,
                "inputs": request.inputs,
                "subsets": subsets,
                "splits": list(subsets),
            },
        )
    logger.info("preprocessed: %s", final.directory)


def _prepare_pairs(
    cfg: DictConfig, corpus: Any, options: dict[str, Any], data: PreparedData
) -> dict[str, str]:
    """Write source and target texts, tokenizers and the data-bin; return fairseq's split names."""
    manifest = write_corpus(
        corpus,
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


def _check_data(cfg: DictConfig) -> None:
    if OmegaConf.is_missing(cfg.data, "raw_dir"):
        raise PipelineError(
            f"data={cfg.data.name} is read from your disk: say where with data.raw_dir=…"
        )
    if not re.fullmatch(r"\w[\w.-]*", str(cfg.data.name)):
        raise PipelineError(
            f"data.name={cfg.data.name} is not a name for a folder: use letters, digits, _, - and ."
        )
    if cfg.data.source_lang == cfg.data.target_lang:
        raise PipelineError(
            f"data.source_lang and data.target_lang are both {cfg.data.source_lang!r}; name two"
        )
