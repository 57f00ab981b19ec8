# `make run` on a fresh clone starts a server; `make test` proves it. Everything installs below this folder.

PYTHON       ?= python3
TEST_WORKERS ?= 2
PYTEST_ARGS  ?=
BIN          := .venv/bin
CLIENTS      := .venv-clients

# pip may otherwise spend a second asking about itself.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help setup run test test-long demo lint format bench docs lock clean clients

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.complete ## .venv with the locked dependencies and the project

.venv/.complete: pyproject.toml constraints.txt scripts/system-packages
	scripts/system-packages
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@# The build backend first and pinned: no build may fetch a version that the lock does not name.
	$(BIN)/pip install --quiet --constraint constraints.txt hatchling editables
	$(BIN)/pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	@touch $@

run: setup ## a server with an embedded store under ./var and a demo account
	$(BIN)/keystead serve --data var --demo-account

clients: ## the official SDKs, each family in an environment of its own
	@scripts/client-environments

test: setup clients lint ## everything but the long tests
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadgroup $(PYTEST_ARGS)

test-long: setup clients ## deep fuzzing, whole vector sets, kill storms
	@$(BIN)/python -m pytest -m long -n $(TEST_WORKERS) --dist loadgroup $(PYTEST_ARGS)

demo: setup clients ## an instance's whole life, told by the official SDKs
	@$(CLIENTS)/v2/bin/python -m demo

lint: setup ## style, types and arrows
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports > .venv/lint-imports.log 2>&1 || { cat .venv/lint-imports.log; exit 1; }

format: setup ## let ruff rewrite what it can
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

bench: setup ## figures into bench/results.json, and a table
	@scripts/system-packages bench
	@$(BIN)/python bench/run.py

docs: setup ## write the generated pages anew
	@$(BIN)/python docs/generate.py

lock: ## newest versions into constraints.txt
	scripts/lock

clean: ## all that was built or run, the data under ./var excepted
	rm -rf .venv $(CLIENTS) .venv-lock tests/wire/node/node_modules build dist bench/results.json
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
