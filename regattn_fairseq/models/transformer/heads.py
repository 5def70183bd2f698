"""The attention of every head of every layer, read from a model while it runs."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from fairseq.modules import MultiheadAttention
from torch import Tensor, nn


def attentions(model: Any) -> dict[str, list[MultiheadAttention]]:
    """The attention modules of a transformer of fairseq's, by kind, from the first layer on.

    Returns:
        ``encoder_self_attn``, ``decoder_self_attn`` and ``encoder_decoder_attn``, each with a
        module a layer.
    """
    encoder, decoder = model.encoder.layers, model.decoder.layers
    return {
        "encoder_self_attn": [layer.self_attn for layer in encoder],
        "decoder_self_attn": [layer.self_attn for layer in decoder],
        "encoder_decoder_attn": [
            layer.encoder_attn for layer in decoder if layer.encoder_attn is not None
        ],
    }


@contextmanager
def record_heads(model: Any) -> Iterator[dict[str, list[Tensor]]]:
    """Within the block, keep the weights of every head of every layer.

    Args:
        model: a transformer of fairseq's, which is called once in the block.

    Yields:
        by kind of attention, the weights [heads, batch, target, source] of each layer. They are
        there after the call.
    """
    found: dict[str, list[Tensor]] = {}
    with ExitStack() as hooks:
        for kind, modules in attentions(model).items():
            found[kind] = []
            for module in modules:
                hooks.enter_context(_wanting_heads(module))
                hooks.enter_context(_kept(module, found[kind]))
        yield found


@contextmanager
def _wanting_heads(module: MultiheadAttention) -> Iterator[None]:
    def ask(_module: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return args, kwargs | {"need_head_weights": True}

    handle = module.register_forward_pre_hook(ask, with_kwargs=True)
    # torch's function, which fairseq calls where it can, knows only the mean of the heads.
    kept, module.skip_embed_dim_check = module.skip_embed_dim_check, True
    try:
        yield
    finally:
        module.skip_embed_dim_check = kept
        handle.remove()


@contextmanager
def _kept(module: nn.Module, into: list[Tensor]) -> Iterator[None]:
    def keep(_module: nn.Module, _args: Any, output: tuple[Tensor, Tensor]) -> None:
        into.append(output[1].detach())

    handle = module.register_forward_hook(keep)
    try:
        yield
    finally:
        handle.remove()
