"""How much weight a source word may get in all, as the links of the training text show."""

from typing import Any

import numpy as np
import torch
from fairseq.data import data_utils, indexed_dataset
from fairseq.tasks import FairseqTask
from fairseq.utils import split_paths
from torch import Tensor

from regattn_fairseq.models.errors import ModelError

UNKNOWN = float("nan")
"""The fertility of every word before it is read from links or a checkpoint."""


def guided_fertilities(task: FairseqTask, otherwise: float) -> Tensor:
    """The largest number of target tokens that the training links give to each source token.

    Args:
        task: of translation; its data folder may have ``train.align.<source>-<target>``, as
            fairseq binarizes ``--align-suffix``.
        otherwise: of a token that no link touches.

    Returns:
        float32 [source vocabulary]; `UNKNOWN` if the folder has no links, as where a checkpoint is
        to be loaded that has them.

    Raises:
        ModelError: the links are not those of the training text.

    Source: Malaviya et al. 2018, "Sparse and Constrained Attention for Neural Machine Translation".
    """
    source: Any = task.source_dictionary
    cfg: Any = getattr(task, "cfg", None)
    languages = f"{getattr(cfg, 'source_lang', None)}-{getattr(cfg, 'target_lang', None)}"
    folder = split_paths(cfg.data)[0] if getattr(cfg, "data", None) else ""
    prefix = f"{folder}/train.align.{languages}"
    if not folder or not indexed_dataset.dataset_exists(prefix, impl="mmap"):
        return torch.full((len(source),), UNKNOWN)
    text = f"{folder}/train.{languages}.{cfg.source_lang}"
    sentences = data_utils.load_indexed_dataset(text, source)
    links = data_utils.load_indexed_dataset(prefix, None)
    if sentences is None or len(sentences) != len(links):
        raise ModelError(
            f"{prefix} has the links of {len(links)} sentences, and {text} "
            f"{0 if sentences is None else len(sentences)}: preprocess both again"
        )
    most = np.zeros(len(source), dtype=np.float32)
    for sentence, linked in zip(sentences, links, strict=True):
        tokens = sentence.numpy()
        places = linked.numpy().reshape(-1, 2)[:, 0]
        if places.size and places.max() >= tokens.size:
            raise ModelError(f"{prefix}: a link leaves its sentence: preprocess both again")
        np.maximum.at(most, tokens, np.bincount(places, minlength=tokens.size))
    return torch.from_numpy(np.where(most > 0, most, np.float32(otherwise)))


def require_known(fertilities: Tensor) -> None:
    """Refuse to train before the fertilities are known.

    Raises:
        ModelError: they are not.
    """
    if bool(fertilities[0].isnan()):
        raise ModelError(
            "attn_fertility_guided needs the links of the training text in the data folder: "
            "fairseq-preprocess --align-suffix makes them, and regattn-train does by itself"
        )


__all__ = ["UNKNOWN", "guided_fertilities", "require_known"]
