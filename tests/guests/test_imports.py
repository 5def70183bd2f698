"""What fairseq imports by itself, and what it leaves out once it is told to."""

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest
from fairseq.criterions import sentence_prediction
from fairseq.models import MODEL_REGISTRY
from fairseq.tasks import TASK_REGISTRY

from regattn_fairseq.guests.imports import import_fully, import_lightly, without_collecting

_LIGHTLY = """
import json, sys
from regattn_fairseq.guests import imports

imports.import_lightly(
    {"models": [], "tasks": ["translation"], "criterions": ["sentence_prediction"]}
)
import fairseq
from fairseq.tasks import TASK_REGISTRY
found = {"tasks": [*TASK_REGISTRY], "loaded": [*{"sklearn", "scipy.stats"} & {*sys.modules}]}
from fairseq.criterions import sentence_prediction
found["later"] = [sentence_prediction.f1_score([1, 0, 1], [1, 1, 1]), "sklearn" in sys.modules]
from fairseq.models.lstm import LSTMModel
found["by name"] = LSTMModel.__name__
print(json.dumps(found))
"""


def test_fairseq_imports_all_that_it_has():
    assert len(TASK_REGISTRY) > 20
    assert len(MODEL_REGISTRY) > 50
    source = Path(sentence_prediction.__file__).read_text()
    assert "from sklearn.metrics import f1_score" in source
    assert "from scipy.stats import pearsonr" in source


def test_fairseq_imports_only_what_it_is_told_to():
    done = subprocess.run([sys.executable, "-c", _LIGHTLY], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    tasks = [name for name in found["tasks"] if not name.startswith("dummy")]  # of its benchmarks
    assert tasks == ["translation"]
    assert found["loaded"] == []
    assert found["later"] == [pytest.approx(0.8), True]
    assert found["by name"] == "LSTMModel"


_NLTK = """
import json, sys
from regattn_fairseq.guests import imports

imports.import_lightly({})
from regattn_fairseq.metrics import rouge

found = {"loaded": [*{"sklearn", "scipy.stats", "pandas"} & {*sys.modules}]}
found["rouge1"] = rouge.sentence_rouge(["dogs ran"], ["the dog ran"])["rouge1"].tolist()
from nltk.metrics import BigramAssocMeasures

found["later"] = BigramAssocMeasures.fisher(8, (15828, 4675), 14307668)
print(json.dumps(found))
"""


def test_nltk_imports_what_few_need_of_it_when_they_do():
    done = subprocess.run([sys.executable, "-c", _NLTK], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["loaded"] == []
    assert found["rouge1"] == [pytest.approx(80)]
    assert 0 < found["later"] < 1


_GRADIO = """
from regattn_fairseq.guests import imports

imports.import_lightly({})
import gradio
from gradio import component_meta

assert gradio.Slider(0, 1).input
# Gradio's own function would look for the source file of the class.
component_meta.create_or_modify_pyi(None, "Slider", [])
print("imported")
"""


def test_gradio_writes_no_stubs():
    pytest.importorskip("gradio", reason="the extra demo is not installed")
    done = subprocess.run([sys.executable, "-c", _GRADIO], capture_output=True, text=True)
    assert done.stdout == "imported\n", done.stderr


def test_a_second_call_replaces_the_first(monkeypatch):
    import_fully()
    before = [*sys.meta_path]
    monkeypatch.setattr(sys, "meta_path", [*before])
    for _ in range(2):
        import_lightly({})
        assert sys.meta_path[1:] == before
    import_fully()
    assert sys.meta_path == before


def test_the_collector_is_off_for_a_while_and_leaves_alone_what_was_made():
    frozen = gc.get_freeze_count()
    with without_collecting():
        assert not gc.isenabled()
        made = [[number] for number in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(made)
    gc.disable()
    try:
        with without_collecting():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
