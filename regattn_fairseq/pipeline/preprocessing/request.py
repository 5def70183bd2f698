"""What is to be preprocessed, and where it belongs."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra.utils
from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf

import regattn_fairseq
from regattn_fairseq.corpora import CorpusError
from regattn_fairseq.runs.checksums import checksums
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import fingerprint, read_json
from regattn_fairseq.runs.identity import text_options
from regattn_fairseq.runs.prepared import PreparedData
from regattn_fairseq.runs.task_facts import task_facts

logger = logging.getLogger(__name__)

FORMAT = 2
"""Raise it when the same options come to mean other files within one version of the package."""


@dataclass(frozen=True)
class Request:
    """A corpus with the options of its preprocessing.

    Attributes:
        cfg: with the nodes ``data`` and ``cache_dir``.
        options: those that decide the preprocessed text.
        corpus: the recipe.
        inputs: checksums of the recipe's files.
        data: where the outcome belongs, whether it is there yet or not. The folder's name stands
            for the options and for the content of the corpus's files: another text has another
            folder.
    """

    cfg: DictConfig
    options: dict[str, Any]
    corpus: Any
    inputs: dict[str, str]
    data: PreparedData

    def log_changed_files(self) -> None:
        """Say which of the corpus's files differ, where other files had the same options."""
        pattern = f"{self.cfg.data.name}-*/{self.data.record.name}"
        for record in sorted(self.data.directory.parent.glob(pattern)):
            earlier = read_json(record)
            inputs = earlier.get("inputs")
            if earlier.get("data") != self.options or not inputs or inputs == self.inputs:
                continue
            other = sorted(
                name
                for name in {*inputs, *self.inputs}
                if inputs.get(name) != self.inputs.get(name)
            )
            names = ", ".join(other[:3]) + (", …" if len(other) > 3 else "")
            logger.info(
                f"{record.parent} was made of other files, which differ in {names}: preprocessing "
                "these anew; that folder stays"
            )


def request_of(cfg: DictConfig) -> Request:
    """What a configuration asks to preprocess.

    Raises:
        PipelineError: bad options.
        regattn_fairseq.corpora.CorpusError: a file of the corpus is missing.
    """
    _check_data(cfg)
    resolved: Any = OmegaConf.to_container(cfg.data, resolve=True)
    options = text_options(resolved)
    corpus = _corpus(cfg)
    inputs = checksums(corpus.input_files(), Path(cfg.cache_dir))
    version = [FORMAT, regattn_fairseq.__version__]
    name = f"{cfg.data.name}-{fingerprint([*version, options, inputs])}"
    return Request(cfg, options, corpus, inputs, PreparedData(Path(cfg.cache_dir) / name))


def prepared_data(cfg: DictConfig) -> PreparedData:
    """Where the preprocessed form of ``cfg.data`` belongs, whether it is there yet or not.

    Raises:
        PipelineError: bad options.
        regattn_fairseq.corpora.CorpusError: a file of the corpus is missing.
    """
    return request_of(cfg).data


def _check_data(cfg: DictConfig) -> None:
    for option in ("source_lang", "target_lang"):
        if OmegaConf.is_missing(cfg.data, option):
            raise PipelineError(
                f"this data= is for many languages: name one with data.{option}=…, such as "
                f"data.{option}=it"
            )
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
    task_facts(cfg.data.task)


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
