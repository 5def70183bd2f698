"""What Hydra and its launchers do by themselves."""

import inspect
import signal
from types import SimpleNamespace
from typing import NoReturn

import pytest
from hydra._internal.config_repository import CachingConfigRepository
from hydra._internal.hydra import Hydra
from hydra._internal.utils import get_args_parser, run_and_report
from hydra.core.config_store import ConfigStore
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError
from omegaconf import OmegaConf

from regattn_fairseq.guests.hydra import (
    around_launch,
    in_mode,
    parse_arguments,
    raise_errors,
    share_config_store,
)


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
    share_config_store()
    CachingConfigRepository(Repository())
    assert Counted.copies == 1


def test_what_hydra_loads_from_its_store_is_a_copy_in_any_case(monkeypatch):
    store = ConfigStore.instance()
    monkeypatch.setattr(store, "repo", {})
    share_config_store()
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
