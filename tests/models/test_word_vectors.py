"""Word vectors that a model starts from, in the files that circulate and in damaged ones."""

import logging
import pickle

import pytest
import torch
from fairseq.data import Dictionary

from regattn_fairseq.models.word_vectors import load_word_vectors


@pytest.fixture
def words() -> Dictionary:
    dictionary = Dictionary()
    for word in ("dog", "Cat", "bird"):
        dictionary.add_symbol(word)
    return dictionary


def read(folder, dictionary, content, side="encoder"):
    """The vectors of dog, Cat and bird; 9 where the file has none."""
    file = folder / "vectors.txt"
    file.write_bytes(content)
    weight = torch.full((len(dictionary), 2), 9.0)
    load_word_vectors(str(file), dictionary, weight, side)
    return weight[dictionary.index("dog") :].tolist()


@pytest.mark.parametrize("header", ["", "3 2\n"])
def test_vectors_of_the_wordss_words(tmp_path, words, header):
    file = tmp_path / "vectors.txt"
    # GloVe's largest file has words with spaces in them.
    file.write_text(f"{header}dog 1 2\n. . 7 8\ncat 3 4\nelsewhere 5 6\n")
    weight = torch.full((len(words), 2), 9.0)
    assert load_word_vectors(str(file), words, weight) == 2
    assert weight[words.index("dog")].tolist() == [1, 2]
    assert weight[words.index("Cat")].tolist() == [3, 4]  # by its lower case
    assert weight[words.index("bird")].tolist() == [9, 9]


@pytest.mark.parametrize(
    "content",
    [
        b"dog 1 2 \r\ncat 3 4 \r\n",
        b"dog 1 2\n\xc2\xa0 5 6\n\xe2\x80\xa8 7 8\ncat 3 4",  # words that look like white space
        b"dog 1 2\ncat 3 4\n\n",
    ],
)
def test_lines_as_they_circulate(tmp_path, words, content):
    assert read(tmp_path, words, content) == [[1, 2], [3, 4], [9, 9]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"dog 1 2 3\n", r"line 1, has 3 numbers: set decoder_embed_dim \(now 2\)"),
        (b"3 1\ndog 1\n", r"line 1, announces vectors of 1 numbers: set decoder_embed_dim"),
        (b"dog 1 2\nelsewhere 5", "line 2, has 1 numbers where other lines have 2, .* cut short"),
        (b"dog 1 2\nel\xff 5 6\n", "line 2, is not UTF-8"),
        (b"dog 1 2\ncat 3 0.x\n", "line 2, is damaged"),
        (b"3 2\n" + pickle.dumps([1.5]), "line 2, is not UTF-8"),
        (b"elsewhere 1 2\n", "none of the dictionary's words"),
        (b"", "none of the dictionary's words"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(tmp_path, words, content, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path, words, content, "decoder")
    assert "\n" not in str(caught.value)


def test_a_file_that_ends_early_is_told_of(tmp_path, words, caplog):
    with caplog.at_level(logging.WARNING):
        read(tmp_path, words, b"9 2\ndog 1 2\n")
    assert "ends after 1 of the 9 words" in caplog.text
