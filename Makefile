# `make run` and `make test` set up what they need, and again when pyproject.toml or constraints.txt changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
ARGS ?=
# Processes that share the tests: `make test WORKERS=0` runs all of them in one.
WORKERS ?= logical
SHARED := -n $(WORKERS) --maxprocesses 8 --dist worksteal

.PHONY: setup run test soak test-slurm test-browser check docs bench reference clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; name one with: make setup PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

run: $(STAMP)
	$(BIN)/python -m bench run --methods all --problem motion $(ARGS)

test: $(STAMP)
	$(BIN)/python -m pytest $(SHARED) $(ARGS)

# Tests on a Slurm cluster of one node, started and stopped here: needs root on Debian, is skipped elsewhere.
test-slurm: $(STAMP)
	$(BIN)/python -m tests.slurm.cluster $(BIN)/python -m pytest tests/slurm $(ARGS)

# Tests of the page in a Chromium, which root on Debian gets by apt-get where it is missing; skipped elsewhere.
test-browser: $(STAMP)
	$(BIN)/python -m tests.reports.browser.install $(BIN)/python -m pytest tests/reports/browser $(ARGS)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The site in build/docs, with the notebook executed: a warning is an error.
docs: $(STAMP)
	$(BIN)/python -m sphinx -E -W --keep-going docs build/docs $(ARGS)

soak: $(STAMP)
	$(BIN)/python -m pytest -m soak $(SHARED) $(ARGS)

bench: $(STAMP)
	$(BIN)/python -m pytest tests/benchmarks --override-ini=addopts= --import-mode=importlib --benchmark-only $(ARGS)

# The records under results/reference, by a clean commit: make reference RECORDS=quick
RECORDS ?=
reference: $(STAMP)
	PYTHON=$(BIN)/python results/reference/remake $(RECORDS)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
