"""Where sentences end, in languages of several scripts."""

import pytest

from regattn_fairseq.corpora.sentences import split_sentences


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("en", ["It is quick, e.g. With numbers.", "Version 2.1 is out!", "Try it."]),
        ("en", ["Written in C. It runs.", "(Really.)", "“Yes.”", "End"]),
        ("de", ["Es ist schnell, z. B. Mit Zahlen.", "Probieren Sie es.", "Ende"]),
        ("it", ["Gestisce formati (es. MP3).", "È veloce, ecc. Ogg è gestito.", "Fine"]),
        ("da", ["Alt, f.eks. Emacs, sagde »alt.«", "Åbn dvs. Xfce.", "Slut"]),
        ("sk", ["Hry, napr. Šach.", "„Áno.“", "Život"]),
        ("pt_BR", ["Leia, p. ex. O manual.", "É livre.", "Fim"]),
        ("ru", ["Работает, т. е. Быстро.", "Это GNU.", "Конец"]),
        ("ko", ["작은 프로그램입니다.", "빠릅니다.", "끝"]),
    ],
)
def test_sentences_end_where_they_end(language: str, sentences: list[str]) -> None:
    assert split_sentences(" ".join(sentences), language) == sentences


@pytest.mark.parametrize("space", ["", " "])
def test_japanese_and_chinese_need_no_space(space: str) -> None:
    sentences = ["小さい X プログラムです。", "「はい。」", "(速い！)", "終わり"]
    assert split_sentences(space.join(sentences), "ja") == sentences
    assert split_sentences(space.join(["很快。", "完"]), "zh_CN") == ["很快。", "完"]


def test_a_sentence_does_not_begin_with_a_small_letter() -> None:
    assert split_sentences("It runs on U.S. and other machines! yes. Ärger?") == [
        "It runs on U.S. and other machines! yes.",
        "Ärger?",
    ]
