"""Every file under configs/data builds its corpus."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

CONFIGS = Path(__file__).parents[2] / "configs"
CHOICES = sorted(path.stem for path in (CONFIGS / "data").glob("*.yaml"))


@pytest.mark.parametrize("choice", CHOICES)
def test_config(choice: str) -> None:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        data = compose(f"data/{choice}", overrides=["++data.raw_dir=some/folder"]).data
    corpus = instantiate(data.corpus)
    assert corpus.name == data.name
    assert corpus.source_lang == data.source_lang
    assert corpus.target_lang == data.target_lang
    assert data.task in ("translation", "summarization", "entailment")
    if data.task == "entailment":
        assert {"language", "max_length", "lowercase"} <= set(data)
        assert {"name", "vocab_size"} <= set(data.tokenizer)
    else:
        assert {"min_length", "max_length", "max_ratio", "lowercase"} <= set(data)
        assert {"name", "model_type", "vocab_size", "joint"} <= set(data.tokenizer)
    assert choice == data.name
    first_line = (CONFIGS / "data" / f"{choice}.yaml").read_text().split("\n")[0]
    assert first_line.startswith("#")
    assert "regattn-run" in first_line
    assert f"data={choice}" in first_line
