"""Which pairs stay, and that no sentence stands on two sides."""

from hypothesis import given
from hypothesis import strategies as st

from regattn_fairseq.corpora import PairStream, SentencePair
from regattn_fairseq.corpora.cleaning import (
    LengthFilter,
    clean,
    clean_given_splits,
    folded,
    one_line,
    split_stream,
)

ANY_LENGTH = LengthFilter(1, 100, None)
# A small vocabulary, so that sentences collide, in different case too.
SENTENCES = st.sampled_from([f"{word} {n}" for word in ("a", "A", "b") for n in range(12)])
PAIRS = st.lists(st.builds(SentencePair, SENTENCES, SENTENCES), max_size=60)


def sides(pairs: list[SentencePair]) -> tuple[set[str], set[str]]:
    return {p.source.casefold() for p in pairs}, {p.target.casefold() for p in pairs}


def cleaned_splits(splits, lengths, **options):
    found = {}
    for name, split in clean_given_splits(splits, lengths, **options):
        split.pairs = list(split.pairs)
        found[name] = split
    return found


@given(PAIRS, st.integers(0, 8), st.integers(0, 8), st.integers(0, 5))
def test_a_stream_is_split_without_leaks(
    pairs: list[SentencePair], valid: int, test: int, seed: int
) -> None:
    splits, whole = split_stream(PairStream(pairs, valid, test, seed), ANY_LENGTH)
    assert len(splits["test"].pairs) <= test
    assert len(splits["valid"].pairs) <= valid
    assert sum(len(s.pairs) for s in splits.values()) == len(whole.pairs)
    for first, second in (("train", "valid"), ("train", "test"), ("valid", "test")):
        for one, other in zip(sides(splits[first].pairs), sides(splits[second].pairs), strict=True):
            assert not one & other


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_split_depends_on_the_pairs_and_not_on_their_order(pairs, random) -> None:
    distinct = list({(p.source.casefold(), p.target.casefold()): p for p in pairs}.values())
    shuffled = random.sample(distinct, len(distinct))
    one, _ = split_stream(PairStream(distinct, 5, 5, seed=1), ANY_LENGTH)
    other, _ = split_stream(PairStream(shuffled, 5, 5, seed=1), ANY_LENGTH)
    for name in one:
        assert set(one[name].pairs) == set(other[name].pairs)


def test_another_seed_holds_out_other_pairs() -> None:
    pairs = [SentencePair(f"source {i}", f"target {i}") for i in range(100)]
    held_out = [
        set(split_stream(PairStream(pairs, 10, 10, seed), ANY_LENGTH)[0]["test"].pairs)
        for seed in (1, 2)
    ]
    assert [len(pairs) for pairs in held_out] == [10, 10]
    assert held_out[0] != held_out[1]


def test_sentence_keys_decide_what_is_the_same() -> None:
    pairs = [SentencePair("gcc 11", "x"), SentencePair("gcc 12", "X")]
    stream = PairStream(pairs, 1, 1, 0, sentence_key=lambda s: s.casefold().rstrip(" 0123456789"))
    splits, whole = split_stream(stream, ANY_LENGTH)
    assert whole.dropped == {"duplicate": 1}
    assert len(splits["test"].pairs) == 1


@given(PAIRS, st.integers(0, 8), st.integers(0, 8), st.integers(0, 5))
def test_distinct_sentences_are_held_out(
    pairs: list[SentencePair], valid: int, test: int, seed: int
) -> None:
    splits, whole = split_stream(PairStream(pairs, valid, test, seed, distinct=True), ANY_LENGTH)
    found = {name: sides(split.pairs) for name, split in splits.items()}
    for name in ("valid", "test"):
        assert [len(side) for side in found[name]] == [len(splits[name].pairs)] * 2
    for first, second in (("train", "valid"), ("train", "test"), ("valid", "test")):
        for one, other in zip(found[first], found[second], strict=True):
            assert not one & other
    assert sum(split.read for split in splits.values()) == len(whole.pairs)
    for split in splits.values():
        assert split.read == len(split.pairs) + split.dropped.total()


def test_what_distinguishes_no_sentences() -> None:
    assert (
        folded("“Wait …” he said, at 12:30!")
        == folded("wait: He said at 7.45")
        == "wait he said at 0 0"
    )
    assert folded("ＧＣＣ 11") == "gcc 0"
    assert folded("が を") == folded("か\u3099、を。")
    assert folded("हिन्दी") == "हिन्दी"
    assert folded("Straße") != folded("Strafe")


@given(PAIRS, PAIRS, PAIRS, PAIRS)
def test_given_splits_keep_their_test_sets_and_lose_overlaps(train, valid, test, test_2017) -> None:
    cleaned = cleaned_splits(
        {"train": train, "valid": valid, "test": test, "test_2017": test_2017}, ANY_LENGTH
    )
    assert cleaned["test"].pairs == test
    assert cleaned["test_2017"].pairs == test_2017
    for important in ("test", "test_2017"):
        for lesser in ("valid", "train"):
            for one, other in zip(
                sides(cleaned[important].pairs), sides(cleaned[lesser].pairs), strict=True
            ):
                assert not one & other
    for split in cleaned.values():
        assert split.read == len(split.pairs) + split.dropped.total()


def test_held_out_sets_are_neither_filtered_nor_deduplicated() -> None:
    repeated = [SentencePair("same", "gleich")] * 2 + [SentencePair("long " * 20, "kurz")]
    cleaned = cleaned_splits(
        {"train": [SentencePair("a", "b")], "valid": [], "test": [*repeated, SentencePair("", "")]},
        LengthFilter(1, 5, 2.0),
    )
    assert [p.source for p in cleaned["test"].pairs] == ["same", "same", ("long " * 20).strip()]
    assert cleaned["test"].dropped == {"empty": 1}


def test_every_reason_is_counted() -> None:
    pairs = [
        SentencePair("one two", "eins zwei"),
        SentencePair("One two", "Eins zwei"),
        SentencePair("one", "eins"),
        SentencePair("one " * 9, "eins " * 9),
        SentencePair("one two", "eins zwei drei vier fünf"),
        SentencePair("  ", "eins"),
    ]
    cleaned = clean(pairs, LengthFilter(2, 8, 2.0))
    assert cleaned.pairs == pairs[:1]
    assert cleaned.read == 6
    assert cleaned.dropped == {
        "duplicate": 1,
        "too_short": 1,
        "too_long": 1,
        "ratio": 1,
        "empty": 1,
    }


def test_exotic_whitespace_becomes_a_space() -> None:
    pair = one_line(SentencePair("a\u2028b\x85c\u00a0 d\t", "x\x0by"))
    assert (pair.source, pair.target) == ("a b c d", "x y")
