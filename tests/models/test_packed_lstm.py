"""The LSTM against torch's, whole and padded batches, values and gradients."""

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from regattn_fairseq.models.fast import packed_lstm

LENGTHS = [[4, 4, 4], [2, 5, 3], [1, 1, 6], [1]]


class Ours(torch.nn.LSTM):
    def forward(self, packed, state=None):
        return packed_lstm.run(self, packed, state)


def pair(**options):
    torch.manual_seed(1)
    ours = Ours(3, 4, batch_first=True, dtype=torch.float64, **options)
    theirs = torch.nn.LSTM(3, 4, batch_first=True, dtype=torch.float64, **options)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def pack(words, lengths):
    return pack_padded_sequence(words, torch.tensor(lengths), True, enforce_sorted=False)


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.parametrize(
    "options",
    [{}, {"bidirectional": True}, {"num_layers": 2}, {"num_layers": 2, "bidirectional": True}],
)
def test_values_and_gradients_are_torchs(lengths, with_state, options):
    models = pair(**options)
    layers = len(models[0].all_weights)
    words = torch.randn(len(lengths), max(lengths), 3, dtype=torch.float64)
    start = torch.randn(2, layers, len(lengths), 4, dtype=torch.float64)
    found = []
    for model in models:
        inputs = words.clone().requires_grad_()
        state = tuple(s.clone().requires_grad_() for s in start) if with_state else None
        packed, (hidden, cell) = model(pack(inputs, lengths), state)
        outputs = (packed.data, hidden, cell)
        sum((o * torch.arange(o.numel()).view_as(o).sin()).sum() for o in outputs).backward()
        found.append(
            [
                *outputs,
                inputs.grad,
                *(s.grad for s in state or ()),
                *(p.grad for p in model.parameters()),
            ]
        )
    for value, wanted in zip(*found, strict=True):
        torch.testing.assert_close(value, wanted, rtol=0, atol=1e-12)


def test_sorted_batches_need_no_order():
    ours, theirs = pair()
    packed = PackedSequence(torch.randn(5, 3, dtype=torch.float64), torch.tensor([2, 2, 1]))

    torch.testing.assert_close(ours(packed)[0].data, theirs(packed)[0].data)


def test_dropout_between_layers_acts_in_training_alone():
    ours, _ = pair(num_layers=2, dropout=0.5)
    packed = pack(torch.randn(2, 5, 3, dtype=torch.float64), [5, 4])

    assert not torch.equal(ours(packed)[0].data, ours(packed)[0].data)
    ours.eval()
    assert torch.equal(ours(packed)[0].data, ours(packed)[0].data)


def test_outputs_that_nobody_uses_need_no_gradient():
    ours, theirs = pair()
    words = torch.randn(2, 5, 3, dtype=torch.float64)
    for model in (ours, theirs):
        model(pack(words, [5, 4]))[0].data[:3].sum().backward()

    torch.testing.assert_close(ours.weight_hh_l0.grad, theirs.weight_hh_l0.grad)
