"""BLEU, chrF and ROUGE against figures that were worked out independently."""

import logging
import subprocess
import sys

import pytest
from sacrebleu.metrics.bleu import BLEU

from regattn_fairseq.metrics import bleu as bleu_module
from regattn_fairseq.metrics import (
    bleu_tokenizer,
    paired_bootstrap_bleu,
    score_translation,
    sentence_bleu,
    tokenizer_of_signature,
)
from regattn_fairseq.metrics.rouge import (
    is_stemmed,
    is_stemmed_in,
    score_summaries,
    sentence_rouge,
)

HYPOTHESES = ["The cat sat on the mat.", "A man rides a red bicycle.", "Two dogs run on grass"]
REFERENCES = ["The cat is on the mat.", "A man is riding a red Bicycle.", "Two Dogs run over grass"]


def sacrebleu_command(tmp_path, *options):
    """What the sacrebleu command line prints for the same text."""
    (tmp_path / "hypotheses").write_text("\n".join(HYPOTHESES) + "\n", encoding="utf-8")
    (tmp_path / "references").write_text("\n".join(REFERENCES) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "sacrebleu", str(tmp_path / "references")]
    command += ["-i", str(tmp_path / "hypotheses"), "-b", "-w", "6", *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("lowercase", [True, False])
def test_translation_scores_equal_the_sacrebleu_command(tmp_path, lowercase):
    metrics, signatures = score_translation(HYPOTHESES, REFERENCES, lowercase=lowercase)
    options = ["--lowercase"] if lowercase else []
    assert metrics["bleu"] == pytest.approx(
        float(sacrebleu_command(tmp_path, "-m", "bleu", *options)), abs=1e-5
    )
    options = ["--chrf-lowercase"] if lowercase else []
    assert metrics["chrf"] == pytest.approx(
        float(sacrebleu_command(tmp_path, "-m", "chrf", *options)), abs=1e-5
    )
    case = "case:lc" if lowercase else "case:mixed"
    assert all(case in signature and "version:" in signature for signature in signatures.values())
    assert "tok:13a" in signatures["bleu"]


def test_identical_text_scores_100():
    metrics, _ = score_translation(REFERENCES, REFERENCES, lowercase=False)
    assert metrics == pytest.approx({"bleu": 100.0, "chrf": 100.0})
    metrics, _ = score_summaries(REFERENCES, REFERENCES)
    assert metrics == pytest.approx({"rouge1": 100.0, "rouge2": 100.0, "rougeL": 100.0})


def test_rouge_by_hand():
    # Reference: police killed the gunman; hypothesis: police kill the gunman. Stemming makes the
    # two equal. The second hypothesis has the reference's words in another order: its four words
    # match, of three bigrams only "the gunman" does, and the longest common subsequence is
    # "the gunman".
    references = ["police killed the gunman"] * 2
    scores = sentence_rouge(["Police kill the gunman.", "the gunman kill police"], references)
    assert scores["rouge1"] == pytest.approx([100, 100])
    assert scores["rouge2"] == pytest.approx([100, 100 / 3])
    assert scores["rougeL"] == pytest.approx([100, 50])
    metrics, signatures = score_summaries(
        ["Police kill the gunman.", "the gunman kill police"], references
    )
    assert metrics == pytest.approx({"rouge1": 100, "rouge2": 200 / 3, "rougeL": 75})
    assert set(signatures) == set(metrics)
    assert all("stemmer:porter" in s and "f1" in s for s in signatures.values())


def test_rouge_is_the_harmonic_mean_of_precision_and_recall():
    # One of two hypothesis words and one of four reference words: P = 1/2, R = 1/4, F = 1/3.
    scores = sentence_rouge(["alpha omega"], ["alpha beta gamma delta"])
    assert scores["rouge1"] == pytest.approx([100 / 3])


def test_cached_stemming_changes_no_score():
    from rouge_score.rouge_scorer import RougeScorer

    plain = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    hypotheses = ["the running dogs were barking loudly", "officials said talks were continuing"]
    references = ["running dog barks loud", "talks continue , official says"]
    scores = sentence_rouge(hypotheses, references)
    for index, (hypothesis, reference) in enumerate(zip(hypotheses, references, strict=True)):
        for key, score in plain.score(reference, hypothesis).items():
            assert scores[key][index] == pytest.approx(100 * score.fmeasure)


def test_rouge_warns_of_text_it_cannot_see(caplog):
    with caplog.at_level(logging.WARNING):
        metrics, _ = score_summaries(["Привет мир"], ["Привет мир"])
    assert metrics["rouge1"] == 0
    assert "1 of 1 references" in caplog.text


@pytest.mark.parametrize(
    "score", [score_summaries, lambda h, r: score_translation(h, r, lowercase=True)]
)
def test_bad_pairs_are_refused_with_both_counts(score):
    with pytest.raises(ValueError, match="2 hypotheses but 1 references"):
        score(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="no sentences"):
        score([], [])


def test_empty_output_scores_zero():
    metrics, _ = score_translation(["", ""], ["a b c d e", "f g h i j"], lowercase=True)
    assert metrics == {"bleu": 0, "chrf": 0}
    metrics, _ = score_summaries(["", ""], ["a b c", "d e f"])
    assert metrics == {"rouge1": 0, "rouge2": 0, "rougeL": 0}


CHINESE = ["我今天去了北京的一家书店买书。", "他们正在公园里和孩子们一起玩耍。"]
NEARLY = ["我今天去了北京的一家商店买书。", "他们正在公园里跟孩子们一起玩耍。"]


def test_bleu_of_chinese_is_over_its_characters():
    tokenizer = bleu_tokenizer("zh")
    metrics, signatures = score_translation(NEARLY, CHINESE, lowercase=False, tokenizer=tokenizer)
    assert metrics["bleu"] == pytest.approx(80.8, abs=0.05)
    assert "tok:zh" in signatures["bleu"]
    assert tokenizer_of_signature(signatures["bleu"]) == "zh"
    by_sentence = sentence_bleu(NEARLY, CHINESE, lowercase=False, tokenizer=tokenizer)
    assert min(by_sentence) > 70
    difference = paired_bootstrap_bleu(
        CHINESE, NEARLY, CHINESE, lowercase=False, tokenizer=tokenizer, resamples=50
    )
    assert difference.difference == pytest.approx(100 - metrics["bleu"])


@pytest.mark.parametrize(
    ("language", "tokenizer"),
    [
        *(("de", "13a"), ("tgt", "13a"), ("zh", "zh"), ("zh_CN", "zh"), ("zho_Hans", "zh")),
        *(("cmn", "zh"), ("th", "char"), ("km", "char"), ("ko_KR", "ko-mecab")),
    ],
)
def test_the_tokenizer_follows_the_language(language, tokenizer, monkeypatch):
    bleu_tokenizer.cache_clear()
    monkeypatch.setattr(bleu_module, "_check_tokenizer", lambda name: name)
    assert bleu_tokenizer(language) == tokenizer
    bleu_tokenizer.cache_clear()


def test_without_its_tokenizer_japanese_is_scored_over_characters(monkeypatch, caplog):
    def refuse(tokenize: str) -> None:
        raise RuntimeError("Please install the extra")

    bleu_tokenizer.cache_clear()
    monkeypatch.setattr(bleu_module, "BLEU", refuse)
    refuse.TOKENIZERS = BLEU.TOKENIZERS  # type: ignore[attr-defined]
    assert bleu_tokenizer("ja") == "char"
    assert "pip install 'sacrebleu[ja]'" in caplog.text
    with pytest.raises(ValueError, match=r"ja-mecab is not installed"):
        bleu_tokenizer("de", "ja-mecab")
    with pytest.raises(ValueError, match="'words' is no tokenizer: choose 13a, char"):
        bleu_tokenizer("de", "words")
    bleu_tokenizer.cache_clear()


@pytest.mark.parametrize("name", sorted(BLEU.TOKENIZERS))
def test_a_signature_names_its_tokenizer(name):
    version = "-0.996-IPA" if "mecab" in name else ""
    signature = f"nrefs:1|case:lc|eff:no|tok:{name}{version}|smooth:exp|version:2.6.0"
    assert tokenizer_of_signature(signature) == name


def test_other_languages_than_english_are_not_stemmed():
    assert [is_stemmed(language) for language in ("en", "en_US", "title", "de", "fr_FR")] == [
        *(True, True, True, False, False)
    ]
    metrics, signatures = score_summaries(["playing"], ["played"], stemming=False)
    assert metrics["rouge1"] == 0
    assert "stemmer:none" in signatures["rouge1"]
    assert not is_stemmed_in(signatures["rouge1"])
    metrics, signatures = score_summaries(["playing"], ["played"])
    assert metrics["rouge1"] == 100
    assert is_stemmed_in(signatures["rouge1"])
