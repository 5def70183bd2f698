"""How figures are written."""

import re
import zlib
from io import BytesIO

from fontTools.ttLib import TTFont
from matplotlib.figure import Figure

from regattn_fairseq.report.figures import save_figure
from regattn_fairseq.report.pictures import Pictures


def test_pictures_have_names_of_their_own_and_a_pdf_only_if_wanted(tmp_path):
    pictures = Pictures(tmp_path, pdf=False)
    for name in ("a map", "A map", "A-map"):
        pictures.save(Figure(figsize=(1, 1)), "attention", name)
    Pictures(tmp_path, pdf=True).save(Figure(figsize=(1, 1)), "curve")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "attention_A-map-2.png",
        "attention_A-map-3.png",
        "attention_a-map.png",
        "curve.pdf",
        "curve.png",
    ]


def test_a_pdf_embeds_its_fonts_without_the_tables_for_layout(tmp_path):
    figure = Figure(figsize=(3, 2))
    figure.text(0.1, 0.5, "office AVATAR fi ffl Größe → 0.5")
    (_, pdf), missing = save_figure(figure, tmp_path / "words")
    streams = re.findall(rb"stream\r?\n(.*?)endstream", pdf.read_bytes(), re.DOTALL)
    contents = [zlib.decompress(stream) for stream in streams if stream[:1] == b"x"]
    fonts = [TTFont(BytesIO(content)) for content in contents if content[:4] == b"\0\1\0\0"]
    assert fonts
    assert not missing
    for font in fonts:
        assert {"glyf", "head", "hmtx"} <= set(font.keys())
        assert not {"GSUB", "GPOS", "GDEF", "MATH", "kern"} & set(font.keys())
