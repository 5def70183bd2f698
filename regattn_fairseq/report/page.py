"""The report as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from regattn_fairseq.report import Report


class _Script(NamedTuple):
    """The page's one script.

    Attributes:
        text: what it is.
        csp: its hash. The page's content security policy names it, so that no other script runs.
        used: whether the page needs it.
    """

    text: str
    csp: str
    used: bool


def render_page(report: Report) -> str:
    """Tables, pictures and sentences. Text from corpora and configurations is never HTML in it."""
    environment = Environment(
        loader=PackageLoader("regattn_fairseq.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode("ascii")
    assert environment.loader is not None
    source, _, _ = environment.loader.get_source(environment, "explorer.js")
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode("ascii")
    used = any(section.explorer for section in report.sections)
    script = _Script(source, f"sha256-{digest}", used)
    return environment.get_template("index.html.j2").render(report=report, script=script)
