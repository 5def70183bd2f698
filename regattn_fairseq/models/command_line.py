"""What fairseq's parser of command lines refuses on our models' behalf."""

import argparse
from typing import Any

import torch

_OF_16_BITS = (
    *("--fp16", "--bf16", "--amp"),
    *("--memory-efficient-fp16", "--memory-efficient-bf16"),
)


class _NeedsGPU(argparse.Action):
    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: Any = None
    ) -> None:
        raise argparse.ArgumentError(
            self, "trains on a GPU, and there is none: leave it out, a CPU trains in 32 bits"
        )


def refuse_16_bits_without_gpu(parser: argparse.ArgumentParser) -> None:
    """Have the parser refuse what fairseq's optimizers of 16 bits crash on where no GPU is.

    Args:
        parser: with fairseq's own options, or a group of it.
    """
    if torch.cuda.is_available():
        return
    for flag in _OF_16_BITS:
        known = parser._option_string_actions.get(flag)
        if known is not None:
            refused = _NeedsGPU(known.option_strings, known.dest, nargs=0)
            parser._option_string_actions[flag] = refused
