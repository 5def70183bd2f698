"""What a recipe names as its input is all that it reads; what is missing is an error."""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from regattn_fairseq.corpora import CorpusError, PairStream, PublishedSplits, iwslt14, iwslt17, snli
from regattn_fairseq.corpora.debian import DebianHeadlines, DebianTranslations
from regattn_fairseq.corpora.fetching import Remote
from regattn_fairseq.corpora.gigaword import GigawordHeadlines
from regattn_fairseq.corpora.iwslt14 import Iwslt14
from regattn_fairseq.corpora.iwslt15 import Iwslt15
from regattn_fairseq.corpora.iwslt17 import Iwslt17
from regattn_fairseq.corpora.multi30k import Multi30k
from regattn_fairseq.corpora.snli import Snli
from regattn_fairseq.corpora.tatoeba import Tatoeba
from regattn_fairseq.corpora.text import ParallelText

SPLITS = ("train", "valid", "test")
SEGMENT = '<seg id="1"> {} </seg>\n'
INDEX = "Package: x\nDescription-md5: a\nDescription-{0}: {0} tool\n It works.\n"
JSON = '{{"gold_label": "neutral", "sentence1": "{0}", "sentence2": "{0}"}}\n'


def sides(names: Iterable[str], languages: tuple[str, str], text: str = "{}\n") -> dict[str, str]:
    files = [name.format(language) for name in names for language in languages]
    return {name: text.format(name) for name in files}


def wit3(year: int, sets: Iterable[str]) -> dict[str, str]:
    pair = "de-en"
    held_out = [f"IWSLT{year}.{name}.{pair}.{{}}.xml" for name in sets]
    both = ("de", "en")
    return sides([f"train.tags.{pair}.{{}}"], both) | sides(held_out, both, SEGMENT)


DUC = [f"duc2004/{name}" for name in ("input.txt", *(f"task1_ref{n}.txt" for n in range(4)))]
MULTI30K = [f"{name}.{{}}" for name in ("train", "val", "test_2016_flickr", "test_2017_flickr")]
SETS17 = ["TED.dev2010", *(f"TED.tst{year}" for year in range(2010, 2016))]
NAMAS = {
    f"sumdata/{name}": f"{name}\n"
    for name in (
        *(f"train/train.{side}.txt" for side in ("article", "title")),
        *(f"train/valid.{side}.filter.txt" for side in ("article", "title")),
        *("Giga/input.txt", "Giga/task1_ref0.txt"),
    )
}
# For each recipe and form of its files: the recipe, and the files that it is made from.
CORPORA: dict[str, tuple[Callable[[Path], Any], dict[str, str]]] = {
    "text": (ParallelText, sides([f"{s}.{{}}" for s in SPLITS], ("src", "tgt"))),
    "text as a table": (ParallelText, {f"{s}.tsv": f"{s}\t{s}\n" for s in SPLITS}),
    "multi30k": (Multi30k, sides(MULTI30K, ("de", "en"))),
    "iwslt14": (Iwslt14, wit3(14, iwslt14.TEST_SETS)),
    "iwslt14 prepared": (Iwslt14, sides([f"tmp/{s}.{{}}" for s in SPLITS], ("de", "en"))),
    "iwslt15": (Iwslt15, sides([f"en-vi/{s}.{{}}" for s in ("train", "tst2012", "tst2013")],
                               ("en", "vi"))),
    "iwslt17": (Iwslt17, wit3(17, SETS17)),
    "gigaword": (GigawordHeadlines, NAMAS),
    "gigaword with duc": (
        lambda raw: GigawordHeadlines(raw, duc=(2004,)),
        NAMAS | {name: f"{name}\n" for name in DUC},
    ),
    "snli": (Snli, {f"snli_1.0/snli_1.0_{s}.jsonl": JSON.format(s)
                    for s in ("train", "dev", "test")}),
    "debian": (DebianTranslations, {f"Translation-{x}": INDEX.format(x) for x in ("de", "en")}),
    "tatoeba": (Tatoeba, {"deu.txt": "English\tDeutsch\n"}),
    "debian headlines": (DebianHeadlines, {"Translation-en": INDEX.format("en")}),
}  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_is_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the web nor apt."""
    nowhere = Remote("http://127.0.0.1:1/x.tgz", advice="licence: none")
    for module in (iwslt14, snli):
        monkeypatch.setattr(module, "ARCHIVE", nowhere)
    monkeypatch.setattr(iwslt17, "URL", "http://127.0.0.1:1")
    monkeypatch.setattr("regattn_fairseq.corpora.iwslt15.URL", "http://127.0.0.1:1")
    monkeypatch.setattr("shutil.which", lambda *_args, **_options: None)


opened: list[str] = []
watching = False


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if watching and event == "open" and isinstance(arguments[0], str):
        opened.append(arguments[0])


sys.addaudithook(watch)


def exhaust(text: Any) -> None:
    if isinstance(text, PairStream):
        splits: Iterator[Any] = iter([text.pairs])
    else:
        given = text.splits if isinstance(text, PublishedSplits) else text
        splits = iter(given.values())
    for pairs in splits:
        assert list(pairs)


def put(raw: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", CORPORA)
def test_all_that_is_read_is_named(tmp_path: Path, name: str) -> None:
    global watching
    recipe, files = CORPORA[name]
    put(tmp_path, files)
    inputs = recipe(tmp_path).input_files()
    assert sorted(inputs) == sorted(tmp_path / file for file in files)
    if name == "iwslt14":  # every 23rd line validates
        put(tmp_path, {f"train.tags.de-en.{x}": "line\n" * 23 for x in ("de", "en")})
    opened.clear()
    watching = True
    try:
        exhaust(recipe(tmp_path).read())
    finally:
        watching = False
    read = {path for path in opened if path.startswith(str(tmp_path))}
    assert read == set(map(str, inputs))


@pytest.mark.parametrize("name", CORPORA)
def test_what_is_missing_is_an_error_and_nothing_is_made(tmp_path: Path, name: str) -> None:
    recipe, files = CORPORA[name]
    with pytest.raises(CorpusError) as caught:
        recipe(tmp_path / "mis" / "typed").input_files()
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
    put(tmp_path, files)
    for file in files:
        (tmp_path / file).rename(tmp_path / "hidden")
        with pytest.raises(CorpusError, match=r"data\.raw_dir"):
            recipe(tmp_path).input_files()
        (tmp_path / "hidden").rename(tmp_path / file)
    assert len(recipe(tmp_path).input_files()) == len(files)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {
        tmp_path / file for file in files
    }
