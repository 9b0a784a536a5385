# Everything here sets itself up on a machine that has Python 3.11 or newer and
# make: an environment in .venv, with packages from PyPI. To pick an interpreter:
#
#     make test PYTHON=python3.13

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready-$(notdir $(PYTHON))
EVAL_READY := .venv/ready-eval

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format bench load eval soak clean

help:
	@echo 'make setup    an environment for development, in .venv'
	@echo 'make demo     a real conversation with an MCP client, over the user guide'
	@echo 'make test     all tests, with branch coverage'
	@echo 'make lint     style, types, and which part may import which'
	@echo 'make format   rewrites what the style has rules for'
	@echo 'make bench    how fast it is, each figure beside a peer of the same run'
	@echo 'make load     64 clients over HTTP for ten minutes: CORPUS=DIR, LOAD="--seconds 60"'
	@echo 'make eval     how well it finds: judged questions, asked of the product'
	@echo 'make soak     random edits and kills, for as long as you like, with an oracle'
	@echo 'make clean    removes everything that make has made'

setup: $(READY)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "docindex needs Python 3.11 or newer: make PYTHON=python3.13 ...")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@# Type checkers cannot follow an editable install to folders of other names.
	mkdir -p .types/docindex
	ln -sfn ../../indexer ../../server .types/docindex/
	ln -sfn ../../server/_package/__init__.py ../../server/_package/__main__.py .types/docindex/
	touch $(READY)

demo: setup
	@$(BIN)/python -m tests.demo

test: setup
	$(BIN)/python -m pytest --numprocesses auto --ignore=tests/e2e --cov --cov-report=
	@# One by one: they kill processes and count seconds.
	$(BIN)/python -m pytest tests/e2e --cov --cov-append --cov-report=term

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	PYTHONPATH=.types $(BIN)/lint-imports
	$(BIN)/mypy --package docindex --package tests
	$(BIN)/pyright --pythonpath $(BIN)/python

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@$(BIN)/python -m tests.bench $(BENCH)

CORPUS ?= sample_docs

# On a copy, since clients write into it.
load: setup
	@folder=$$(mktemp -d) && cp -R $(CORPUS)/. $$folder && \
		$(BIN)/python -m tests.bench.load $$folder $(LOAD); rm -rf $$folder

# Judged questions of your own, as folders or archives: make eval COLLECTIONS="a b.tar.xz"
eval: setup $(EVAL_READY)
	@$(BIN)/python -m tests.eval $(COLLECTIONS)

$(EVAL_READY): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[eval]'
	touch $(EVAL_READY)

# For how long, and how many kills: make soak SOAK="--minutes 120 --kills 3000"
soak: setup
	@$(BIN)/python -m tests.soak $(SOAK)

clean:
	rm -rf .venv .types tests/e2e/node_modules build dist ./*.egg-info .coverage .coverage.* htmlcov
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
