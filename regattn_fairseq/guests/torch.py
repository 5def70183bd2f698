"""Changes in torch."""

import argparse
import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch


def allow_plain_values() -> None:
    """Let torch's safe loader read the checkpoints that fairseq writes.

    They hold fairseq's options, as an ``argparse.Namespace``, and BLEU's n-gram counts, as numpy
    arrays of integers and floats. The loader (``weights_only=True``, which stays on)
    refuses even these plain containers unless they are on its list of safe types.
    """
    torch.serialization.add_safe_globals(
        [argparse.Namespace, np.ndarray, np.dtype, np._core.multiarray._reconstruct]  # type: ignore[attr-defined]
        + [np._core.multiarray.scalar]  # type: ignore[attr-defined]
        + [type(np.dtype(kind)) for kind in ("int64", "float64")]
    )


def leave_compiler_out() -> None:
    """Have fairseq's optimizers work without the import of torch's compiler, ``torch._dynamo``.

    Three methods of torch's class of optimizers are marked as not to be compiled. At its first call
    such a method imports the compiler to mark itself, which takes as long as the import of torch.
    Until something else imports the compiler, the methods need no mark.
    """
    if "torch._dynamo" in sys.modules:
        return
    for method in vars(torch.optim.Optimizer).values():
        if inspect.isfunction(method) and _MARKED in method.__code__.co_consts:
            function = inspect.unwrap(method)
            setattr(function, _MARKED, _unless_compiled(function))


# Where torch keeps the marked function, as an attribute of the function.
_MARKED = "__dynamo_disable"


def _unless_compiled(function: Any) -> Callable[..., Any]:
    def unmarked(*given: Any, **named: Any) -> Any:
        compiler = sys.modules.get("torch._dynamo")
        if compiler is None:
            return function(*given, **named)
        marked = compiler.disable(function, wrapping=False)
        setattr(function, _MARKED, marked)
        return marked(*given, **named)

    return unmarked
