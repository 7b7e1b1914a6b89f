# Every target works from a fresh clone without another step before it. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-node test-skew lint bench lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; say which with: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

setup: $(STAMP) ## The environment in .venv, and the control-plane binaries in the user's cache folder
	@$(BIN)/python -m tools.planes binaries

demo: setup ## A Deployment that exists only in a tenant runs on a host; KEEP=1 leaves it running
	@$(BIN)/python -m tools.demo $(if $(KEEP),--keep)

test: setup ## The whole suite, on two real control planes
	$(BIN)/pytest

test-node: setup ## Tenant pods on real nodes (kubelet, containerd, kube-proxy); says why where the machine cannot; ARGS are pytest's
	@$(BIN)/python -m tools.nodes test $(ARGS)

# What crosses the boundary kind by kind; with one of the two clusters a minor version behind.
SKEWED := $(addprefix tests/e2e/test_e2e_,$(addsuffix .py,workload services nodes identity devices exports storage snapshots network gateways custom))

test-skew: setup ## The kinds, with the tenant one Kubernetes minor version behind the host, then the other way round
	KLED_TENANT_RELEASE=1.35 $(BIN)/pytest $(SKEWED) $(ARGS)
	KLED_HOST_RELEASE=1.35 $(BIN)/pytest $(SKEWED) $(ARGS)

lint: $(STAMP) ## ruff, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup ## The benchmark; writes docs/benchmarks/latest.json and its page
	@$(BIN)/python -m tools.bench $(BENCH_ARGS)

lock: $(STAMP) ## Renew the two lock files from pyproject.toml (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header -o requirements.lock pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --extra dev -o requirements-dev.lock pyproject.toml

clean: ## Remove what the targets made here (the cache folder of binaries stays)
	rm -rf $(VENV) .kled build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
