"""What every head of a transformer attends to, and what it has learned."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regattn_fairseq.models import RegattnTransformerModel
from regattn_fairseq.models.transformer import attentions, record_heads
from regattn_fairseq.normalizers import Normalizer

SENTENCES = 1000
"""Of how many sentences of a split the heads are kept: those of a few thousand are gigabytes."""


@torch.no_grad()
def heads_of_outputs(
    model: Any, source: Tensor, outputs: Sequence[Tensor]
) -> list[dict[str, np.ndarray]]:
    """The weights of every head of every layer, while the model writes given outputs.

    A search keeps only what the last layer attends to, and only the mean over the heads. So the
    model reads what it wrote once more, in one pass.

    Args:
        model: in evaluation mode.
        source: the sentences of a batch [batch, S], padded on either side.
        outputs: for each sentence the words that were written, with the end of the sentence.

    Returns:
        For each sentence its heads without padding, as `AttentionRecord` has them; empty if the
        model is no transformer of ours.
    """
    if not isinstance(model, RegattnTransformerModel) or not outputs:
        return [{} for _ in outputs]
    pad = model.decoder.dictionary.pad()
    lengths = [len(words) for words in outputs]
    previous = source.new_full((len(outputs), max(lengths)), pad)
    previous[:, 0] = model.decoder.dictionary.eos()
    for row, words in zip(previous, outputs, strict=True):
        row[1 : len(words)] = words[:-1]
    read = source != model.encoder.padding_idx
    with record_heads(model) as found:
        model(source, read.sum(1), previous, features_only=True)
    # [batch, layers, heads, rows, columns]
    stacked = {
        kind: torch.stack(layers).transpose(0, 2).transpose(1, 2).float().cpu()
        for kind, layers in found.items()
        if layers
    }
    return [
        {
            kind: _without_padding(kind, each[number], read[number].cpu(), length)
            for kind, each in stacked.items()
        }
        for number, length in enumerate(lengths)
    ]


def _without_padding(kind: str, heads: Tensor, read: Tensor, length: int) -> np.ndarray:
    """The heads [layers, heads, rows, columns] of the words of one sentence."""
    if kind == "encoder_self_attn":
        heads = heads[:, :, read][..., read]
    elif kind == "encoder_decoder_attn":
        heads = heads[:, :, :length][..., read]
    else:
        heads = heads[:, :, :length, :length]
    found: np.ndarray = heads.numpy()
    return found


def head_counts(model: Any) -> dict[str, tuple[int, int]]:
    """Layers and heads of each kind of attention; empty if the model is no transformer of ours."""
    if not isinstance(model, RegattnTransformerModel):
        return {}
    return {
        kind: (len(modules), modules[0].num_heads)
        for kind, modules in attentions(model).items()
        if modules
    }


def learned_by_heads(model: Any) -> dict[str, dict[str, list[list[float]]]]:
    """The options that each head has learned: by kind and option, values [layer][head]."""
    if not isinstance(model, RegattnTransformerModel):
        return {}
    found: dict[str, dict[str, list[list[float]]]] = {}
    for kind, modules in attentions(model).items():
        for module in modules:
            normalizer = getattr(module, "normalizer", None)
            if not isinstance(normalizer, Normalizer):
                continue
            options = normalizer.current_options()
            for option in normalizer.learned:
                values = options[option].detach().flatten().tolist()
                found.setdefault(kind, {}).setdefault(option, []).append(values)
    return found
