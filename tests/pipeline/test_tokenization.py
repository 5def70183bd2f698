"""Tokenizers: what they split, they can join again."""

import random
import re

import pytest
from fairseq.data import encoders
from omegaconf import OmegaConf

from regattn_fairseq.pipeline.preprocessing.tokenization import (
    fairseq_encoders,
    load_tokenizers,
    train_tokenizers,
)
from regattn_fairseq.runs.errors import PipelineError

GERMAN = ["Der alte Mann schläft.", "Die Frau, die lacht, geht heim.", "Das Haus ist groß!"] * 20
ENGLISH = ["The old man sleeps.", "The woman who laughs goes home.", "It's a big house!"] * 20


def trained(folder, **options):
    defaults = {"name": "sentencepiece", "model_type": "unigram", "vocab_size": 60, "joint": True}
    train_tokenizers({**defaults, **options}, ("de", "en"), (GERMAN, ENGLISH), folder)
    return load_tokenizers(folder)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"joint": False, "vocab_size": 40},
        {"model_type": "bpe", "vocab_size": 80},
        {"name": "moses"},
        {"name": "space"},
    ],
)
def test_decoding_undoes_encoding(tmp_path, options):
    source, target = trained(tmp_path, **options)
    for tokenizer, text in ((source, GERMAN[1]), (target, ENGLISH[2])):
        tokens = tokenizer.encode(text)
        assert not any(set(token) & set(" \t\n") for token in tokens)
        assert tokenizer.decode(tokens) == text


@pytest.mark.parametrize(
    "options", [{}, {"joint": False, "vocab_size": 40}, {"name": "moses"}, {"name": "space"}]
)
def test_fairseqs_interfaces_make_the_same_of_a_text(tmp_path, options):
    source, target = trained(tmp_path, **options)
    nodes = OmegaConf.create(fairseq_encoders(tmp_path))
    build = encoders.build_tokenizer, encoders.build_bpe
    steps = [step for step in (build[0](nodes.tokenizer), build[1](nodes.bpe)) if step is not None]
    text = GERMAN[1]
    for step in steps:
        text = step.encode(text)
    assert text.split() == source.encode(GERMAN[1])
    text = " ".join(target.encode(ENGLISH[2]))
    for step in reversed(steps):
        text = step.decode(text)
    assert text == ENGLISH[2]


def test_a_joint_model_serves_both_sides_and_separate_ones_do_not(tmp_path):
    (tmp_path / "joint").mkdir()
    (tmp_path / "separate").mkdir()
    source, target = trained(tmp_path / "joint")
    assert source.encode("Der Mann") == target.encode("Der Mann")
    source, target = trained(tmp_path / "separate", joint=False, vocab_size=40)
    assert source.encode("schläft") != target.encode("schläft")


def test_moses_splits_punctuation_by_language(tmp_path):
    source, target = trained(tmp_path, name="moses")
    assert source.encode("Er schläft.") == ["Er", "schläft", "."]
    assert target.encode("It's big") == ["It", "'s", "big"]


def test_moses_splits_the_last_period_whatever_word_it_follows(tmp_path):
    source, target = trained(tmp_path, name="moses")
    assert source.encode("Nr. 10, z.B.") == ["Nr.", "10", ",", "z.B", "."]
    assert target.encode("In the U.S.") == ["In", "the", "U.S", "."]
    assert target.encode("Wait...") == ["Wait", "..."]
    assert target.decode(target.encode("In the U.S.")) == "In the U.S."


def test_training_is_deterministic(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        trained(tmp_path / name)
    a, b = ((tmp_path / name / "joint.vocab").read_bytes() for name in ("a", "b"))
    assert a == b


def test_a_large_text_is_sampled_in_the_same_way_every_time(tmp_path, monkeypatch):
    draw = random.Random(1)
    lines = ["".join(draw.choices("abcdefgh ", k=20)) for _ in range(400)]

    def vocabulary(name):
        (tmp_path / name).mkdir()
        options = {
            "name": "sentencepiece",
            "model_type": "unigram",
            "vocab_size": 60,
            "joint": True,
        }
        train_tokenizers(options, ("de", "en"), (lines, lines), tmp_path / name)
        return (tmp_path / name / "joint.vocab").read_bytes()

    whole = vocabulary("whole")
    monkeypatch.setattr(
        "regattn_fairseq.pipeline.preprocessing.tokenization.MAX_TRAINING_LINES", 200
    )
    assert vocabulary("a") == vocabulary("b") != whole


def test_unknown_pieces_are_kept_in_the_text(tmp_path):
    _, target = trained(tmp_path)
    assert target.decode(["▁the", "<unk>", "▁man"]) == "the<unk> man"


def test_long_lines_take_part(tmp_path):
    lines = [" ".join(f"wort{i * j % 97}" for j in range(1200)) for i in range(8)]
    assert min(map(len, lines)) > 4192  # SentencePiece's own limit
    options = {"name": "sentencepiece", "model_type": "bpe", "vocab_size": 40, "joint": False}
    train_tokenizers(options, ("de", "en"), (lines, lines), tmp_path)
    source, _ = load_tokenizers(tmp_path)
    assert source.encode("wort") == ["▁wort"]


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_a_vocabulary_that_does_not_fit_says_which_would(tmp_path, model_type):
    with pytest.raises(
        PipelineError, match=r"vocab_size=10 is too small: .* at least (\d+)"
    ) as small:
        trained(tmp_path, vocab_size=10, model_type=model_type)
    fewest = int(re.search(r"at least (\d+)", str(small.value))[1])
    trained(tmp_path, vocab_size=fewest, model_type=model_type)
    with pytest.raises(PipelineError, match="at least"):
        trained(tmp_path, vocab_size=fewest - 1, model_type=model_type)
    if model_type == "bpe":
        with pytest.raises(PipelineError, match=r"100000 is too large .* at most (\d+)") as large:
            trained(tmp_path, vocab_size=100_000, model_type=model_type)
        trained(tmp_path, vocab_size=int(re.search(r"most (\d+)", str(large.value))[1]))


@pytest.mark.parametrize("size", [0, -5, 1, "many", 2.5])
def test_a_vocabulary_has_a_size(tmp_path, size):
    with pytest.raises(PipelineError, match="must be a whole number, at least 4"):
        trained(tmp_path, vocab_size=size)


def test_bad_options(tmp_path):
    with pytest.raises(PipelineError, match=r"data\.tokenizer\.model_type=words must be one of"):
        trained(tmp_path, model_type="words")
    with pytest.raises(PipelineError, match=r"data\.tokenizer\.name"):
        trained(tmp_path, name="words")
    with pytest.raises(PipelineError, match=r"data\.tokenizer\.vocab_size"):
        trained(tmp_path, model_type="bpe", vocab_size=100_000)
    with pytest.raises(PipelineError, match="regattn-preprocess"):
        load_tokenizers(tmp_path / "nothing")
