"""Dependencies point one way, and the mathematics starts without fairseq."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_import_contracts_hold():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def loaded_by(statement: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_normalizers_load_neither_fairseq_nor_hydra_nor_a_compiler():
    modules = loaded_by("import regattn_fairseq.normalizers")
    assert "torch" in modules
    assert not modules & {"fairseq", "hydra", "numba", "triton"}


def test_after_fairseq_the_package_registers_itself():
    assert "regattn_fairseq.models.encoder_decoder" in loaded_by(
        "import fairseq; import regattn_fairseq"
    )


def test_the_models_register_all_that_a_checkpoint_names_in_any_order():
    modules = loaded_by("import regattn_fairseq, fairseq, regattn_fairseq.models")
    assert {"regattn_fairseq.tasks.translation", "regattn_fairseq.criterions"} <= modules
