"""Beam search among few words: those that the source's words are likely to become."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

Layer = TypeVar("Layer", nn.Embedding, nn.Linear)


class WordTable:
    """How much attention target words have given to source words.

    Args:
        sources: size of the source dictionary.
        targets: size of the target dictionary.

    Source: attention's weights take the place of an aligner's probabilities, of which the
    shortlists of Marian are made (Junczys-Dowmunt et al. 2018).
    """

    LEAST = 0.02
    """Smaller weights are left out. Softmax gives every word some."""

    def __init__(self, sources: int, targets: int) -> None:
        self._shape = sources, targets
        self._pairs: list[np.ndarray] = []
        self._weights: list[np.ndarray] = []

    def add(self, weights: Tensor, sources: Tensor, targets: Tensor, padding: Tensor) -> None:
        """Add the attention of a batch.

        Args:
            weights: [batch, target, source].
            sources: words [batch, source].
            targets: words [batch, target].
            padding: bool [batch, target, source], True where there is no pair of words.
        """
        row, target, source = (weights.gt(self.LEAST) & ~padding).nonzero(as_tuple=True)
        pairs = sources[row, source] * self._shape[1] + targets[row, target]
        self._pairs.append(pairs.cpu().numpy())
        self._weights.append(weights[row, target, source].float().cpu().numpy())

    def likeliest(self, most: int, filler: int) -> np.ndarray:
        """The target words with the largest sums, int32 [source vocabulary, most], best first.

        Args:
            most: how many for each source word.
            filler: the word that stands where a source word has fewer.
        """
        found = np.full((self._shape[0], most), filler, dtype=np.int32)
        if not self._pairs:
            return found
        pairs, which = np.unique(np.concatenate(self._pairs), return_inverse=True)
        sums = np.bincount(which, np.concatenate(self._weights))
        sources, targets = np.divmod(pairs, self._shape[1])
        order = np.lexsort((targets, -sums, sources))
        sources, targets = sources[order], targets[order]
        rank = np.arange(len(sources)) - np.searchsorted(sources, sources)
        kept = rank < most
        found[sources[kept], rank[kept]] = targets[kept]
        return found


class Shortlist:
    """The target words that a search may choose from.

    Args:
        likely: target words [source vocabulary, n], such as the likeliest of each source word.
        always: how many words of the target dictionary may always be chosen. The dictionary begins
            with its special symbols, and then has the most frequent words.

    Attributes:
        searches: how many batches were searched.
        offered: how many words they had to choose from, summed.
    """

    def __init__(self, likely: Tensor, always: int) -> None:
        self._likely = likely
        self._always = torch.arange(always)
        self.searches = self.offered = 0

    def words(self, sources: Tensor, prefix: Tensor | None = None) -> Tensor:
        """The words for a batch, ascending: int64 [words].

        Args:
            sources: the batch's source words [batch, source].
            prefix: target words [batch, prefix] that the outputs begin with.
        """
        likely = self._likely[sources.cpu().unique()].flatten().long()
        begun = likely.new_empty(0) if prefix is None else prefix.cpu().flatten()
        words = torch.cat((self._always, likely, begun)).unique()
        self.searches += 1
        self.offered += len(words)
        return words.to(sources.device)

    @property
    def figures(self) -> dict[str, float]:
        """Mean number of words that a batch could choose from."""
        return {"shortlist_words": self.offered / max(self.searches, 1)}


def search(
    shortlist: Shortlist | None,
    task: Any,
    model: Any,
    generator: Any,
    sample: dict[str, Any],
    prefix: Tensor | None = None,
) -> list[Any]:
    """The hypotheses of each sentence of a batch, as fairseq's search returns them.

    Args:
        shortlist: the words to choose from; None: all.
        task: fairseq's.
        model: see :func:`searched_among`.
        generator: fairseq's.
        sample: the batch, on the model's device.
        prefix: target words [batch, prefix] that the outputs begin with.
    """
    if shortlist is None:
        found: list[Any] = task.inference_step(generator, [model], sample, prefix_tokens=prefix)
        return found
    words = shortlist.words(sample["net_input"]["src_tokens"], prefix)
    if prefix is not None:
        prefix = torch.searchsorted(words, prefix.contiguous())
    with searched_among(words, model, generator):
        found = task.inference_step(generator, [model], sample, prefix_tokens=prefix)
    for hypothesis in (each for hypotheses in found for each in hypotheses):
        hypothesis["tokens"] = words[hypothesis["tokens"]]
    return found


@contextmanager
def searched_among(words: Tensor, model: Any, generator: Any) -> Iterator[None]:
    """Within the block, let a model and a search know these words alone, by their places.

    Args:
        words: target words, ascending, the dictionary's special symbols among them.
        model: of this package, with an LSTM decoder, and not in use by another thread.
        generator: fairseq's.
    """
    decoder = model.decoder
    embeddings, output, size = decoder.embed_tokens, decoder.fc_out, generator.vocab_size
    decoder.embed_tokens = _rows(embeddings, words)
    decoder.embed_tokens.num_embeddings = len(words)
    decoder.fc_out = None if output is None else _rows(output, words)
    generator.vocab_size = len(words)
    try:
        yield
    finally:
        decoder.embed_tokens, decoder.fc_out, generator.vocab_size = embeddings, output, size


def _rows(layer: Layer, rows: Tensor) -> Layer:
    """A layer with some of the rows of each parameter."""
    part = copy(layer)
    part._parameters = {
        name: None if whole is None else nn.Parameter(whole.detach()[rows], requires_grad=False)
        for name, whole in layer._parameters.items()
    }
    return part
