"""Beam search that rewards hypotheses which have looked at all of the source."""

from typing import Any

import torch
from fairseq.sequence_generator import SequenceGenerator
from torch import Tensor

LEAST_COVERAGE = 0.01
"""A source word counts as covered at least so much. Sparse attention gives many words exactly no
weight, and the logarithm of 0 would make all hypotheses equally impossible."""


def coverage_reward(attention: Tensor, is_word: Tensor) -> Tensor:
    """Σ_j log min(Σ_t p_tj, 1), at most 0: a scalar.

    Args:
        attention: weights p [source, target].
        is_word: bool [source], False at padding.

    Source: Wu et al. 2016, arXiv 1609.08144, equation 14.
    """
    covered = attention.sum(dim=1).clamp(LEAST_COVERAGE, 1.0)
    return covered.log()[is_word].sum()


class CoverageGenerator(SequenceGenerator):
    """fairseq's search; a finished hypothesis's score has the coverage reward added, β times.

    As in Wu et al. 2016 the reward is added after the normalization by length. It decides which of
    the finished hypotheses is best. Which hypotheses are continued, and when the search ends, is
    decided without it.

    Args:
        arguments: as of fairseq's class.
        coverage_penalty: β, above 0.
        options: as of fairseq's class.
    """

    def __init__(self, *arguments: Any, coverage_penalty: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.coverage_penalty = coverage_penalty
        self._is_word = torch.empty(0)

    def _generate(self, sample: dict[str, Any], *arguments: Any, **options: Any) -> Any:
        self._is_word = sample["net_input"]["src_tokens"].ne(self.pad)
        return super()._generate(sample, *arguments, **options)

    def finalize_hypos(
        self, step: int, bbsz_idx: Tensor, eos_scores: Tensor, *rest: Any
    ) -> list[int]:
        """Add finished hypotheses to the list of each sentence; see fairseq."""
        finalized = rest[2]  # after tokens and scores
        before = [len(found) for found in finalized]
        ended: list[int] = super().finalize_hypos(step, bbsz_idx, eos_scores, *rest)
        for sentence, (found, known) in enumerate(zip(finalized, before, strict=True)):
            for hypothesis in found[known:]:
                reward = coverage_reward(hypothesis["attention"], self._is_word[sentence])
                hypothesis["score"] = hypothesis["score"] + self.coverage_penalty * reward
        return ended
