# Everything here needs Python 3.11 to 3.13 and make; the rest goes into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo picture test test-all lint docs clean
.DEFAULT_GOAL := help

help:
	@echo "make demo      cross-validated diagnosis of a simulated cohort, with table and picture"
	@echo "make test      the test suite without its slow checks"
	@echo "make test-all  the whole test suite"
	@echo "make lint      formatting, lint, types, and who imports whom"
	@echo "make picture   the picture of the README, by running the demo"
	@echo "make docs      the documentation with its gallery, warnings as errors"

# A full install is recorded, so that an interrupted one is begun again.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if (3, 11) <= v < (3, 14) else f"sknemg needs Python 3.11 to 3.13, found {v.major}.{v.minor}: call make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@echo "Installing sknemg and what it needs (torch is large: a few minutes) ..."
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	@touch $@

demo: $(VENV)/.installed
	$(BIN)/python -m sknemg demo

picture: demo
	$(BIN)/python docs/demo_picture.py demo

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n auto -m "not slow and not browser"

test-all: $(VENV)/.installed
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/.installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

docs: $(VENV)/.installed
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

clean:
	rm -rf docs/_build docs/gallery docs/api docs/sg_execution_times.rst demo
