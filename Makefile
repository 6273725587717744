# `make` alone prints this help. Everything here works on a fresh machine with Python >= 3.11 (with venv), make and git.
PYTHON ?= python3
VENV := .venv/bin
# Of the order of the tests and of all that chance draws in them: a red run means a change. `make test SEED=7` draws anew.
SEED ?= 1
CHECKED := manage.py cdp common identity events quality segments connectors insights campaigns privacy tests $(wildcard benchmarks)

.DEFAULT_GOAL := help
.PHONY: help run install install-dev test check test-fast test-spark bench format lock clean

help: ## Print this help
	@echo "Usage: make TARGET"
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

run: install ## Install if needed and run everything at http://localhost:8000 (CDP_PORT=8001, DEMO=0, CDP_DATA_DIR=...)
	@exec $(VENV)/python manage.py up

install: ## Make .venv and install the locked packages
	@$(PYTHON) cdp/runner/bootstrap.py

install-dev:
	@$(PYTHON) cdp/runner/bootstrap.py --dev

test: check ## Everything that CI checks: format, lint, types, contracts, migrations, tests
	$(VENV)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --randomly-seed=$(SEED)

check: install-dev ## The quick part of `make test`: no tests
	$(VENV)/ruff format --check $(CHECKED)
	$(VENV)/ruff check $(CHECKED)
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/python -m cdp.runner.with_services $(VENV)/python manage.py makemigrations --check --dry-run
	$(VENV)/python -m cdp.runner.with_services $(VENV)/python manage.py check --fail-level WARNING

test-fast: install-dev ## Tests without browsers and without whole process trees
	$(VENV)/python -m pytest -m "not browser and not processes and not slow"

test-spark: install-dev ## Tests of what runs on Spark too: installs the extra `spark` (530 MB), needs Java 17, takes minutes
	$(VENV)/python -m pip install -q '.[spark]'
	$(VENV)/python -m pytest $(shell grep -rl 'importorskip("pyspark"' tests)

bench: install-dev ## Run all benchmarks; each prints one JSON object and fails when it misses a target
	@failed=0; for file in benchmarks/[a-z]*.py; do $(VENV)/python $$file || failed=1; done; exit $$failed

format: install-dev ## Format the code
	$(VENV)/ruff format $(CHECKED)
	$(VENV)/ruff check --fix $(CHECKED)

lock: ## Resolve the dependencies of pyproject.toml anew (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command "make lock" -q -o requirements.txt
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command "make lock" -c requirements.txt -q -o requirements-dev.txt

clean: ## Remove caches and the tests' data folder (not your data)
	rm -rf .cdp-test* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
