"""MkDocs' hook: formulas become MathML, and ``results/``, which has no page, gives its files."""

import html
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File

_FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<tex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)
# Docstrings name other objects as Sphinx does, which Markdown does not know.
_ROLE = re.compile(r":(?:func|class|meth|mod|attr):<code>~?\.*([^<]*)</code>")
# A picture or a report of results/, as it is written in a page of docs/.
_RESULT = re.compile(r"\]\(\.\./(results/[\w./-]+\.(?:png|html))\)")


def on_files(files: Any, *, config: Any) -> Any:
    """Add the files of ``results/`` that pages show."""
    above = Path(config.docs_dir).parent
    pages = [page.content_string for page in files.documentation_pages()]
    for result in sorted({found for page in pages for found in _RESULT.findall(page)}):
        files.append(File.generated(config, result, abs_src_path=str(above / result)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Show these files where the site has them."""
    return _RESULT.sub(r"](\1)", markdown)


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
