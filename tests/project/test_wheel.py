"""What is installed from a wheel works from any folder."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_carries_configs_templates_and_the_type_marker(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "configs").rglob("*.yaml"):
        assert f"regattn_fairseq/{path.relative_to(ROOT)}" in names
    for path in (ROOT / "regattn_fairseq").rglob("*"):
        if path.suffix in (".py", ".j2", ".tsv", ".typed"):
            assert str(path.relative_to(ROOT)) in names


def test_its_commands_find_their_configs(wheel, tmp_path):
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    done = subprocess.run(
        [
            *(sys.executable, "-c"),
            f"import sys; sys.path.insert(0, {str(site)!r});"
            "sys.argv = ['regattn-run', '--cfg', 'job'];"
            "from regattn_fairseq import cli; print(cli.__file__, file=sys.stderr); cli.run()",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert str(site) in done.stderr
    assert "synthetic_de_en" in done.stdout
