"""A search for hyperparameters by Optuna."""

import json

import pytest
from commands import TINY, call
from omegaconf import OmegaConf

pytestmark = pytest.mark.slow


def test_a_search_finds_the_best_of_its_trials_and_goes_on_where_it_stopped(toy, tmp_path):
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="needs the extra optuna")

    def search(trials: int) -> str:
        done = call(
            *("regattn-run", "-m", "sweep=optuna", *toy, *TINY, "normalizer=fusedmax"),
            # One option stays as it is given; one that no run can take fails its trial alone.
            *("training.max_epoch=1", "training.lr=0.01", f"runs_dir={tmp_path / 'runs'}"),
            *("normalizer.lam=choice(0.1,-1)", f"hydra.sweeper.n_trials={trials}"),
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert f"{trials - len(results())} failed" in done.stderr
        return done.stderr

    def results() -> list[dict]:
        return [json.loads(path.read_text()) for path in (tmp_path / "runs").rglob("result.json")]

    search(4)
    assert 0 < len(results()) < 4  # the seed of the search sees to both
    assert {result["split"] for result in results()} == {"valid"}
    assert {result["config"]["training"]["lr"] for result in results()} == {0.01}
    assert len({result["config"]["model"]["dropout"] for result in results()}) == len(results())
    best = OmegaConf.load(tmp_path / "runs" / "optimization_results.yaml")
    assert best.best_value == max(result["metrics"]["bleu"] for result in results())
    assert best.best_params["normalizer.lam"] == 0.1

    before = len(results())
    again = search(5)
    assert again.count("evaluated already") == before
    assert again.count("trained for") == len(results()) - before
