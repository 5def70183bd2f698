"""What is said about installing works from a checkout."""

import re
import tomllib
from pathlib import Path

from regattn_fairseq.installation import how_to_install

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def texts() -> list[tuple[Path, str]]:
    places = [
        "README.md",
        *(f"{x}/**/*" for x in ("regattn_fairseq", "docs", "configs", "scripts")),
    ]
    return [
        (path, path.read_text(encoding="utf-8"))
        for place in places
        for path in ROOT.glob(place)
        if path.suffix in (".py", ".md", ".yaml")
    ]


def test_extras_are_installed_from_the_checkout() -> None:
    assert "'.[demo]'" in how_to_install("demo")
    named = set()
    for path, text in texts():
        assert "regattn-fairseq[" not in text, path
        named |= {*re.findall(r"how_to_install\('(\w+)'\)|pip install -e '\.\[(\w+)\]'", text)}
    extras = {code or written for code, written in named}
    assert {"demo", "parquet", "wandb"} <= extras <= set(EXTRAS)
