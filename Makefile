# Commands to try, test, check and package this project. `make` alone lists them.
#
# The demo and the tests share one virtual environment. Two stamp files in it record what is installed. Both depend on
# pyproject.toml, the lock file and the compiled sources: a second run installs nothing, a change is installed.

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
# Many slow tests wait, so more processes than cores are useful.
PYTEST_JOBS ?= 4
FUZZ_ARGS ?=
BENCH_ARGS ?=
TORTURE_ARGS ?=

BIN := $(VENV)/bin
CREATED := $(VENV)/.created
RUN := $(VENV)/.installed-to-run
DEV := $(VENV)/.installed-to-develop
INSTALLED := pyproject.toml .build/compile.py ingest_cli/items/_hmac_columns.c
NODE_DIR := tests/support/node
NODE := $(NODE_DIR)/node_modules/.installed
BENCH := $(VENV)/.installed-to-measure
PEERS := $(VENV)/peers/.installed
NODE_PEERS_DIR := tests/bench/peers
NODE_PEERS := $(NODE_PEERS_DIR)/node_modules/.installed
RELEASE := $(VENV)/release/.installed
# Dependencies with versions and hashes: of a production loader, and of a development environment.
LOCK := deploy/requirements.lock
DEV_LOCK := .ci/requirements.lock

COMPILE := $(VENV)/release/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --custom-compile-command "make lock" $(UPGRADE)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

.DEFAULT_GOAL := help
.NOTPARALLEL: # both stamps install into the one environment
.PHONY: help demo quick test torture fuzz lint types check bench samples wheel lock sbom clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  PYTHON=python3.12 chooses the interpreter (3.11 or newer); PYTEST_ARGS='-k mask' is handed to pytest."

demo: $(RUN) ## load invented dumps into an embedded DynamoDB, verify them, look up a person
	@$(BIN)/ingest-cli demo

quick: $(DEV) ## run the unit and contract tests without the slow ones, within a minute
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m 'not slow' tests/unit tests/contract $(PYTEST_ARGS)

test: $(DEV) $(NODE) ## run the whole test suite
	$(BIN)/python -m pytest --numprocesses $(PYTEST_JOBS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

torture: $(DEV) ## kill loads for hours and compare the results: TORTURE_ARGS='--record docs/benchmarks/torture.json'
	$(BIN)/python -m tests.fault.torture --kills 100 --seeds 3 --jobs 2 $(TORTURE_ARGS)
	$(BIN)/python -m tests.property.simulate --seeds 100000
	$(BIN)/python -m tests.property.misplace --seeds 100000
	PHONE_DRAWS_TIMES=10 $(BIN)/python -m pytest -k every_calling_code tests/property/test_phones_differential.py

fuzz: $(DEV) ## damage samples until a parser breaks a promise: FUZZ_ARGS='--target sql --seconds 600'
	$(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

lint: $(DEV) ## check style and formatting (ruff)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV) ## check types (mypy, strict)
	$(BIN)/mypy --explicit-package-bases ingest_cli tests/support

check: lint types test ## lint, types and test

bench: $(BENCH) $(PEERS) $(NODE_PEERS) ## measure speed and memory: BENCH_ARGS='load --runs 3', or --long
	$(BIN)/python -m tests.bench --json build/bench.json $(BENCH_ARGS)

samples: $(DEV) ## write sample_data/ again
	$(BIN)/python -m tests.support.make_samples

wheel: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
wheel: $(DEV) ## build dist/*.whl and the sdist; equal commits give equal bytes
	$(BIN)/python -m hatchling build --directory dist

# --universal: one file for each platform and version of Python, with markers. UPGRADE=--upgrade takes newer versions.
lock: $(RELEASE) ## lock the dependencies, with hashes: deploy/ and .ci/requirements.lock; UPGRADE=--upgrade
	$(COMPILE) --extra 7z --extra age --extra report --extra xlsx --output-file $(LOCK) pyproject.toml
	$(COMPILE) --extra sandbox --group dev --output-file $(DEV_LOCK) pyproject.toml

sbom: $(DEV) ## write dist/sbom.cdx.json: the dependencies of a production loader, in CycloneDX
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements $(LOCK) --pyproject pyproject.toml --output-reproducible \
	  --output-format JSON --output-file dist/sbom.cdx.json

clean: ## remove the environment and everything built or cached
	rm -rf $(VENV) $(NODE_DIR)/node_modules $(NODE_PEERS_DIR)/node_modules build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f ingest_cli/items/*.so
	find ingest_cli tests -name __pycache__ -type d -prune -exec rm -rf {} +

# -- prerequisites of the targets above ---------------------------------------------------------------------------------

$(CREATED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  found=$$($(PYTHON) -V 2>/dev/null) || found="not to be found"; \
	  echo "ingest-cli needs Python 3.11 or newer, and $(PYTHON) is $$found: name another one," \
	    "for example: make demo PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@# --group came with pip 25.1.
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(RUN): $(INSTALLED) $(CREATED)
	@echo "Installing into $(VENV): a minute or two, the first time only."
	$(BIN)/python -m pip install --quiet --editable '.[sandbox]'
	@touch $@

# The build requirements are locked, too: hence no isolated build environment.
$(DEV): $(INSTALLED) $(DEV_LOCK) $(CREATED)
	@echo "Installing into $(VENV): a minute or two, the first time only."
	$(BIN)/python -m pip install --quiet --require-hashes --requirement $(DEV_LOCK)
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $(RUN) $@

# A second implementation of DynamoDB, and a browser for pages (about 130 MB together). Without npm or its registry, the
# tests that need them are skipped with a reason.
$(NODE): $(wildcard $(NODE_DIR)/package*.json)
	@if ! command -v npm >/dev/null; then \
	  echo "npm is not installed: the tests against dynalite and in a browser will be skipped."; \
	elif npm --prefix $(NODE_DIR) $(if $(wildcard $(NODE_DIR)/package-lock.json),ci,install --no-package-lock) \
	    --no-audit --no-fund --loglevel=error; then \
	  mkdir -p $(@D) && touch $@; \
	else \
	  echo "npm could not install dynalite and Chromium (see above): the tests with them will be skipped."; \
	fi

# Programs that the benchmarks compare with, in a separate environment: they need other versions of boto3 and Arrow. A
# missing one is omitted with a message.
$(BENCH): pyproject.toml $(DEV)
	@$(BIN)/python -m pip install --quiet --group bench
	@touch $@

$(PEERS): pyproject.toml $(CREATED)
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(@D)/bin/python -m pip install --quiet --group peers || \
	  echo "pip could not install what the program is compared with (see above): that is left out."
	@touch $@

$(NODE_PEERS): $(NODE_PEERS_DIR)/package.json
	@if ! command -v npm >/dev/null; then \
	  echo "npm is not installed: its library is left out of the comparison."; \
	elif npm --prefix $(NODE_PEERS_DIR) install --ignore-scripts --no-package-lock --no-audit --no-fund \
	    --loglevel=error; then \
	  mkdir -p $(@D) && touch $@; \
	else \
	  echo "npm could not install its library (see above): that is left out of the comparison."; \
	fi

# A separate environment: the locked one must not depend on the version of the locking tool.
$(RELEASE): pyproject.toml $(CREATED)
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(@D)/bin/python -m pip install --quiet --group release
	@touch $@
