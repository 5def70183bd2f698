"""Which words of the outputs a model with copy attention has copied."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from regattn_fairseq.metrics import CopyRecord
from regattn_fairseq.models.copying import log_gain, source_words


@torch.no_grad()
def copied_words(
    model: Any, net_input: dict[str, Tensor], outputs: Sequence[Tensor]
) -> list[CopyRecord] | list[None]:
    """Have the model read its own outputs, and see where each word comes from.

    fairseq's search keeps neither the gate nor the vocabulary's part of a word's probability.

    Args:
        model: of fairseq's, in evaluation mode.
        net_input: a batch's ``src_tokens`` and ``src_lengths``.
        outputs: the tokens of each sentence's output, with the end of the sentence.

    Returns:
        A record for each sentence; None for each if the model cannot copy.
    """
    if getattr(getattr(model, "decoder", None), "copy_gate", None) is None:
        return [None] * len(outputs)
    dictionary = model.decoder.dictionary
    tokens = pad_sequence(list(outputs), batch_first=True, padding_value=dictionary.pad())
    first = tokens.new_full((len(tokens), 1), dictionary.eos())
    previous = torch.cat((first, tokens[:, :-1]), dim=1)
    scores, extra = model(net_input["src_tokens"], net_input["src_lengths"], previous)
    gate, source = extra["copy"]
    words = source_words(extra["attn"][0].float(), source)
    at_source = words.indices.unsqueeze(1) == tokens.unsqueeze(2)  # [batch, target, source]
    mass = (at_source * words.share.unsqueeze(1) * words.mass).sum(2)
    log_vocabulary = scores.float().log_softmax(2).gather(2, tokens.unsqueeze(2)).squeeze(2)
    generated = (-log_gain(-gate.float() - log_vocabulary, mass)).exp().cpu().numpy()
    gates = gate.float().sigmoid().cpu().numpy()
    return [
        CopyRecord(gates[row, : len(output)], generated[row, : len(output)])
        for row, output in enumerate(outputs)
    ]
