"""Dropout with cheap random numbers on the CPU."""

import torch
import torch.nn.functional as F
from fairseq.modules import FairseqDropout
from torch import Tensor

from regattn_fairseq.models.fast import is_ordinary

LEVELS = 2**16  # A probability is rounded to a multiple of 1 / LEVELS.


class Dropout(FairseqDropout):
    """fairseq's dropout, but on the CPU four units share one random number of 64 bits.

    torch draws 32 bits for every unit and makes a float of them, which takes a large part of the
    time of an LSTM step. Torch's seed also determines the result here, but the result differs from
    that of torch's dropout.
    """

    def forward(self, x: Tensor, inplace: bool = False) -> Tensor:
        """Set units of x, of any shape, to zero with probability p; scale up the others."""
        if self.p == 0 or not (self.training or self.apply_during_inference):
            return x
        if not torch.jit.is_scripting():
            dropped = round(self.p * LEVELS)
            if x.is_cpu and 0 < dropped < LEVELS and is_ordinary(x):
                return _drop(x, dropped)
        return F.dropout(x, self.p, training=True, inplace=inplace)


def _drop(x: Tensor, dropped: int) -> Tensor:
    bits = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    draws = bits.view(torch.int16)[: x.numel()].view(x.shape)  # uniform in ±LEVELS / 2
    kept = draws.ge(dropped - LEVELS // 2).to(x.dtype)
    return x * kept.mul_(LEVELS / (LEVELS - dropped))
