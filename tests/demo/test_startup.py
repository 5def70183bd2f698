"""What the demo does without, so that it starts in a few seconds."""

import subprocess
import sys

import pytest

pytest.importorskip("gradio", reason="the extra demo is not installed")

IMPORTED = """
import sys
import regattn_fairseq.cli
from regattn_fairseq.demo import server, systems
print(*sorted({"matplotlib", "nltk", "sacremoses", "jinja2", "gradio"} & {*sys.modules}))
"""


def test_it_imports_nothing_that_only_reports_and_few_corpora_need():
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True)
    assert done.stdout.split() == ["gradio", "jinja2"], done.stderr
