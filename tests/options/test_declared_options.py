"""A map's rule declares its options; arguments, nodes, labels and sliders follow from it."""

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from composing import composed

from regattn_fairseq.declared.naming import arguments
from regattn_fairseq.models.normalizer_options import NormalizerOptions, normalizer_from_options
from regattn_fairseq.normalizers import normalizer_names
from regattn_fairseq.options.choices import offered

_NEW_MAP = """
import json, sys
from regattn_fairseq.normalizers import Option, Rule, softmax
from regattn_fairseq.normalizers.rules import register

def cooled(scores, *, gamma=1.0, chill=2.0, mask=None, dim=-1):
    return softmax(scores / chill, gamma=gamma, mask=mask, dim=dim)

chill = Option("chill", "ψ", "how cold", low=0.0, high=9.0, learnable=True)
register(Rule("cooled", cooled, described=(chill,), penalty=lambda y, kept: y.sum(-1)))

from argparse import ArgumentParser
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from composing import composed
from regattn_fairseq.demo.sliders import option_sliders
from regattn_fairseq.models import RegattnLSTMModel
from regattn_fairseq.models.normalizer_options import normalizer_from_options
from regattn_fairseq.options.choices import offered
from regattn_fairseq.pipeline.train import check_options
from regattn_fairseq.runs.identity import identity, normalizer_label
from regattn_fairseq.runs.result import Result
from omegaconf import OmegaConf

parser = ArgumentParser()
RegattnLSTMModel.add_args(parser)
given = parser.parse_args(["--attn-normalizer", "cooled", "--attn-chill", "4"])
helps = {action.dest: action.help for action in parser._actions}
cfg = composed("run", "normalizer=cooled", "normalizer.chill=3", "normalizer.learn_chill=true")
check_options(cfg)
result = {"task": "t", "data": "d", "model": "m", "metrics": {"bleu": 1.0}}
result["normalizer"] = {"name": "cooled", "chill": 3.0}
run = {kind: identity(OmegaConf.to_container(
    composed("run", f"normalizer={kind}", "normalizer.chill=3"), resolve=True))["model"]
    for kind in ("cooled", "softmax")}
print(json.dumps({
    "argument": given.attn_chill,
    "help": [helps["attn_chill"], helps["attn_learn_chill"]],
    "offered": offered("normalizer"),
    "model": [cfg.model.attn_chill, cfg.model.attn_learn_chill],
    "learned": normalizer_from_options(cfg.model).learned,
    "identity": [run["cooled"].get("attn_chill"), run["softmax"].get("attn_chill")],
    "folder": normalizer_label(cfg.normalizer),
    "label": Result.from_content(result, Path(), "run").label,
    "sliders": [(s.option, s.label, s.low, s.high, s.start) for s in option_sliders(["cooled"])],
}))
"""


def test_an_option_of_a_new_map_is_found_everywhere():
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", _NEW_MAP, str(tests)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["argument"] == 4
    assert found["help"] == [
        "ψ, in (0, 9): how cold (cooled) (default: 2.0)",
        "train ψ with the model, from attn_chill on; it stays above 0 and below 9",
    ]
    assert "cooled" in found["offered"]
    assert found["model"] == [3, True]
    assert found["learned"] == ["chill"]
    assert found["identity"] == [3, None]
    assert found["folder"] == "cooled_chill3_learned"
    assert found["label"] == "cooled (ψ=3)"
    assert found["sliders"][1] == ["chill", "ψ: how cold", 0.1, 9, 2]


def test_every_name_of_an_option_is_an_argument_of_the_models():
    own = {field.name for field in fields(NormalizerOptions)}
    assert own - {"_name", "attn_normalized"} == {*arguments().values()}


def test_hydra_offers_every_map_with_all_options():
    assert offered("normalizer") == tuple(sorted(normalizer_names()))
    cfg = composed("run", "normalizer=topk", "normalizer.k=5")
    assert list(cfg.normalizer) == list(arguments())
    assert normalizer_from_options(cfg.model).options == {"gamma": 1.0, "k": 5}
