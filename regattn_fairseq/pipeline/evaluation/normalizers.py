"""The normalizers of a trained model, as they were trained and with other options."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from fairseq.modules import MultiheadAttention

from regattn_fairseq.models import RegattnTransformerModel
from regattn_fairseq.models.transformer import NormalizedMultiheadAttention, attentions
from regattn_fairseq.normalizers import Normalizer, build_normalizer
from regattn_fairseq.runs.errors import PipelineError


def trained_normalizer(model: Any) -> Normalizer:
    """The normalizer of the attention; of a transformer, that of the decoder's last layer.

    Raises:
        PipelineError: the model is not one of ours.
    """
    return _normalizer(_modules(model)[-1])


def trained_options(normalizer: Normalizer) -> dict[str, Any]:
    """A normalizer's options as plain values. A learned option has the value that it learned.

    If each head has learned its own, it is their mean.
    """
    return {
        name: value.mean().item() if isinstance(value, torch.Tensor) else value
        for name, value in normalizer.current_options().items()
    }


@contextmanager
def changed_options(model: Any, options: Mapping[str, float]) -> Iterator[None]:
    """Within the block, every normalizer of the model's kind has these options.

    What is not among them stays as it was trained, for each head. Only one thread at a time may do
    so.

    Raises:
        ValueError: an option is out of range.
    """
    name = trained_normalizer(model).name
    with ExitStack() as restored:
        for module in _modules(model) if options else []:
            known = _normalizer(module)
            if known.name != name:
                continue
            trained = {
                option: value.detach() if isinstance(value, torch.Tensor) else value
                for option, value in known.current_options().items()
            }
            changed = build_normalizer(name, dim=known.dim, **(trained | dict(options)))
            restored.enter_context(_with_normalizer(module, changed))
        yield


def _modules(model: Any) -> list[Any]:
    """The modules that have normalizers; the one that attends to the source last comes last."""
    if isinstance(model, RegattnTransformerModel):
        return [module for modules in attentions(model).values() for module in modules]
    return [getattr(model.decoder, "attention", None)]


def _normalizer(module: Any) -> Normalizer:
    if type(module) is MultiheadAttention:
        return build_normalizer("softmax")
    found = getattr(module, "normalizer", None)
    if not isinstance(found, Normalizer):
        raise PipelineError("its model's attention has no normalizer of this package")
    return found


@contextmanager
def _with_normalizer(module: Any, normalizer: Normalizer) -> Iterator[None]:
    kind, kept = type(module), getattr(module, "normalizer", None)
    if isinstance(module, MultiheadAttention):
        checked = module.skip_embed_dim_check
        NormalizedMultiheadAttention.adopt(module, normalizer)
    module.normalizer = normalizer
    try:
        yield
    finally:
        if kept is not None:
            module.normalizer = kept
        else:  # fairseq's own
            del module.normalizer
            module.__class__ = kind
            module.skip_embed_dim_check = checked
