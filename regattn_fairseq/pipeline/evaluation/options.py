"""How an evaluation is made, by the options that say so."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

from regattn_fairseq.metrics import bleu_tokenizer
from regattn_fairseq.metrics.bleu import DEFAULT_TOKENIZER
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import fingerprint
from regattn_fairseq.runs.result import RESULT_FORMAT


def bleu_tokenizer_of(data: Any, evaluation: Any) -> str:
    """The tokenizer of BLEU by the nodes ``data`` and ``evaluation``; see `bleu_tokenizer`.

    Raises:
        PipelineError: there is no such tokenizer.
    """
    wanted = evaluation.bleu_tokenizer
    try:
        return bleu_tokenizer(str(data.target_lang), wanted)
    except ValueError as error:
        raise PipelineError(f"evaluation.bleu_tokenizer={wanted}: {error}") from error


def evaluation_options(cfg: DictConfig) -> dict[str, Any]:
    """The nodes ``generation`` and ``evaluation``, as ``result.json`` keeps them."""
    generation: Any = OmegaConf.to_container(cfg.generation, resolve=True, enum_to_str=True)
    # What is not set leaves results as they were that know no such option.
    for name in ("coverage_penalty", "shortlist"):
        if generation.get(name) is None:
            generation.pop(name, None)
    return {
        "generation": generation,
        "evaluation": {name: x for name, x in cfg.evaluation.items() if x is not None},
    }


def evaluation_key(cfg: DictConfig, saved: Any) -> str:
    """What tells one way of evaluating a run from another; ``result.json`` keeps it.

    Args:
        cfg: as composed from ``evaluate.yaml``.
        saved: the configuration that the run saved.
    """
    tokenizer = bleu_tokenizer_of(saved.data, cfg.evaluation)
    special = [] if tokenizer == DEFAULT_TOKENIZER else [tokenizer]
    return fingerprint([RESULT_FORMAT, evaluation_options(cfg), *special])
