"""The copies of declared options say what is installed."""

import dataclasses

import pytest
from fairseq.dataclass.configs import FairseqConfig
from omegaconf import OmegaConf

from regattn_fairseq.declared import declared, normalizer_names
from regattn_fairseq.models import ARCHITECTURES, RegattnLSTMConfig, RegattnTransformerConfig
from regattn_fairseq.normalizers import rule
from regattn_fairseq.options import generate, generated
from regattn_fairseq.runs.errors import PipelineError

WRITE = "python -m regattn_fairseq.options.generate"


def test_the_modules_are_those_that_would_be_written():
    for path, parts in generate._modules().items():
        assert path.read_text(encoding="utf-8") == "\n\n".join(parts) + "\n", WRITE


def options(node: type) -> dict:
    return OmegaConf.to_container(OmegaConf.structured(node), enum_to_str=True)


def kinds(node: type) -> dict[str, tuple]:
    """What OmegaConf makes of the annotations."""
    config = OmegaConf.structured(node)
    found = {}
    for name in config:
        kept = config._get_node(name)._metadata
        members = getattr(kept.ref_type, "__members__", {})
        found[name] = (
            kept.optional,
            [*members] or kept.ref_type,
            getattr(kept, "element_type", None),
        )
    return found


# These depend on the machine's GPUs.
_OF_MACHINE = {"distributed_world_size", "distributed_num_procs", "nprocs_per_node", "device_id"}


@pytest.mark.parametrize("node", [name for name, copy in generated.NODES.items() if copy])
def test_omegaconf_reads_a_copy_as_it_reads_fairseqs_own(node):
    own, copy = FairseqConfig.__dataclass_fields__[node].type, generated.NODES[node]
    assert kinds(copy) == kinds(own)
    machine = _OF_MACHINE if node == "distributed_training" else set()
    assert {name: value for name, value in options(copy).items() if name not in machine} == {
        name: value for name, value in options(own).items() if name not in machine
    }


@pytest.mark.parametrize("group", generated.GROUPS)
def test_the_choices_are_those_of_the_registries(group):
    for name, copy in generated.GROUPS[group].items():
        own = generate._registered(group)[name]
        assert kinds(copy) == kinds(own)
        assert options(copy) == {**options(own), "_name": name}
    assert set(generate._registered(group)) >= {*generated.GROUPS[group], *generated.OTHERS[group]}


def test_maps_and_architectures_are_copied_whole():
    for name in normalizer_names():
        for option, copy in declared(name).items():
            assert dataclasses.asdict(copy) == dataclasses.asdict(rule(name).options[option])
    models = {"regattn_lstm": RegattnLSTMConfig, "regattn_transformer": RegattnTransformerConfig}
    assert generated.ARCHITECTURES.keys() == ARCHITECTURES.keys()
    for name, sizes in ARCHITECTURES.items():
        (model,) = (each for each in models if name.startswith(each))
        copy = generated.GROUPS["model"][model]
        assert options(copy(**generated.ARCHITECTURES[name])) == {
            **options(models[model](**sizes)),
            "_name": model,
        }


def test_a_training_refuses_copies_of_something_else(monkeypatch):
    field = dataclasses.fields(FairseqConfig.__dataclass_fields__["optimization"].type)[-1]
    monkeypatch.setattr(field, "default", True)
    generate.check.cache_clear()
    with pytest.raises(PipelineError, match=f"{field.name}: bool = True.*{WRITE}"):
        generate.check()
    monkeypatch.undo()
    generate.check()
