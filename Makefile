# Each target sets itself up: a virtual environment in .venv, with the versions of constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
# Where there is no network: make gpu-check WHEELS=folder installs from the wheels in a folder.
ifdef WHEELS
export PIP_NO_INDEX := 1
export PIP_FIND_LINKS := $(abspath $(WHEELS))
endif

.PHONY: help setup quickstart test test-slow lint bench gpu-check docs clean

help:  ## what one can make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(INSTALLED)  ## the virtual environment alone

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 12) else f"Python 3.11 or 3.12 is needed, $(PYTHON) is {v[0]}.{v[1]}: make PYTHON=/path/to/python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

quickstart: $(INSTALLED)  ## both tasks with four normalizers on generated text; results/quickstart/
	$(BIN)/regattn-run --multirun experiment=quickstart data=synthetic_de_en,synthetic_headlines normalizer=softmax,sparsemax,fusedmax,oscarmax
	$(BIN)/regattn-report runs_dir=runs/quickstart output_dir=results/quickstart header="make quickstart"

test: $(INSTALLED)  ## all tests
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

test-slow: $(INSTALLED)  ## what make test leaves out: torchrun, docs/clusters.md, and sweeps on Ray and Slurm where installed
	$(BIN)/python -m pytest -m slow

lint: $(INSTALLED)  ## ruff, mypy, and the layering
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED)  ## speed of the normalizers; results/benchmarks/
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python scripts/benchmark_normalizers.py

gpu-check: $(INSTALLED)  ## the kernels and the benchmarks on a GPU, within 8 minutes; results/benchmarks/gpu.md
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,gpu]'
	$(BIN)/python scripts/gpu_check.py

docs: $(INSTALLED)  ## the documentation as a site; site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean:  ## remove the virtual environment, runs and caches
	rm -rf $(VENV) runs cache build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
