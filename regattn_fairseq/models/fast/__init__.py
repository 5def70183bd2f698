"""Faster ways to what the modules beside this package compute, and when they may be taken.

A module's ``forward`` is written in plain PyTorch, and is all that is needed. Where nobody could
tell the difference but by a clock, it hands over to a function of this package, which reads the
parameters of submodules and does without calling them. :func:`may_bypass` is the one place that
decides so.
"""

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.modules import module as torch_module

from regattn_fairseq.kernels.running import traced

_functorch_active = torch._C._are_functorch_transforms_active
_PARAMETERS = (nn.Parameter, Tensor, type(None))


def is_ordinary(x: Tensor) -> bool:
    """Whether what is done with x is computed at once, and neither recorded nor transformed.

    A compiler, a tracer, ``torch.func``'s transforms and forward-mode derivatives all need torch's
    own operators.
    """
    return not (
        traced(x) or torch.jit.is_tracing() or _functorch_active() or forward_ad._current_level >= 0
    )


def may_bypass(x: Tensor, *modules: nn.Module | None) -> bool:
    """Whether the outcome of these modules may be computed from their parameters, uncalled.

    Not if a hook waits for the call, or if a module or its parameters were replaced by others, as
    quantization, parametrizations and adapters do. A module that is None is of no concern.

    Args:
        x: the input of the computation.
        modules: those that would not be called.
    """
    return (
        is_ordinary(x)
        and not torch_module._has_any_global_hook()
        and all(module is None or _is_as_made(module) for module in modules)
    )


def _is_as_made(module: nn.Module) -> bool:
    # Classes that torch or this package defines: what quantizes, adapts or parametrizes a module
    # puts one of another class in its place.
    home = type(module).__module__
    return (
        (home.startswith("torch.nn.modules.") or home.startswith("regattn_fairseq.models."))
        and not (module._forward_hooks or module._forward_pre_hooks)
        and not (module._backward_hooks or module._backward_pre_hooks)
        and "forward" not in module.__dict__
        and all(type(parameter) in _PARAMETERS for parameter in module._parameters.values())
    )
