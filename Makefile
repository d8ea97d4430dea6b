# All that the README promises. Settings: PORT=8080 ARCHIVE=demo-archive NIGHT=2024-03-10 PYTHON=python3,
# and PYTEST_ARGS for what pytest should do besides.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
PORT    ?= 8080
ARCHIVE ?= demo-archive
NIGHT   ?= 2024-03-10

# The real files that some tests read; without them those tests skip with one line.
QUIPU_TESTDATA ?= $(abspath $(wildcard ../shared))
export QUIPU_TESTDATA

.PHONY: help venv demo test check bench soak clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

venv: $(VENV)/installed  ## make .venv and install the archive in it

$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Quipu needs Python 3.11 or newer; say PYTHON=... to name one.")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: venv  ## simulate a night, ingest it, serve it on http://127.0.0.1:$(PORT)
	$(BIN)/quipu --archive $(ARCHIVE) init
	$(BIN)/quipu simulate --night $(NIGHT) --out $(ARCHIVE)/simulated
	$(BIN)/quipu --archive $(ARCHIVE) ingest $(ARCHIVE)/simulated
	exec $(BIN)/quipu --archive $(ARCHIVE) serve --port $(PORT)

test: venv  ## the whole test suite
	$(BIN)/python -m pytest -n auto $(PYTEST_ARGS)

check: venv  ## lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: venv  ## measure: cones and dumps on a million rows, over HTTP
	$(BIN)/python -m bench.tap

soak: venv  ## the long rounds: kills, load, fuzz
	$(BIN)/python -m pytest -m soak $(PYTEST_ARGS)

clean:  ## remove what the targets above made
	rm -rf $(VENV) demo-archive build *.egg-info
