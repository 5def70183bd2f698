"""The report as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from regattn_fairseq.report import Report


_TABLES = ("elements.js", "tables.js")
_EXPLORER = ("words.js", "heatmap.js", "card.js", "compare.js", "explorer.js")


class _Script(NamedTuple):
    """A script of the page.

    Attributes:
        text: what it is.
        csp: its hash. The page's content security policy names it, so that no other script runs.
    """

    text: str
    csp: str


def render_page(report: Report) -> str:
    """Conclusions, tables, pictures and sentences.

    Text from corpora and configurations is never HTML in it.
    """
    environment = Environment(
        loader=PackageLoader("regattn_fairseq.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode("ascii")
    parts: list[Sequence[str]] = [_TABLES]
    if any(section.explorer for section in report.sections):
        parts.append(_EXPLORER)
    scripts = [_script(environment, names) for names in parts]
    return environment.get_template("index.html.j2").render(report=report, scripts=scripts)


def _script(environment: Environment, names: Sequence[str]) -> _Script:
    assert environment.loader is not None
    texts = [environment.loader.get_source(environment, name)[0] for name in names]
    source = "\n".join(texts)
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode("ascii")
    return _Script(source, f"sha256-{digest}")
