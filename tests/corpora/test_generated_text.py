"""Generated text is the same, byte for byte, on every machine and in every version."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import pytest

from regattn_fairseq.corpora.synthetic_de_en import SyntheticDeEn
from regattn_fairseq.corpora.synthetic_entailment import SyntheticEntailment
from regattn_fairseq.corpora.synthetic_headlines import SyntheticHeadlines
from regattn_fairseq.corpora.tables import read_lists, read_rows

SMALL: dict[str, Any] = {"seed": 3, "pairs": 400, "valid": 20, "test": 20}


def pairs(corpus: SyntheticDeEn | SyntheticHeadlines) -> Iterable[Any]:
    return ((pair.source, pair.target, pair.alignment) for pair in corpus.read().pairs)


@pytest.mark.parametrize(
    ("content", "checksum"),
    [
        (
            pairs(SyntheticDeEn(**SMALL)),
            "fb98876bf8d32dba7d3b72a9b312b4524a5565e5ce3c4a0615cfe55b3f4a06d0",
        ),
        (
            pairs(SyntheticHeadlines(**SMALL, min_count=2)),
            "ed139c22fd96ba1156cec460dc6f09e6cfaf1cce2b4fd77460919657fbcf39c2",
        ),
        (
            SyntheticEntailment(**SMALL).read().items(),
            "690528f01468fa4cc59a4c62b41aa647b9fcc255639319d95d41e360bda7cc21",
        ),
    ],
    ids=["synthetic_de_en", "synthetic_headlines", "synthetic_entailment"],
)
def test_the_text_stays(content: Iterable[Any], checksum: str) -> None:
    text = json.dumps(list(content), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == checksum


def test_tables(tmp_path: Any) -> None:
    path = tmp_path / "words.tsv"
    path.write_text('list\tgerman\tenglish\na\teins\tone\nb\tzwei\na\t"drei\tthree\n')
    assert read_rows(path)[1] == ("b", "zwei", "")
    assert read_lists(path) == {
        "a": [("eins", "one"), ('"drei', "three")],
        "b": [("zwei", "")],
    }
    path.write_text("list\tword\na\tb\tc\n")
    with pytest.raises(ValueError, match=r"words\.tsv: the row .* has more cells"):
        read_rows(path)
