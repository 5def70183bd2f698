"""fairseq's beam search with its costliest step compiled, and without repetitions if asked."""

import torch
from fairseq.data import Dictionary
from fairseq.search import BeamSearch
from torch import Tensor, nn

from regattn_fairseq.kernels.running import Kernels, works_on

_kernels = Kernels("regattn_fairseq.kernels.beam_search", {"best": 1})


class QuickBeamSearch(BeamSearch):
    """Beam search that picks the candidates in one pass on the CPU.

    fairseq adds each hypothesis's score to the scores of all words and sorts parts of the result.
    This search reads each number once and looks at few of them again. It finds the same
    candidates, but may choose others among those with equal scores.
    """

    def step(
        self,
        step: int,
        lprobs: Tensor,
        scores: Tensor | None,
        prev_output_tokens: Tensor | None = None,
        original_batch_idxs: Tensor | None = None,
        candidate_multiple: int = 2,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Pick the best candidates of each sentence.

        Args:
            step: number of words that the hypotheses have.
            lprobs: scores of each next word, [sentences, beam, words], none NaN.
            scores: of the hypotheses so far, [sentences, beam, step].
            prev_output_tokens: not needed.
            original_batch_idxs: not needed.
            candidate_multiple: how many candidates to find for each hypothesis that goes on.

        Returns:
            scores, words and hypotheses of the candidates, each [sentences, candidates], the best
            first.
        """
        sentences, beam, words = lprobs.shape
        if not (works_on(lprobs) and lprobs.dtype is torch.float32):
            found: tuple[Tensor, Tensor, Tensor] = super().step(
                step, lprobs, scores, prev_output_tokens, original_batch_idxs, candidate_multiple
            )
            return found
        # At first all hypotheses of a sentence are equal: only one has candidates.
        used = 1 if step == 0 else beam
        before = lprobs.new_zeros(sentences, beam)
        if step > 0 and scores is not None:
            before.copy_(scores[:, :, step - 1])
        lprobs = lprobs.contiguous()
        # At most as many as there are words without padding.
        count = min(candidate_multiple * beam, used * words - 1)
        values = torch.empty(sentences, count)
        indices = torch.empty(sentences, count, dtype=torch.int64)
        _kernels.run(
            "best",
            torch.float32,
            sentences,
            beam * words,
            lprobs.data_ptr(),
            before.data_ptr(),
            beam,
            used,
            count,
            values.data_ptr(),
            indices.data_ptr(),
        )
        return values, indices % words, indices // words


IMPOSSIBLE = -1e30
"""The score of a hypothesis without probability, where a search must end with some hypothesis."""


class SparseBeamSearch(QuickBeamSearch):
    """Beam search in probabilities of which many are exactly zero.

    A word without probability is never taken. A search may therefore have fewer hypotheses than its
    beam is wide, or none that can end before the length limit; fairseq would then stop with an
    error. Here they end there, with a score that no possible hypothesis has.

    Attributes:
        steps: how many next words were chosen for possible hypotheses.
        single: for how many of them one word alone had a probability.
        choices: how many words had one, summed over the steps.
    """

    def __init__(self, dictionary: Dictionary) -> None:
        super().__init__(dictionary)
        self.steps = self.single = self.choices = 0

    def step(
        self,
        step: int,
        lprobs: Tensor,
        scores: Tensor | None,
        prev_output_tokens: Tensor | None = None,
        original_batch_idxs: Tensor | None = None,
        candidate_multiple: int = 2,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Pick the best candidates of each sentence; see :class:`QuickBeamSearch`."""
        possible = lprobs > -torch.inf
        must_end = not possible[:, :, : self.eos].any() and not possible[:, :, self.eos + 1 :].any()
        if not must_end:
            self._count(step, possible, scores)
        values, words, hypotheses = super().step(
            step, lprobs, scores, prev_output_tokens, original_batch_idxs, candidate_multiple
        )
        if must_end:
            impossible = values == -torch.inf
            values = values.masked_fill(impossible, IMPOSSIBLE)
            words = words.masked_fill(impossible, self.eos)
        return values, words, hypotheses

    def _count(self, step: int, possible: Tensor, scores: Tensor | None) -> None:
        choices = possible.sum(2)  # [sentences, beam]
        if step == 0 or scores is None:
            choices = choices[:, :1]
        else:
            choices = choices[scores[:, :, step - 1] > -torch.inf]
        self.steps += choices.numel()
        self.single += int((choices == 1).sum())
        self.choices += int(choices.sum())

    @property
    def figures(self) -> dict[str, float]:
        """The share of steps with a single choice, and the mean number of choices."""
        steps = max(self.steps, 1)
        return {"single_choice_share": self.single / steps, "choices": self.choices / steps}


class RepeatBlock(nn.Module):
    """Apply ``no_repeat_ngram_size``: no hypothesis may contain the same n-gram twice.

    fairseq's own class compares n-grams with the padding after a hypothesis instead of with its
    last words, and so forbids nothing.

    Args:
        size: n, at least 1.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(
        self, tokens: Tensor, lprobs: Tensor, bsz: int, beam_size: int, step: int
    ) -> Tensor:
        """Set the scores of the words that would repeat something to −∞, in place.

        Args:
            tokens: the hypotheses, [bsz · beam, length], padded; the first is no word.
            lprobs: scores of their next words, [bsz · beam, words].
            bsz: sentences.
            beam_size: hypotheses of each.
            step: number of words that the hypotheses have.

        Returns:
            the scores.
        """
        if step >= self.size:
            words = tokens[:, 1 : step + 1]
            seen = words.unfold(1, self.size, 1)  # [hypotheses, places, n]
            last = words[:, step - self.size + 1 :].unsqueeze(1)
            rows, places = (seen[..., :-1] == last).all(-1).nonzero(as_tuple=True)
            lprobs[rows, seen[rows, places, -1]] = -torch.inf
        return lprobs
