"""The links that attention is trained towards, from a corpus to what fairseq reads."""

from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from composing import composed
from fairseq.data.data_utils import load_indexed_dataset
from fairseq.data.dictionary import Dictionary
from omegaconf import OmegaConf

from regattn_fairseq.metrics import words_of_tokens
from regattn_fairseq.models.fertility import guided_fertilities
from regattn_fairseq.pipeline.guidance import binarize_links
from regattn_fairseq.pipeline.preprocess import preprocess
from regattn_fairseq.pipeline.preprocessing.tokenization import load_tokenizers
from regattn_fairseq.runs.errors import PipelineError

SMALL = ["data.corpus.pairs=300", "data.corpus.valid=20", "data.corpus.test=20"]


def prepared(tmp_path, *options):
    """A preprocessed corpus, and the options of a run on it."""
    cfg = composed("run", *options, "data.tokenizer.vocab_size=120", f"cache_dir={tmp_path}")
    data = preprocess(cfg)
    return data, OmegaConf.to_container(OmegaConf.masked_copy(cfg, ["data", "alignment"]))


def test_links_between_words_become_links_between_their_tokens(tmp_path):
    data, options = prepared(tmp_path, "data=synthetic_de_en", *SMALL)
    binarize_links(data, options)
    for split, number in (("train", 260), ("valid", 20)):
        found = load_indexed_dataset(str(data.bin / f"{split}.align.de-en"), None)
        gold = (data.text / f"{split}.align").read_text().splitlines()
        assert len(found) == len(gold) == number
        sides = []
        tokenizers = load_tokenizers(data.tokenizer)
        for tokenizer, language, suffix in zip(
            tokenizers, ("de", "en"), ("src", "tgt"), strict=True
        ):
            words = Dictionary.load(str(data.bin / f"dict.{language}.txt"))
            text = load_indexed_dataset(str(data.bin / f"{split}.de-en.{language}"), words)
            lines = (data.text / f"{split}.{suffix}").read_text().lower().splitlines()
            sides.append((tokenizer, text, lines))
        several = 0
        for sentence, line in enumerate(gold):
            of_token = []
            for tokenizer, text, lines in sides:
                tokens = tokenizer.encode(lines[sentence])
                assert len(tokens) == len(text[sentence]) - 1  # but the end of the sentence
                of_token.append(words_of_tokens(tokens, lines[sentence]))
            links = found[sentence].view(-1, 2).tolist()
            between = {(of_token[0][i], of_token[1][j]) for i, j in links}
            assert {f"{i}-{j}" for i, j in between} == set(line.split())
            several += len(links) > len(between)
        assert several, "some words have several tokens"


def test_links_are_written_once(tmp_path):
    data, options = prepared(tmp_path, "data=synthetic_de_en", *SMALL)
    binarize_links(data, options)
    index = data.bin / "train.align.de-en.idx"
    written = index.stat().st_mtime_ns
    binarize_links(data, options)
    assert index.stat().st_mtime_ns == written
    left = {path.name for path in data.bin.glob("*.align.*")}
    assert not {name for name in left if name.endswith((".new", ".txt", ".new.bin", ".new.idx"))}


def test_a_words_fertility_is_the_most_links_that_it_has_in_training(tmp_path):
    data, options = prepared(tmp_path, "data=synthetic_de_en", *SMALL)
    words = Dictionary.load(str(data.bin / "dict.de.txt"))
    task = SimpleNamespace(
        cfg=SimpleNamespace(data=str(data.bin), source_lang="de", target_lang="en"),
        source_dictionary=words,
    )
    assert guided_fertilities(task, 0.5).isnan().all(), "no links yet"
    binarize_links(data, options)
    expected = torch.full((len(words),), 0.5)
    text = load_indexed_dataset(str(data.bin / "train.de-en.de"), words)
    links = load_indexed_dataset(str(data.bin / "train.align.de-en"), None)
    for sentence, linked in zip(text, links, strict=True):
        of_place = Counter(linked.view(-1, 2)[:, 0].tolist())
        for place, number in of_place.items():
            word = int(sentence[place])
            expected[word] = max(number, float(expected[word]))
    found = guided_fertilities(task, 0.5)
    torch.testing.assert_close(found, expected)
    assert found.max() >= 2, "some words have several links"
    assert found[words.eos()] == 0.5


def test_a_corpus_without_links_says_what_to_add(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    for split in ("train", "valid", "test"):
        for side in ("src", "tgt"):
            (raw / f"{split}.{side}").write_text(
                "".join(f"{split} {number}\n" for number in range(30))
            )
    data, options = prepared(
        tmp_path, "data=text", f"data.raw_dir={raw}", "data.name=toy", "data.tokenizer.name=space"
    )
    with pytest.raises(PipelineError, match=r"data=toy has no links .* alignment\.aligner=eflomal"):
        binarize_links(data, options)
    assert not list(data.bin.glob("*.align.*.idx"))
