"""Beam search among the words that a source is likely to become."""

from collections import defaultdict

import pytest
import torch
from fairseq.sequence_generator import SequenceGenerator

from regattn_fairseq.tasks.search import QuickBeamSearch
from regattn_fairseq.tasks.shortlist import Shortlist, WordTable, searched_among


def test_a_table_has_the_words_that_attended_most_in_their_order():
    torch.manual_seed(1)
    table, sums = WordTable(6, 9), defaultdict(float)
    for _ in range(3):
        sources, targets = torch.randint(1, 6, (2, 4)), torch.randint(0, 9, (2, 5))
        weights = torch.rand(2, 5, 4)
        weights[weights < 0.3] = WordTable.LEAST
        padding = torch.rand(2, 5, 4) < 0.2
        table.add(weights, sources, targets, padding)
        for row, target, source in (~padding & weights.gt(0.3)).nonzero().tolist():
            pair = int(sources[row, source]), int(targets[row, target])
            sums[pair] += float(weights[row, target, source])
    found = table.likeliest(3, filler=2)
    assert found.shape == (6, 3)
    assert found[0].tolist() == [2, 2, 2], "a word that was never read"
    for source in range(1, 6):
        of_source = {target: mass for (word, target), mass in sums.items() if word == source}
        best = sorted(of_source, key=lambda target: -of_source[target])[:3]
        assert found[source].tolist() == [*best, 2, 2, 2][:3]


def test_a_table_of_nothing_has_no_words():
    assert WordTable(2, 5).likeliest(2, filler=3).tolist() == [[3, 3], [3, 3]]


def test_a_batch_may_use_its_words_the_frequent_ones_and_those_it_begins_with():
    likely = torch.tensor([[9, 9], [7, 5], [8, 9], [11, 12]])
    shortlist = Shortlist(likely, always=5)
    words = shortlist.words(torch.tensor([[1, 2], [2, 1]]))
    assert words.tolist() == [0, 1, 2, 3, 4, 5, 7, 8, 9]
    assert shortlist.words(torch.tensor([[1]]), torch.tensor([[13], [1]])).tolist() == [
        *range(6),
        *(7, 13),
    ]
    assert shortlist.figures == {"shortlist_words": 8.5}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"no_input_feeding": True, "attn_normalizer": "sparsemax"},
        {"share_decoder_input_output_embed": True, "decoder_out_embed_dim": 6},
    ],
)
@pytest.mark.parametrize("quick", [False, True])
def test_it_finds_what_a_search_does_in_which_other_words_are_impossible(
    build, dictionary, batch, options, quick
):
    model = build(**options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8)  # so that no two words are equally likely but for rounding
    net_input = {"src_tokens": batch.source, "src_lengths": batch.lengths}
    generator = SequenceGenerator([model], dictionary, beam_size=3, max_len_b=8)
    if quick:
        generator.search = QuickBeamSearch(dictionary)
    words = torch.tensor([0, 1, 2, 3, 6, 7, 11, 13, 14, 20])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with searched_among(words, model, generator):
        found = generator.generate([model], {"net_input": net_input})
    assert generator.vocab_size == len(dictionary)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)

    others = torch.ones(len(dictionary)).index_fill(0, words, 0).nonzero().squeeze(1)
    score = model.decoder.output_layer
    model.decoder.output_layer = lambda features: score(features).index_fill(2, others, -torch.inf)
    expected = generator.generate([model], {"net_input": net_input})
    for ours, theirs in zip(found, expected, strict=True):
        for mine, other in zip(ours, theirs, strict=True):
            assert words[mine["tokens"]].tolist() == other["tokens"].tolist()
            torch.testing.assert_close(mine["positional_scores"], other["positional_scores"])


def test_all_words_come_back_when_a_search_fails(build, dictionary):
    model = build()
    generator = SequenceGenerator([model], dictionary, beam_size=3)
    embeddings, output = model.decoder.embed_tokens, model.decoder.fc_out
    with (
        pytest.raises(RuntimeError, match="out of memory"),
        searched_among(torch.arange(7), model, generator),
    ):
        raise RuntimeError("out of memory")
    assert model.decoder.embed_tokens is embeddings
    assert model.decoder.fc_out is output
    assert generator.vocab_size == len(dictionary)
