# make bench: the main job. make test: all tests. Both set everything up on a fresh machine.
#   make bench DATA=folder ARGS="--device tcp:192.168.1.7:5555"
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
PYTEST_ARGS ?=
export MOBILEBERT_BENCH_DATA := $(if $(DATA),$(abspath $(DATA)),$(MOBILEBERT_BENCH_DATA))

.PHONY: bench test fast lint check perf statistics recipes fuzz lock dist goldens setup setup-test clean

bench: setup
	@$(BIN)/mobilebert-bench run $(ARGS)

# All tests in two processes, one a core (tests/halves.py); in one where arguments are given.
test: setup-test
	$(if $(PYTEST_ARGS),$(BIN)/pytest $(PYTEST_ARGS),$(BIN)/python -m tests.halves)

# Seconds, no device, no sandbox.
fast: setup-test
	$(BIN)/pytest -m "not adbd and not slow" $(PYTEST_ARGS)

lint: setup-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

perf: setup-test
	$(BIN)/python -m tests.perf

# The tables of docs/statistics.md anew, about a minute.
statistics: setup-test
	$(BIN)/python -m tests.results.selftest_page

# docs/recipes.md anew: every recipe on this machine, about 20 minutes.
recipes: setup-test
	$(BIN)/python -m tests.perf.recipes $(ARGS)

# Every parser fifty times longer than in the tests, then more than 1,000,000 inputs over those of a device's words.
fuzz: setup-test
	HYPOTHESIS_PROFILE=fuzz $(BIN)/pytest -k fuzz $(PYTEST_ARGS)
	$(BIN)/python -m tests.fuzz $(ARGS)

# Rewrite the expected texts of the tests; review them as a diff.
goldens: setup-test
	$(BIN)/pytest --update-goldens $(PYTEST_ARGS)

# Resolve every lock file anew, and the pins of the device program's bundle.
lock: setup-test
	PYTHON=$(PYTHON) requirements/lock.sh
	$(BIN)/python -m android_runner.native.pins

# A wheel that carries the device program for both ABIs.
dist: setup-test
	$(BIN)/python -m android_runner.native.build --package
	$(BIN)/python -m hatchling build -t wheel

setup:
	@PYTHON=$(PYTHON) requirements/setup.sh run

setup-test:
	@PYTHON=$(PYTHON) requirements/setup.sh dev

clean:
	rm -rf .venv build dist
