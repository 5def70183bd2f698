"""Guided alignment: attention is trained towards given links between words."""

from typing import Any

import torch
from torch import Tensor

from regattn_fairseq.models.errors import ModelError
from regattn_fairseq.normalizers import Normalizer, fenchel_young_loss, rule


def check_guidable(normalizer: str) -> None:
    """Refuse a map that has no loss of its own.

    Raises:
        ModelError: the map is not the gradient of a regularized maximum.
    """
    if rule(normalizer).penalty is None:
        raise ModelError(
            f"alignment_lambda needs a map with a Fenchel-Young loss, and {normalizer} has none; "
            "use attn_normalizer=softmax, sparsemax or entmax15, or leave alignment_lambda out"
        )


def linked_words(sample: dict[str, Any]) -> Tensor | None:
    """What attention should be: the links of each target word, normalized.

    Args:
        sample: a batch with fairseq's ``alignments`` [links, 2], columns of the source and flat
            indices of [batch, target], and ``align_weights`` [links], 1 / the links of the word.

    Returns:
        [batch, target, source]: distributions, and zeros for a word without links. None if the
        batch has no links.
    """
    links = sample.get("alignments")
    if links is None or not len(links):
        return None
    batch, words = sample["target"].shape
    wanted = sample["align_weights"].new_zeros(
        batch * words, sample["net_input"]["src_tokens"].size(1)
    )
    wanted.index_put_((links[:, 1], links[:, 0]), sample["align_weights"], accumulate=True)
    return wanted.view(batch, words, -1)


def guided_alignment_loss(
    scores: Tensor, wanted: Tensor, normalizer: Normalizer, mask: Tensor | None = None
) -> Tensor:
    r"""The map's own Fenchel-Young loss of attention, summed over the target words with links.

    $$\sum_t \max\nolimits_\Omega(x_t) + \gamma\,\Omega(y_t) - \langle x_t, y_t \rangle$$

    Its gradient by the scores is attention minus y. For softmax it is the cross-entropy from y, as
    Chen et al. have it, less the entropy of y, which is a constant. γ and λ have their final
    values, while a training may still anneal those of attention.

    Args:
        scores: attention's, [batch, target, source].
        wanted: y, from :func:`linked_words`.
        normalizer: the map of the scores.
        mask: bool [batch, source], True at padding.

    Returns:
        a scalar.

    Source: Chen et al. 2016, "Guided Alignment Training for Topic-Aware Neural Machine
    Translation"; Blondel, Martins and Niculae 2020, "Learning with Fenchel-Young Losses".
    """
    rows = wanted.sum(-1) > 0
    sentences = rows.nonzero()[:, 0]
    scores = scores.float() if scores.dtype.itemsize < 4 else scores
    loss: Tensor = fenchel_young_loss(
        scores[rows],
        wanted[rows].to(scores.dtype),
        normalizer=normalizer.name,
        mask=None if mask is None else mask[sentences],
        **normalizer.current_options(),
    ).sum()
    return loss


def alignment_loss_of(model: Any, sample: dict[str, Any], extra: Any, padding: int) -> Tensor:
    """:func:`guided_alignment_loss` of a batch, from what a decoder returns.

    Args:
        model: with ``decoder.attention``.
        sample: the batch; see :func:`linked_words`.
        extra: what the decoder returns beside its scores: ``queries`` and what they attend to.
        padding: the number of the padding word.

    Returns:
        a scalar; 0 if the batch has no links.

    Raises:
        ModelError: the model, or its map, cannot be guided.
    """
    if "queries" not in (extra or {}):
        raise ModelError(
            "alignment_lambda guides the attention of regattn_lstm alone: leave it out for "
            f"{type(model).__name__}"
        )
    queries, states = extra["queries"]
    wanted = linked_words(sample)
    if wanted is None:
        return torch.zeros((), dtype=queries.dtype, device=queries.device)
    attention = model.decoder.attention
    check_guidable(attention.normalizer.name)
    mask = sample["net_input"]["src_tokens"].eq(padding)
    return guided_alignment_loss(
        attention.score(queries, states), wanted, attention.normalizer, mask
    )


__all__ = ["alignment_loss_of", "check_guidable", "guided_alignment_loss", "linked_words"]
