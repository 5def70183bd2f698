"""fairseq's beam search with its costliest steps compiled, and without repetitions if asked."""

from collections import Counter
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.search import BeamSearch
from fairseq.sequence_generator import EnsembleModel
from torch import Tensor, nn

from regattn_fairseq.kernels.running import Kernels, works_on

_kernels = Kernels("regattn_fairseq.kernels.beam_search", {"best": 1})


def _are_compiled(lprobs: Tensor) -> bool:
    """Whether the compiled step picks candidates from these scores."""
    return works_on(lprobs) and lprobs.dtype is torch.float32


class QuickEnsemble(EnsembleModel):
    """What a search asks for the next words, without two passes over all of them.

    At each step fairseq divides the scores by the temperature, even if it is one, and looks for NaN
    among the logarithms of the probabilities. A softmax has NaN in all of a row or in none of it,
    and :class:`QuickBeamSearch` takes no candidate from such a row.

    Args:
        models: as of fairseq's class. Of several models, this class does what fairseq's does.
    """

    def forward_decoder(
        self,
        tokens: Tensor,
        encoder_outs: Any,
        incremental_states: Any,
        temperature: float = 1.0,
    ) -> tuple[Tensor, Tensor | None]:
        """Logarithms of the next words' probabilities, and attention; see fairseq."""
        if self.models_size > 1 or temperature != 1.0:
            found: tuple[Tensor, Tensor | None] = super().forward_decoder(
                tokens, encoder_outs, incremental_states, temperature
            )
            return found
        decoder = self.single_model.decoder
        scores, beside = decoder(
            tokens, encoder_out=encoder_outs[0], incremental_state=incremental_states[0]
        )
        last = scores[:, -1:], beside
        logarithms = self.single_model.get_normalized_probs(last, log_probs=True)[:, -1]
        # Only a mixture with copied words can have NaN for some words of a row.
        mixes = getattr(decoder, "copy_gate", None) is not None
        if _are_compiled(logarithms) and not mixes:
            logarithms = logarithms.as_subclass(_NeverNaN)
        attention = beside["attn"] if isinstance(beside, dict) else beside
        if isinstance(attention, list):
            attention = attention[0]
        return logarithms, None if attention is None else attention[:, -1]


class _NeverNaN(Tensor):
    """A tensor that says at once where it has NaN: nowhere. Results of all else are plain."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        """Where this differs from something: as indices, and none, if that is the tensor itself."""
        if other is self:
            return torch.empty(0, dtype=torch.int64)
        different: Tensor = torch.ne(self, other)
        return different

    __hash__ = Tensor.__hash__


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
        if not _are_compiled(lprobs):
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

    Args:
        dictionary: the target's.
        max_len_a: outputs have at most a S + b words for the S words of a batch's longest source.
        max_len_b: b.

    Attributes:
        steps: how many next words were chosen for possible hypotheses.
        single: for how many of them one word alone had a probability.
        choices: how many words had one, summed over the steps.
        searched: the sentences.
        pruned: those of them that had more possible outputs than the beam has room for. All outputs
            of the others were found, so that no search finds a better one.
    """

    def __init__(self, dictionary: Dictionary, max_len_a: float, max_len_b: int) -> None:
        super().__init__(dictionary)
        self._max_len = max_len_a, max_len_b
        self.steps = self.single = self.choices = 0
        self.searched: set[int] = set()
        self.pruned: set[int] = set()
        self._ended: Counter[int] = Counter()  # how many outputs of a sentence have ended

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
        nothing_else = not (
            possible[:, :, : self.eos].any() or possible[:, :, self.eos + 1 :].any()
        )
        factor, words_more = self._max_len
        cut = nothing_else and step >= int(factor * int(self.src_lengths.max()) + words_more)
        if step > 0 and scores is not None:
            possible &= (scores[:, :, step - 1] > -torch.inf).unsqueeze(2)
        else:
            possible[:, 1:] = False  # all hypotheses of a sentence are equal
        if not cut:
            self._count(possible)
        if original_batch_idxs is not None:
            self._note_pruned(possible, original_batch_idxs.tolist(), cut=cut)
        values, words, hypotheses = super().step(
            step, lprobs, scores, prev_output_tokens, original_batch_idxs, candidate_multiple
        )
        if nothing_else:
            impossible = values == -torch.inf
            values = values.masked_fill(impossible, IMPOSSIBLE)
            words = words.masked_fill(impossible, self.eos)
        return values, words, hypotheses

    def _count(self, possible: Tensor) -> None:
        choices = possible.sum(2)  # [sentences, beam]
        choices = choices[choices > 0]
        self.steps += choices.numel()
        self.single += int((choices == 1).sum())
        self.choices += int(choices.sum())

    def _note_pruned(self, possible: Tensor, sentences: list[int], *, cut: bool) -> None:
        beam = possible.size(1)
        ends = possible[:, :, self.eos].sum(1).tolist()
        continued = (possible.sum((1, 2))).tolist()
        for sentence, candidates, ending in zip(sentences, continued, ends, strict=True):
            self.searched.add(sentence)
            if self._ended[sentence] + candidates > beam or (cut and candidates > 0):
                self.pruned.add(sentence)
            self._ended[sentence] += ending

    @property
    def figures(self) -> dict[str, float]:
        """Mean number of choices, share of steps with one, share of sentences not pruned."""
        steps, sentences = max(self.steps, 1), max(len(self.searched), 1)
        return {
            "choices": self.choices / steps,
            "single_choice_share": self.single / steps,
            "exact_search_share": 1 - len(self.pruned) / sentences,
        }


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
