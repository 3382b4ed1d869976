# Placet. `make` lists the targets. Everything runs from .venv, which `make setup` makes; no Docker, no root.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3.11
ifeq (, $(shell command -v $(PYTHON)))
PYTHON := python3
endif
VENV := .venv
BIN := $(VENV)/bin
MEMBERS := protos sdk/core sdk/client services/kit services/consent services/permission services/vault services/audit gateway deploy/local
SOURCES := sdk services gateway deploy tests
STAMP := $(VENV)/.placet-setup

.PHONY: help setup demo dev test test-system test-all check bench protos docs baseline lock format types lint imports buf fresh clean

help: ## This list
	@echo "Placet - a consent ledger for face processing"; echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r t d; do printf '  make %-10s %s\n' "$$t" "$$d"; done

setup: $(STAMP) ## Make .venv with the locked dependencies and every member

$(STAMP): requirements.lock $(MEMBERS:%=%/pyproject.toml)
	@echo "Setting up $(VENV) (a minute or two the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; assert sys.version_info >= (3, 11), "Placet needs Python 3.11 or newer"'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(MEMBERS:%=-e ./%)
	@touch $@

demo: $(STAMP) ## A bank and a retailer, end to end, on a really running mesh; leaves var/demo
	@$(BIN)/placet demo

dev: $(STAMP) ## The whole mesh on this machine, until Ctrl-C
	@$(BIN)/placet dev

test: $(STAMP) ## The tests that fit a coffee break
	@$(BIN)/python -m pytest -q -n 2 --dist loadscope -m "not long and not system"

test-system: $(STAMP) ## Tests that need root, /dev/fuse or SoftHSM2 (CI runs them)
	@$(BIN)/python -m pytest -q -m "system and not long"

test-all: $(STAMP) ## Every test, the long campaigns included
	@$(BIN)/python -m pytest -q

bench: $(STAMP) ## Speed against an empty echo on the same cores (JSON=FILE for a machine)
	@$(BIN)/python -m tests.bench $(if $(JSON),--json $(JSON)) $(ARGS)

check: format lint types imports buf fresh ## Format, lint, types, import rules, protos, generated files

format: $(STAMP)
	@$(BIN)/ruff format --check --quiet $(SOURCES) && echo "format: ok"

lint: $(STAMP)
	@$(BIN)/ruff check --quiet $(SOURCES) && echo "lint: ok"

types: $(STAMP)
	@$(BIN)/mypy --no-error-summary $(filter-out protos,$(MEMBERS:%=%/placet)) && echo "types: ok"

imports: $(STAMP)
	@$(BIN)/lint-imports --no-cache > $(VENV)/imports.txt 2>&1 && echo "imports: ok" || { cat $(VENV)/imports.txt; exit 1; }

buf: $(STAMP)
	@cd protos && ../$(BIN)/buf lint && ../$(BIN)/buf format -d --exit-code > /dev/null && echo "protos: ok"
	@cd protos && ../$(BIN)/buf breaking --against baseline.binpb && echo "protos: nothing breaks"

fresh: $(STAMP)
	@$(BIN)/python tests/architecture/fresh.py
	@$(BIN)/python tests/architecture/make_docs.py --check

protos: $(STAMP) ## Generate the code of protos/
	@protos/generate.sh

docs: $(STAMP) ## Write the pages of docs/ that are made from the code
	@$(BIN)/python tests/architecture/make_docs.py

baseline: $(STAMP) ## At a release: what later protos must stay compatible with
	@cd protos && ../$(BIN)/buf build --exclude-source-info -o baseline.binpb

lock: ## Make requirements.lock from requirements.in (hashes, no addresses)
	@uv pip compile --quiet --generate-hashes --python-version 3.11 --universal --no-emit-index-url --no-header requirements.in -o requirements.lock

clean: ## Remove what was made here
	rm -rf $(VENV) var build
