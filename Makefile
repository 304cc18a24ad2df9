# Every habit of this project is a target here; CI calls the same ones.
# A machine needs Python 3.11 or newer, Node 20 or newer, make, and the package registries.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

PYTHON ?= python3
STAGE ?= dev
PURGE ?=
CDK_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip
MINISTACK := .local/ministack-venv
BENCH := .local/bench-venv
COMPILE := ../$(UV) compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-header --no-annotate
# A stamp is touched when what it names was made from what it depends on.
UV_STAMP := $(VENV)/.uv-installed
VENV_STAMP := $(VENV)/.synced
MINISTACK_STAMP := $(MINISTACK)/.synced
BENCH_STAMP := $(BENCH)/.synced
NODE_STAMP := node_modules/.installed
PROMETHEUS_STAMP := .local/prometheus/.unpacked

SOURCES := $(wildcard app.py stacks ops functions layers/tillgate/python/tillgate tests bench)
# Run at once: the first two mostly wait, for servers and deadlines; the others compute.
STORING := tests/integration
SERVING := tests/e2e tests/chaos
SYNTHESISING := tests/infra
COMPUTING := $(filter-out $(STORING) $(SERVING) $(SYNTHESISING) %.py %/__pycache__,$(wildcard tests/*))
PYTEST := $(BIN)/pytest -q -m "not proof and not chaos"
# What is SQL's own is tried on both versions of Postgres at once; how processes and connections
# behave on the newer alone, and on the older by `make proof`.
ON_BOTH := not postgres16 or test_migrations or test_privileges or test_one_or_many or test_partitions
ON_BOTH += or test_same_key or test_stored_values or test_attempts_by or _store.py or test_isolation
# What mypy reads in a quarter of a minute. The tests and the stacks, which read aws_cdk, take it five
# and three gigabytes: `make proof` checks them, and here they are run.
TYPED := $(filter-out app.py stacks tests,$(SOURCES))

# pip's index is uv's too, where one is set.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX := $(PIP_INDEX_URL)
endif
export UV_HTTP_TIMEOUT ?= 120
# Trust whom the machine trusts: behind a company's proxy that is more than uv's own list.
export UV_SYSTEM_CERTS ?= 1
# Else each process compiles anew what the one before it compiled.
unexport PYTHONDONTWRITEBYTECODE
# Node 20 does; jsii would say its age again at every synth, in a box of its own.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20

##@ Use it
.PHONY: help
help: ## Show this
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV_STAMP) $(MINISTACK_STAMP) $(NODE_STAMP) layers-local ## Start or repair the local stack, and send it sample events
	@$(BIN)/python -m ops.local up

.PHONY: down
down: $(VENV_STAMP) ## Stop the local stack; PURGE=1 forgets its data
	@$(BIN)/python -m ops.local down $(if $(PURGE),--purge)

##@ Check it
.PHONY: test
test: lint $(MINISTACK_STAMP) $(NODE_STAMP) $(PROMETHEUS_STAMP) layers ## Everything that a change must pass: lint, types, contracts, speed, every suite
	@# Before the suites, which would be measured with it.
	$(BIN)/python -m bench --quick
	@# Beside the suites, which also wait.
	@$(MAKE) types > build/types.log 2>&1 & types=$$!; \
	suites=0; $(MAKE) suites || suites=$$?; \
	wait $$types || { cat build/types.log; exit 1; }; \
	exit $$suites

.PHONY: suites
suites: $(VENV_STAMP) $(MINISTACK_STAMP) $(NODE_STAMP) $(PROMETHEUS_STAMP) layers
	@$(PYTEST) $(COMPUTING) > build/computing.log 2>&1 & computing=$$!; \
	$(PYTEST) $(SYNTHESISING) > build/synthesising.log 2>&1 & synthesising=$$!; \
	$(PYTEST) $(SERVING) > build/serving.log 2>&1 & serving=$$!; \
	failed=0; $(PYTEST) -n 3 --dist loadfile -k "$(ON_BOTH)" $(STORING) || failed=$$?; \
	wait $$serving || { failed=$$?; cat build/serving.log; }; \
	wait $$synthesising || { failed=$$?; cat build/synthesising.log; }; \
	wait $$computing || { failed=$$?; cat build/computing.log; }; \
	tail -qn 1 build/serving.log build/synthesising.log build/computing.log; \
	exit $$failed

.PHONY: proof
proof: $(VENV_STAMP) $(MINISTACK_STAMP) $(NODE_STAMP) $(PROMETHEUS_STAMP) layers ## The slow proofs: crashes, races, property tests at length
	@$(MAKE) types-all
	$(PYTEST) -n 3 --dist loadfile -k "not ($(ON_BOTH))" $(STORING)
	$(BIN)/pytest -q -m proof --timeout 1800 tests
	@$(MAKE) chaos

.PHONY: chaos
chaos: $(VENV_STAMP) $(MINISTACK_STAMP) ## Failures under load: 29 scenarios, each reckoned event by event
	$(BIN)/pytest -q -m chaos tests/chaos

.PHONY: bench
bench: $(VENV_STAMP) $(BENCH_STAMP) layers-local ## Measure against the floor and the peer: build/evidence/bench.json, build/bench.svg
	@$(BIN)/python -m bench

.PHONY: lint
lint: $(VENV_STAMP) ## Style, import contracts, dependencies that are used and declared
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/deptry layers/tillgate/python functions
	$(BIN)/deptry . --config requirements/deptry.toml
	@$(MAKE) workflows

.PHONY: workflows
workflows: $(VENV_STAMP) ## What GitHub runs: of its schema, pinned, with no right too many (no network)
	$(BIN)/zizmor --offline --quiet --no-progress --persona auditor --strict-collection .github
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

.PHONY: audit
audit: $(VENV_STAMP) $(MINISTACK_STAMP) $(BENCH_STAMP) ## Known vulnerabilities and licences of all that is installed (asks PyPI and npm)
	@$(BIN)/python -m ops.supply.audit

.PHONY: format
format: $(VENV_STAMP) ## Put the code into the one format, and mend what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: types
types: $(VENV_STAMP) $(NODE_STAMP) ## mypy and pyright, of what is shipped and what people run
	$(BIN)/mypy $(TYPED)
	node_modules/.bin/pyright layers/tillgate/python ops

.PHONY: types-all
types-all: types ## The same, and mypy of the stacks and the tests (pyright takes none of jsii's protocols)
	$(BIN)/mypy $(SOURCES)

.PHONY: unit
unit: $(VENV_STAMP) layers-local ## Unit and architecture tests
	$(PYTEST) $(wildcard tests/unit tests/architecture)

.PHONY: contract
contract: $(VENV_STAMP) $(PROMETHEUS_STAMP) ## Contract tests
	$(PYTEST) tests/contract

.PHONY: infra
infra: $(VENV_STAMP) $(PROMETHEUS_STAMP) layers ## The stacks, synthesised for every stage
	$(PYTEST) tests/infra

.PHONY: integration
integration: $(VENV_STAMP) $(PROMETHEUS_STAMP) ## Against real Postgres 16 and 18
	$(PYTEST) tests/integration

.PHONY: e2e
e2e: $(VENV_STAMP) $(MINISTACK_STAMP) $(NODE_STAMP) $(PROMETHEUS_STAMP) layers-local ## Over HTTP, on a local stack of its own
	$(PYTEST) tests/e2e

##@ Ship it
.PHONY: layers
layers: $(VENV_STAMP) ## Build the Lambda layers for this machine and for AWS
	@$(BIN)/python -m ops.layers

.PHONY: layers-local
layers-local: $(VENV_STAMP)
	@$(BIN)/python -m ops.layers --target local

.PHONY: sbom
sbom: $(VENV_STAMP) ## Say what ships, as CycloneDX: build/sbom/tillgate.cdx.json
	@$(BIN)/python -m ops.layers --target aws

.PHONY: synth
synth: $(VENV_STAMP) $(NODE_STAMP) layers ## Synthesise every stage: no network, no credentials
	for stage in local dev prod; do node_modules/.bin/cdk synth --quiet -c stage=$$stage --output build/cdk.out/$$stage; done

.PHONY: deploy
deploy: $(VENV_STAMP) $(NODE_STAMP) ## Deploy STAGE (dev) to the AWS account of the environment
	$(BIN)/python -m ops.layers --target aws --require-bytecode
	node_modules/.bin/cdk deploy --all $(if $(CI),--require-approval never) -c stage=$(STAGE) $(CDK_ARGS)

##@ Keep it
.PHONY: lock
lock: $(UV_STAMP) ## Resolve requirements/*.in and package.json again, with hashes
	cd requirements && for name in bootstrap vendor ministack; do \
	  $(COMPILE) --output-file $$name.txt $$name.in; \
	done
	# What is shipped is what is tested: one version of each.
	cd requirements && $(COMPILE) -c bootstrap.txt -c vendor.txt --output-file dev.txt dev.in
	# The peer gets the psycopg and pydantic that ours has.
	cd requirements && $(COMPILE) -c vendor.txt --output-file bench.txt bench.in
	npm install --package-lock-only --ignore-scripts

.PHONY: rules
rules: $(VENV_STAMP) ## Make Prometheus' alerting rules anew from stacks/alerts
	$(BIN)/python -m ops.prometheus_rules

.PHONY: clean
clean: ## Remove what was built; the local stack's data stays
	rm -rf build cdk.out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	find $(wildcard app.py stacks ops functions layers tests bench) -name __pycache__ -type d -exec rm -rf {} +

# What the targets stand on; quick when nothing changed.
$(UV_STAMP): requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.13 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV_STAMP): requirements/dev.txt pyproject.toml $(UV_STAMP)
	$(UV) sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt
	$(UV) install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(MINISTACK_STAMP): requirements/ministack.txt $(UV_STAMP)
	$(PYTHON) -m venv --clear --without-pip $(MINISTACK)
	$(UV) sync --quiet --python $(MINISTACK)/bin/python --require-hashes $<
	@touch $@

# Byte code is compiled at once: a peer whose cold start compiled it would be no peer.
$(BENCH_STAMP): requirements/bench.txt $(UV_STAMP)
	$(PYTHON) -m venv --clear --without-pip $(BENCH)
	$(UV) sync --quiet --compile-bytecode --python $(BENCH)/bin/python --require-hashes $<
	@touch $@

$(PROMETHEUS_STAMP): ops/prometheus.py | $(UV_STAMP)
	@$(BIN)/python -m ops.prometheus
	@touch $@

$(NODE_STAMP): package-lock.json package.json .npmrc
	npm ci --silent --no-audit --no-fund
	@touch $@
