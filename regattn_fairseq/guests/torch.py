"""Changes in torch."""

import argparse

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
