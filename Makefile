# One vocabulary for people, hooks and CI. Needs Python 3.11, make and a package registry; nothing else.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
TESTS  ?= tests
export DO_NOT_TRACK := 1

.PHONY: run test test-long check validate bench ui deploy lock clean help

help:            ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(READY): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@echo "installing the locked dependencies into $(VENV) …"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --compile-bytecode --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $(READY)

run: $(READY)    ## from the catalogue to a registered model; SOURCE=/path/to/music for your own, NAME=… to name it; TARGET=… of a table
	@$(BIN)/ostinato run $(if $(SOURCE),--source "$(SOURCE)") $(if $(TARGET),--target "$(TARGET)") $(if $(NAME),--name "$(NAME)") $(if $(PROBLEM),--problem "$(PROBLEM)")

test: $(READY)   ## the tests, without the long proofs
	@$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "not long" $(TESTS)

test-long: $(READY)   ## the long proofs: kills, reproducibility, a fresh clone
	@$(BIN)/pytest -q -m long $(TESTS)

check: $(READY)  ## style, types, architecture, generated files
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/ostinato render && git diff --exit-code -- dvc.yaml

validate: $(READY)    ## the 14 checks of the system
	@$(BIN)/ostinato validate

bench: $(READY)  ## measured figures beside their bounds
	@$(BIN)/python -m benchmarks

ui: $(READY)     ## MLflow and Prefect in the browser
	@$(BIN)/ostinato ui

deploy: $(READY) ## Prefect server, work pool, deployments with schedules, worker
	@$(BIN)/ostinato deploy

lock: $(READY)   ## renew requirements.lock from pyproject.toml
	@$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--group dev pyproject.toml -o requirements.lock

clean:           ## remove the environment and the caches; data, registry and audit log stay
	rm -rf $(VENV) .ostinato/cache .ostinato/logs
