"""Every file under configs/data builds its corpus."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

CONFIGS = Path(__file__).parents[2] / "configs"
FOR_MANY_LANGUAGES = {"debian": "debian_it_en", "tatoeba": "tatoeba_it_en"}
CHOICES = sorted(path.stem for path in (CONFIGS / "data").glob("*.yaml"))


@pytest.mark.parametrize("choice", CHOICES)
def test_config(choice: str) -> None:
    overrides = ["++data.raw_dir=some/folder"]
    if choice in FOR_MANY_LANGUAGES:
        overrides.append("data.source_lang=it")
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        data = compose(f"data/{choice}", overrides=overrides).data
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
    assert data.name == FOR_MANY_LANGUAGES.get(choice, choice)
    first_line = (CONFIGS / "data" / f"{choice}.yaml").read_text().split("\n")[0]
    assert first_line.startswith("#")
    assert "regattn-run" in first_line
    assert f"data={choice}" in first_line
