"""Normalizers in models that ``torch.jit.script`` has compiled.

Normalizers are Python code that the compiler cannot read. A compiled model calls the operator
``regattn::normalize`` instead, which finds the normalizer by its name. A program that loads a saved
compiled model must import :mod:`regattn_fairseq.models` first.
"""

from typing import Any

import torch
from torch import Tensor

from regattn_fairseq.models.errors import ModelError
from regattn_fairseq.normalizers import build_normalizer

_library = torch.library.Library("regattn", "FRAGMENT")
_library.define(
    "normalize(Tensor scores, Tensor? mask, str name, str[] options, float[] values, "
    "Tensor? upper=None) -> Tensor"
)


@torch.library.impl(_library, "normalize", "CompositeImplicitAutograd")
def _normalize(
    scores: Tensor,
    mask: Tensor | None,
    name: str,
    options: list[str],
    values: list[float],
    upper: Tensor | None = None,
) -> Tensor:
    given: dict[str, Any] = dict(zip(options, values, strict=True))
    weights: Tensor = build_normalizer(name, **given)(scores, mask=mask, upper=upper)
    return weights


class Snapshot:
    """An attribute for the compiler: a module's normalizer at the time of compilation.

    It holds the normalizer's name, the names of its options, and their values. The value of a
    learned option is fixed from then on.

    Raises:
        ModelError: the normalizer has parameters besides its learned options.
    """

    def __get__(self, module: Any, owner: type | None = None) -> Any:
        if module is None:
            return self
        normalizer = module.normalizer
        if len(list(normalizer.parameters())) > len(normalizer.learned):
            raise ModelError(
                f"attn_normalizer={normalizer.name} has parameters of its own, which a compiled "
                "model cannot hold; compile a model with another normalizer"
            )
        options = normalizer.current_options()
        values = [float(torch.as_tensor(value).item()) for value in options.values()]
        return normalizer.name, list(options), values
