"""Checks that our models add to fairseq's parser of command lines."""

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
    """Have the parser refuse 16-bit options, with which fairseq crashes if there is no GPU.

    Args:
        parser: the parser that has fairseq's own options, or a group of it.
    """
    if torch.cuda.is_available():
        return
    for flag in _OF_16_BITS:
        known = parser._option_string_actions.get(flag)
        if known is not None:
            refused = _NeedsGPU(known.option_strings, known.dest, nargs=0)
            parser._option_string_actions[flag] = refused
