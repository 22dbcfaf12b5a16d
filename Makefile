# SPDX-License-Identifier: Apache-2.0
# Everything that people and continuous integration run. `make` alone explains.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh

PYTHON ?= python3
BIN := .venv/bin
SOURCES := src tests scripts examples
ARGS ?=

.NOTPARALLEL:
.PHONY: help install up test check format docs lock system js bench clean

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-14s %s\n", $$1, $$2}'

install: ## make .venv and install what uv.lock names
	@$(PYTHON) scripts/install.py

up: install ## start the country on http://127.0.0.1:8440 (options: make up ARGS="--port 9000")
	@$(BIN)/tegata up $(ARGS)

test: system js check ## everything: system packages, checks, all tests
	@$(BIN)/python -m pytest $(ARGS)

check: install ## formatting, lint, types, floors and house rules
	@$(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/ruff format --quiet --check $(SOURCES)
	@$(BIN)/mypy --no-error-summary src
	@found=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$found"; exit 1; }
	@$(BIN)/python scripts/check_imports.py
	@$(BIN)/python scripts/docs.py --check

format: install ## reformat and mend what can be mended
	@$(BIN)/ruff check --quiet --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

bench: install ## measure, and write benchmarks/latest.md
	@$(BIN)/tegata bench --write benchmarks/latest.md $(ARGS)

docs: install ## write the reference pages that come from the code
	@$(BIN)/python scripts/docs.py

lock: ## choose versions anew (ARGS=--upgrade) and write uv.lock
	@$(PYTHON) scripts/lock.py $(ARGS)

# Debian packages that tests need, then what is compiled against them.
system:
	@PYTHON=$(PYTHON) scripts/setup-debian.sh
	@$(PYTHON) scripts/install.py --pcsc yes

# openid-client, in the version and with the hashes of its lock file.
js: tests/js/node_modules/.package-lock.json

tests/js/node_modules/.package-lock.json: tests/js/package-lock.json
	@cd tests/js && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

clean: ## remove what can be made again (never .tegata, the country's data)
	rm -rf .venv .tools build dist tests/js/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
