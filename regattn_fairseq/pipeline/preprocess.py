"""From a corpus to a fairseq data-bin."""

import logging
import shutil
from pathlib import Path

from omegaconf import DictConfig

from regattn_fairseq.files import new_folder
from regattn_fairseq.pipeline.preprocessing.request import FORMAT, Request, request_of
from regattn_fairseq.pipeline.tasks import task_named
from regattn_fairseq.runs.files import clear_write_errors, write_json
from regattn_fairseq.runs.leases import lease
from regattn_fairseq.runs.prepared import PreparedData

logger = logging.getLogger(__name__)


def preprocess(cfg: DictConfig) -> PreparedData:
    """Write the corpus, train the tokenizer, and binarize. Complete data stays as it is.

    Several processes may ask for the same data at once. One of them works, the others wait.

    Args:
        cfg: with the nodes ``data`` and ``cache_dir``.

    Raises:
        PipelineError: bad options, or the folder cannot be written.
        regattn_fairseq.corpora.CorpusError: the corpus cannot be read.
    """
    request = request_of(cfg)
    data = request.data
    with clear_write_errors(data.directory, "cache_dir"):
        data.directory.parent.mkdir(parents=True, exist_ok=True)
        with lease(Path(f"{data.directory}.lock"), f"the corpus {cfg.data.name}"):
            if data.is_complete:
                logger.info("preprocessed already: %s", data.directory)
            else:
                request.log_changed_files()
                _make(request)
    return data


def _make(request: Request) -> None:
    """Work in a folder beside the final one, and rename that folder when it is complete."""
    name, final = request.cfg.data.name, request.data
    # A folder that is there without its record was left by a process that was killed.
    with new_folder(final.directory) as scratch:
        data = PreparedData(scratch)
        logger.info("corpus: %s", name)
        subsets = task_named(request.cfg.data.task).prepare(request, data)
        shutil.rmtree(data.directory / "tokens")
        write_json(
            data.record,
            {
                "format": FORMAT,
                "data": request.options,
                "inputs": request.inputs,
                "subsets": subsets,
                "splits": list(subsets),
            },
        )
    logger.info("preprocessed: %s", final.directory)
