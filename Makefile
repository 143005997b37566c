# Everything here works from a clean clone; `make help` lists it.
SHELL := /bin/sh

BIN := .venv/bin
PYTHON ?= python3
SCENARIO ?= scenarios/peak.py
ARGS ?=
# Two tests at a time: mostly they wait. Those that measure are alone (tests/shared_machine.py).
SIDE_BY_SIDE := -n 2 --dist loadscope
UV ?= $(firstword $(wildcard $(BIN)/uv) uv)


.DEFAULT_GOAL := help
.PHONY: help setup run test test-unit check soak format docs lock clean

help: ## list these targets
	@echo 'usage: make TARGET [PYTHON=python3.12] [SCENARIO=FILE] [ARGS="…"]'
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target text; do \
		printf '  %-10s %s\n' "$$target" "$$text"; done

setup: ## make .venv with everything in it; quick when nothing has changed
	@PYTHON='$(PYTHON)' sh tools/setup.sh

# Standard output belongs to loadkit: its last line, the path of the bundle, is the last line here.
run: setup ## run SCENARIO (scenarios/peak.py) with the options in ARGS
	@$(BIN)/loadkit run $(SCENARIO) $(ARGS)

test: setup ## run all tests (ARGS go to pytest)
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

test-unit: setup ## run the tests that need no server and no browser, in seconds
	@$(BIN)/python -m pytest tests/unit $(ARGS)

check: setup ## the gate: format, lint, types, import contracts, all tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

# Not part of the gate: it takes as long as it takes.
soak: setup ## 20 minutes at 1,000 a second: does anything grow (ARGS='--duration 2m')
	@$(BIN)/loadkit bench soak $(ARGS)

format: setup ## format the code and mend what the linter can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: setup ## write the generated pages of docs/ again and build the site in build/docs
	@$(BIN)/python tools/bundle_docs.py
	@$(BIN)/python tools/cli_docs.py
	@$(BIN)/python tools/site_docs.py

lock: ## resolve the dependencies again into requirements.lock (needs uv)
	@command -v $(UV) >/dev/null || { echo 'make lock needs uv: pip install uv' >&2; exit 1; }
	echo 'setuptools>=77.0.3' | $(UV) pip compile pyproject.toml - --quiet --upgrade \
		--all-extras --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--output-file requirements.lock

clean: ## remove .venv, caches and build products; bundles in reports/ stay
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
