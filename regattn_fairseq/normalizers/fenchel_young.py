"""The loss that belongs to a map: zero where the map gives the target, convex in the scores."""

from __future__ import annotations

from torch import Tensor

from .implicit import AttentionMap
from .inputs import Number, check_mask
from .smoothed_max import Problem, smoothed_max


def fenchel_young_loss(
    scores: Tensor,
    target: Tensor,
    *,
    normalizer: str | AttentionMap = "softmax",
    mask: Tensor | None = None,
    dim: int = -1,
    **options: Number,
) -> Tensor:
    r"""The Fenchel-Young loss of scores against a target distribution.

    $$L_\Omega(x; y) = \max\nolimits_\Omega(x) + \gamma\,\Omega(y) - \langle x, y \rangle \ge 0$$

    It is zero if and only if the map of the scores is y, and its gradient with respect to the
    scores is the map minus y. For softmax it is the Kullback-Leibler divergence of softmax from y,
    and for a y that is all on one position the cross-entropy. For a sparse map it is exactly zero
    as soon as the right position leads by enough.

    Args:
        scores: (..., d, ...), d along ``dim``; -inf marks a masked position.
        target: y, of the shape of ``scores``: a distribution along ``dim``, without weight where a
            position is masked. A row of zeros says that there is no target; its loss is 0.
        normalizer: the name of the map; or a map that ``from_regularizer`` made.
        mask: bool, broadcastable to ``scores``; True where a position must get no weight.
        dim: the dimension along which rows are distributions.
        options: the map's, as :func:`smoothed_max` takes them.

    Returns:
        The loss of each row: the type of ``scores``, the shape without ``dim``.

    Raises:
        ValueError: a bad option, a normalizer that is no regularized argmax, or a target of another
            shape.

    Source: Blondel, Martins and Niculae 2020, "Learning with Fenchel-Young Losses".
    """
    if target.shape != scores.shape:
        raise ValueError(
            f"target must have the shape of scores, {tuple(scores.shape)}; it has "
            f"{tuple(target.shape)}"
        )
    if mask is not None:
        mask = check_mask(mask, scores)
    problem = Problem.of(normalizer, scores, mask, dim, options)
    wanted = target.to(problem.x.dtype).movedim(dim, -1)
    omega, _ = problem.regularizer(wanted)
    matched = (problem.x * wanted).sum(-1)
    best = smoothed_max(scores, normalizer=normalizer, mask=mask, dim=dim, **options)
    loss = best + problem.gamma * omega - matched
    # Rounding may leave a tiny negative number where the map gives the target.
    loss = loss.masked_fill((wanted == 0).all(-1), 0.0)
    return (loss + (loss.clamp(min=0.0) - loss).detach()).to(scores.dtype)
