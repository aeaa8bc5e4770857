# Saferoom. `make help` says what there is to do.

SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PYTHON UPGRADE

packages := disclosure_control governance datasets safe_outputs hub_config
code := $(packages) tests
python := .venv/bin/python

.PHONY: help
help: ## say what there is to do
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

# ------------------------------------------------------------------------------------------------- set-up

.PHONY: setup
setup: ## install all that Saferoom runs on, from the lock files; quick when nothing changed
	@$(MAKE) -j4 --output-sync=none part-service part-session part-styles

.PHONY: setup-tests
setup-tests:
	@$(MAKE) -j4 --output-sync=none part-service part-session part-styles part-tests

parts := part-tools part-service part-session part-node part-styles part-tests
.PHONY: $(parts)
$(parts): part-%:
	@scripts/setup.sh $*
part-service part-session: part-tools
part-styles: part-node

# ------------------------------------------------------------------------------------------------- running

.PHONY: demo
demo: setup ## walk through all of it on this machine (ONCE=1 ends after the walk; STATE=DIR, PORT=N, WITHOUT=NAMES)
	@.venv/bin/saferoom demo $(if $(ONCE),--once) $(if $(STATE),--state "$(STATE)") $(if $(PORT),--port "$(PORT)") $(if $(WITHOUT),--without "$(WITHOUT)")

# ------------------------------------------------------------------------------------------------- checking

.PHONY: check
check: lint test ## all that must hold before a change is handed on: format, lint, types, import contracts, tests

.PHONY: lint
lint: setup ## format, lint, types, import contracts
	$(python) -m ruff format --check $(code)
	$(python) -m ruff check $(code)
	$(python) -m mypy
	.venv/bin/lint-imports --no-logo

.PHONY: test
test: setup-tests ## set up, then every test: first the quick ones side by side, then those that need the whole of it
	$(python) -m pytest -n 2 -m "not hub"
	$(python) -m pytest -n 2 --dist loadfile -m hub

.PHONY: format
format: setup ## put the code in order
	$(python) -m ruff check --fix $(code)
	$(python) -m ruff format $(code)

# ------------------------------------------------------------------------------------------------- keeping

.PHONY: lock
lock: part-tools ## make the lock files anew (UPGRADE=1 takes the newest versions)
	@scripts/lock.sh

.PHONY: clean
clean: ## take away all that `make setup` made
	rm -rf .venv .session node_modules build safe_outputs/web/static/saferoom.css safe_outputs/web/static/govuk-frontend.min.js
	find $(code) -name __pycache__ -type d -prune -exec rm -rf {} +
