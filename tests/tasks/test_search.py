"""Our beam search step against fairseq's."""

import math

import pytest
import torch
from fairseq.data import Dictionary
from fairseq.search import BeamSearch
from fairseq.sequence_generator import EnsembleModel, SequenceGenerator

from regattn_fairseq.tasks import search
from regattn_fairseq.tasks.search import QuickBeamSearch, QuickEnsemble, RepeatBlock


@pytest.fixture(params=["compiled", "torch"])
def searches(request, monkeypatch):
    if request.param == "torch":
        monkeypatch.setattr(search, "works_on", lambda like: False)
    dictionary = Dictionary()
    return QuickBeamSearch(dictionary), BeamSearch(dictionary)


@pytest.mark.parametrize(("sentences", "beam", "words"), [(3, 5, 1000), (1, 1, 7), (20, 2, 65)])
@pytest.mark.parametrize("step", [0, 1, 4])
def test_candidates_are_fairseqs(searches, sentences, beam, words, step):
    torch.manual_seed(step)
    lprobs = torch.randn(sentences, beam, words).log_softmax(2)
    lprobs[:, :, 1] = -math.inf
    scores = torch.randn(sentences, beam, 9).cumsum(2)

    ours, theirs = (s.step(step, lprobs.clone(), scores[:, :, :step]) for s in searches)

    for found, wanted in zip(ours, theirs, strict=True):
        assert found.dtype is wanted.dtype
        assert torch.equal(found, wanted)


def test_where_the_end_alone_is_possible_nothing_else_counts(searches):
    lprobs = torch.full((2, 3, 40), -math.inf)
    lprobs[:, :, 2] = torch.tensor([[-1.0, -2.0, -3.0], [-3.0, -1.0, -2.0]])
    ours, _ = searches

    scores, words, beams = ours.step(4, lprobs, torch.zeros(2, 3, 4))

    assert scores.tolist() == [[-1, -2, -3, *[-math.inf] * 3]] * 2
    assert words[:, :3].eq(2).all()
    assert beams[:, :3].tolist() == [[0, 1, 2], [1, 2, 0]]
    assert ((words >= 0) & (words < 40) & (beams >= 0) & (beams < 3)).all()


def test_split_over_threads_gives_the_same(searches):
    lprobs, scores = torch.randn(30, 5, 3000), torch.randn(30, 5, 2)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(searches[0].step(2, lprobs, scores))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize(
    ("size", "banned"),
    [
        (1, [{4, 5}, {6}]),
        (2, [{4, 5}, {6}]),
        (3, [{4}, {6}]),
        (4, [set(), {6}]),
        (5, [set(), set()]),
    ],
)
def test_no_words_in_a_row_come_twice(size, banned):
    padding = [1, 1]
    tokens = torch.tensor([[2, 4, 5, 4, 4, *padding], [2, 6, 6, 6, 6, *padding]])
    if size == 3:
        tokens[0, 1:5] = torch.tensor([5, 4, 5, 4])  # 5 4 5, 4 5 4: next would be 5 4 5 again
        banned = [{5}, {6}]
    scores = RepeatBlock(size)(tokens, torch.zeros(2, 9), 1, 2, 4)
    for row, wanted in zip(scores, banned, strict=True):
        assert set(row.isneginf().nonzero().flatten().tolist()) == wanted


@pytest.fixture(params=["lstm", "without input feeding", "copying", "sparse words", "transformer"])
def model(request, build, transformer):
    if request.param == "transformer":
        return transformer().float()
    options = {
        "without input feeding": {"no_input_feeding": True, "attn_normalizer": "sparsemax"},
        "copying": {"copy_attn": True},
        "sparse words": {"loss_normalizer": "sparsemax"},
    }
    built = build(**options.get(request.param, {}))
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.mul_(4)  # so that no two words are equally likely but for rounding
    return built


def outputs(models, dictionary, batch, ensemble, **options):
    generator = SequenceGenerator(models, dictionary, beam_size=3, max_len_b=8, **options)
    generator.model = ensemble(models).eval()
    generator.search = QuickBeamSearch(dictionary)
    net_input = {"src_tokens": batch.source, "src_lengths": batch.lengths}
    return generator.generate(models, {"net_input": net_input})


def assert_same_outputs(ours, theirs):
    for mine, other in zip(ours, theirs, strict=True):
        assert len(mine) == len(other) > 0
        for found, wanted in zip(mine, other, strict=True):
            for key in ("tokens", "score", "positional_scores", "attention"):
                torch.testing.assert_close(found[key], wanted[key], rtol=0, atol=0)


@pytest.mark.parametrize("options", [{}, {"temperature": 2.0}, {"unk_penalty": 1, "min_len": 3}])
def test_a_quick_ensemble_finds_what_fairseqs_does(model, dictionary, batch, options):
    ours, theirs = (
        outputs([model], dictionary, batch, ensemble, **options)
        for ensemble in (QuickEnsemble, EnsembleModel)
    )
    assert_same_outputs(ours, theirs)


def test_so_does_one_of_two_models(build, dictionary, batch):
    models = [build(), build(attn_normalizer="fusedmax")]
    ours, theirs = (
        outputs(models, dictionary, batch, ensemble) for ensemble in (QuickEnsemble, EnsembleModel)
    )
    assert_same_outputs(ours, theirs)


@pytest.mark.parametrize("kernels", [True, False])
def test_a_hypothesis_whose_scores_are_nan_ends(build, dictionary, batch, monkeypatch, kernels):
    if not kernels:
        monkeypatch.setattr(search, "works_on", lambda like: False)
    model = build()
    word = 7
    model.decoder.embed_tokens.weight.data[word] = torch.nan  # after this word all is NaN
    model.decoder.fc_out.weight.data[word] *= 20
    ours, theirs = (
        outputs([model], dictionary, batch, ensemble) for ensemble in (QuickEnsemble, EnsembleModel)
    )
    for mine, other in zip(ours, theirs, strict=True):
        assert [found["tokens"].tolist() for found in mine] == [
            found["tokens"].tolist() for found in other
        ]
        assert all(found["score"].isfinite() for found in mine)
        assert all(word not in found["tokens"].tolist()[:-2] for found in mine)
