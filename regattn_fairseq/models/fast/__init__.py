"""Faster implementations of what the modules in ``models`` compute, and when they may be used.

A module's ``forward`` is written in plain PyTorch and is complete. If the only difference is speed,
it calls a function of this package instead. That function reads the parameters of submodules
without calling them. Only :func:`may_bypass` decides whether this is allowed.
"""

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.modules import module as torch_module

from regattn_fairseq.kernels.running import traced

_functorch_active = torch._C._are_functorch_transforms_active
_PARAMETERS = (nn.Parameter, Tensor, type(None))


def is_ordinary(x: Tensor) -> bool:
    """Whether operations on x run immediately, and are neither recorded nor transformed.

    Compilers, tracers, the transforms of ``torch.func`` and forward-mode derivatives all need
    torch's own operators.
    """
    return not (
        traced(x) or torch.jit.is_tracing() or _functorch_active() or forward_ad._current_level >= 0
    )


def may_bypass(x: Tensor, *modules: nn.Module | None) -> bool:
    """Whether the output of these modules may be computed without calling them.

    It may not if a module has a hook, or if a module or its parameters were replaced, as
    quantization, parametrizations and adapters do. Modules that are None are ignored.

    Args:
        x: the input of the computation.
        modules: the modules that would not be called.
    """
    return (
        is_ordinary(x)
        and not torch_module._has_any_global_hook()
        and all(module is None or _is_as_made(module) for module in modules)
    )


def _is_as_made(module: nn.Module) -> bool:
    # Libraries that quantize, adapt or parametrize a module replace its class. So only the classes
    # that torch or this package defines count as unchanged.
    home = type(module).__module__
    return (
        (home.startswith("torch.nn.modules.") or home.startswith("regattn_fairseq.models."))
        and not (module._forward_hooks or module._forward_pre_hooks)
        and not (module._backward_hooks or module._backward_pre_hooks)
        and "forward" not in module.__dict__
        and all(type(parameter) in _PARAMETERS for parameter in module._parameters.values())
    )
