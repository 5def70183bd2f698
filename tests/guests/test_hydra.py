"""What Hydra and its launchers do by themselves."""

import gc
import inspect
import signal
from types import SimpleNamespace
from typing import NoReturn

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.config_repository import CachingConfigRepository
from hydra._internal.hydra import Hydra
from hydra._internal.utils import get_args_parser, run_and_report
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError
from omegaconf import OmegaConf

from regattn_fairseq.guests.hydra import (
    around_launch,
    compose_quickly,
    in_mode,
    parse_arguments,
    raise_errors,
)
from regattn_fairseq.options import help
from regattn_fairseq.options.choices import CONFIGS
from regattn_fairseq.options.config import register


class Counted:
    """Counts how often it is copied."""

    copies = 0

    def __deepcopy__(self, memo: object) -> "Counted":
        Counted.copies += 1
        return self


def test_hydra_copies_its_whole_store_for_each_group_that_help_lists(monkeypatch):
    class Repository:
        def __init__(self) -> None:
            self.store = ConfigStore.instance()

    monkeypatch.setitem(ConfigStore.instance().repo, "counted", Counted())
    monkeypatch.delattr(ConfigStore, "__deepcopy__", raising=False)
    monkeypatch.setattr(Counted, "copies", 0)
    CachingConfigRepository(Repository())
    assert Counted.copies == 1
    compose_quickly()
    CachingConfigRepository(Repository())
    assert Counted.copies == 1


@pytest.mark.parametrize("was_on", [True, False])
def test_garbage_is_collected_again_after_composing_also_if_that_fails(was_on):
    register()
    try:
        (gc.enable if was_on else gc.disable)()
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            compose("report")
            assert gc.isenabled() == was_on
            with pytest.raises(HydraException):
                compose("report", overrides=["no_such=1"])
            assert gc.isenabled() == was_on
    finally:
        gc.enable()


def test_what_help_lists_is_made_for_help_alone(monkeypatch):
    """Hydra evaluates the template of the help whenever it merges a file with another one."""
    listed = []
    monkeypatch.setattr(help, "options_to_begin_with", lambda *arguments: listed.append(1) or "")
    register()
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        cfg = compose("run", return_hydra_config=True)
        assert not listed
        assert cfg.hydra.help.template.startswith("regattn-run: ")
        assert listed


def test_what_hydra_loads_from_its_store_is_a_copy_in_any_case(monkeypatch):
    store = ConfigStore.instance()
    monkeypatch.setattr(store, "repo", {})
    compose_quickly()
    store.store("node", node={"lr": 0.1})
    store.load("node.yaml").node.lr = 0.2
    assert store.load("node.yaml").node.lr == 0.1


def test_hydra_composes_all_to_learn_its_mode():
    composed = []
    cfg = OmegaConf.create({"hydra": {"mode": "RUN"}})
    hydra = SimpleNamespace(compose_config=lambda **options: composed.append(options) or cfg)
    assert Hydra.get_mode(hydra, "run", []) == "RUN"
    assert len(composed) == 1
    with in_mode(RunMode.MULTIRUN):
        assert Hydra.get_mode(hydra, "run", []) == RunMode.MULTIRUN
    assert len(composed) == 1


def test_hydra_ends_the_process_unless_it_is_told_to_raise(monkeypatch, capsys):
    def fail() -> None:
        raise ValueError("why")

    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    with pytest.raises(SystemExit):
        run_and_report(fail)
    assert len(capsys.readouterr().err.splitlines()) > 1
    monkeypatch.setenv("HYDRA_FULL_ERROR", "")
    raise_errors()
    with pytest.raises(ValueError, match="why"):
        run_and_report(fail)


def test_hydras_parser_ends_the_process_over_an_unknown_flag(capsys):
    with pytest.raises(SystemExit):
        get_args_parser().parse_args(["--nonsense"])
    assert len(capsys.readouterr().err.splitlines()) > 1

    def refuse(reason: str) -> NoReturn:
        raise ValueError(reason)

    with pytest.raises(ValueError, match="--nonsense"):
        parse_arguments(["--nonsense"], refuse)
    assert parse_arguments(["-m", "seed=1"], refuse).overrides == ["seed=1"]


class Launcher:
    """Fails as often as it is told to."""

    failures = 1

    def launch(self, jobs: list[str], initial_job_idx: int) -> list[str]:
        if self.failures:
            self.failures -= 1
            raise TerminatedWorkerError("killed")
        return [f"{initial_job_idx} {job}" for job in jobs]


def test_what_a_launcher_raises_reaches_no_callback_of_hydras():
    called = [name for name, _ in inspect.getmembers(Callback, inspect.isfunction)]
    assert not [name for name in called if "error" in name or "launch" in name]


def test_a_launch_can_be_done_again(monkeypatch):
    monkeypatch.setattr(Launcher, "launch", Launcher.launch)  # and so restored at the end

    def again(launch):
        try:
            return launch()
        except TerminatedWorkerError:
            return launch()

    around_launch(f"{__name__}.Launcher", again)
    assert Launcher().launch(["seed=1"], initial_job_idx=3) == ["3 seed=1"]


def test_joblib_gives_up_when_one_process_is_killed():
    with pytest.raises(TerminatedWorkerError):
        Parallel(n_jobs=2)([delayed(signal.raise_signal)(signal.SIGKILL)] * 2)
