SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
CORES ?= $(shell $(BIN)/python -m workflow_lib.core.cores)
BIN := .venv/bin
# As it is written: the shell reads it from the environment, whatever blanks, quotes or dollars are in it.
override SCENARIO := $(value SCENARIO)
export SCENARIO

.PHONY: help setup litert devices demo run plan survive test quick check format record lock golden clean

help:  ## Show what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/ready  ## Build .venv from the lock file

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	@echo "installing what requirements.lock pins into .venv: a minute or two"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	touch $@

litert: setup .venv/litert  ## Add the LiteRT converter to .venv: 800 MB, under a minute

.venv/litert: requirements-litert.lock
	@echo "installing what requirements-litert.lock pins into .venv"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-litert.lock
	touch $@

devices: litert  ## Build and check predictors of this machine's CPU for ONNX Runtime and LiteRT: under ten minutes
	$(BIN)/python -m snakemake --configfile config/scenarios/devices.yaml --cores $(CORES) --quiet rules -- \
		results/devices/build_predictor/onnxruntime/fp32.validation.parquet results/devices/build_predictor/litert/fp32.validation.parquet
	@tail --quiet --lines=1 results/devices/logs/build_predictor/*/*.log

demo:  ## Run the demo on generated chips: under five minutes on two cores
	@$(MAKE) --no-print-directory run SCENARIO=config/scenarios/demo.yaml

run: setup  ## Run SCENARIO=config/scenarios/NAME.yaml
	@test -n "$$SCENARIO" || { echo "error: say which: make run SCENARIO=config/scenarios/demo.yaml" >&2; exit 2; }
	$(BIN)/python -m workflow_lib.rounds --configfile "$$SCENARIO" --cores $(CORES) --quiet rules

plan: setup  ## Show what a run of SCENARIO=config/scenarios/NAME.yaml would do, why, and what it would cost
	@test -n "$$SCENARIO" || { echo "error: say which: make plan SCENARIO=config/scenarios/demo.yaml" >&2; exit 2; }
	@EDGEFRONT_PLAN=1 $(BIN)/python -m workflow_lib.rounds --configfile "$$SCENARIO" --dry-run --quiet rules

survive: setup  ## Kill runs 30 times, with and without edits between, and damage each kind of file 500 times
	EDGEFRONT_KILLS=30 EDGEFRONT_LONG=1 $(BIN)/python -m pytest tests/e2e/test_survival.py tests/e2e/test_executors.py \
		tests/unit/test_sealed.py tests/unit/test_damaged_inputs.py

test: litert  ## Run the tests
	$(BIN)/python -m pytest -n $(CORES) --doctest-modules --durations 15 --ignore tests/e2e workflow_lib tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --durations 15 tests/e2e

quick: setup  ## For the inner loop: lint, types and the tests that take under a second each
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n $(CORES) --fast tests/unit tests/contract

check: setup  ## Lint, types, imports, formats
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint --configfile config/scenarios/demo.yaml

format:  ## Format code and rules
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

record: setup  ## Write what is generated from code: config schema, key table, contract digests
	PYTHONPATH=. $(BIN)/python -m workflow_lib.workflow.config_docs --fix
	PYTHONPATH=.:tests/contract $(BIN)/python tests/contract/test_contracts.py

lock: setup  ## Write the requirements of the bundles' program anew, with the versions of requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate \
		--custom-compile-command "make lock" --constraint requirements.lock \
		--output-file workflow_lib/field/requirements.txt workflow_lib/field/requirements.in

golden: setup  ## Record the results of every stage anew, for the golden tests
	EDGEFRONT_RECORD=1 $(BIN)/python -m pytest -q tests/e2e/test_golden.py

clean:  ## Remove all results
	rm -rf results/*/ .snakemake
