"""MkDocs' hook: formulas become MathML when the site is built, so that it needs no script."""

import html
import re
from typing import Any

from latex2mathml.converter import convert

_FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<tex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)
# Docstrings name other objects as Sphinx does, which Markdown does not know.
_ROLE = re.compile(r":(?:func|class|meth|mod|attr):<code>~?\.*([^<]*)</code>")


def on_page_content(content: str, **_: Any) -> str:
    """Render what arithmatex has marked, and tidy docstrings' cross-references."""
    content = _FORMULA.sub(_mathml, content)
    content = _ROLE.sub(lambda match: f"<code>{match[1].rpartition('.')[2]}</code>", content)
    return content.replace("::</p>", ":</p>")


def _mathml(match: re.Match[str]) -> str:
    tex = html.unescape(match["tex"]).strip()
    if match["tag"] == "span":
        return convert(tex)
    # A formula that is wider than a telephone scrolls by itself.
    return f'<div style="overflow-x: auto">{convert(tex, display="block")}</div>'
