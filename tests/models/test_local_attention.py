"""Local attention: the factors of its window, and where it does not fit."""

import math
from types import SimpleNamespace

import pytest
import torch
from fairseq.sequence_generator import SequenceGenerator
from small_models import searched

from regattn_fairseq.declared.model_options import check_window
from regattn_fairseq.models.local_attention import LocalWindow


@pytest.mark.parametrize("left", [True, False])
def test_the_factors_are_the_formulas(left):
    window = LocalWindow(4, 3.0).double()
    queries = torch.randn(2, 5, 4, dtype=torch.float64)
    lengths, size = (6, 4), 6
    mask = torch.zeros(2, 1, size, dtype=torch.bool)
    mask[1, 0, :2] = left
    mask[1, 0, 4:] = not left
    found = window(queries, torch.zeros(2, 5, size, dtype=torch.float64), mask)
    for row, length in enumerate(lengths):
        for step, h in enumerate(queries[row]):
            v, W = window.center_proj.weight[0], window.hidden_proj.weight
            c = length / (1 + math.exp(-float((v @ torch.tanh(W @ h)).detach())))
            wanted = [math.exp(-((s - c) ** 2) / (2 * 1.5**2)) for s in range(length)]
            torch.testing.assert_close(found[row, step][~mask[row, 0]].tolist(), wanted)
    alone = window(queries[1, 2], torch.zeros(4).double(), None)
    torch.testing.assert_close(alone, found[1, 2][~mask[1, 0]])


@pytest.mark.parametrize("options", [{}, {"no_input_feeding": True}, {"attn_fertility": 0.5}])
def test_weights_are_those_of_the_map_times_the_window(build, batch, options):
    model, free = (
        build(attn_normalizer="sparsemax", attn_window=window, **options).double()
        for window in (1.5, None)
    )
    free.load_state_dict(model.state_dict(), strict=False)
    queries, weights = {}, {}
    for name, each in (("local", model), ("free", free)):
        _, extra = each(batch.source, batch.lengths, batch.previous)
        queries[name], weights[name] = extra["queries"][0], extra["attn"][0]
    first = weights["free"][:, 0]  # later queries differ with input feeding
    scores, mask = torch.zeros_like(first), batch.source.eq(batch.pad)
    torch.testing.assert_close(queries["local"][:, 0], queries["free"][:, 0])
    factors = model.decoder.attention.window(queries["free"][:, 0], scores, mask)
    torch.testing.assert_close(weights["local"][:, 0], factors * first)
    assert weights["local"].sum(2)[batch.is_word].max() < 1


@pytest.mark.parametrize("options", [{}, {"no_input_feeding": True}, {"attn_score": "concat"}])
def test_beam_search_has_the_models_scores(build, dictionary, batch, options):
    model = build(attn_window=2.0, **options)
    generator = SequenceGenerator([model], dictionary, beam_size=3, max_len_b=8)
    assert list(searched(model, batch, generator))


def test_bad_windows_and_copying_are_refused():
    with pytest.raises(ValueError, match=r"attn_window is 0\.0; use a finite number above 0"):
        check_window(SimpleNamespace(attn_window=0.0))
    with pytest.raises(ValueError, match="leave out attn_window or copy_attn"):
        check_window(SimpleNamespace(attn_window=10.0, copy_attn=True))
