# Needs Python >= 3.11, pip and make; everything else goes into .venv, at the versions of requirements.lock.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CANDIDATES := $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)
# One more than the cores of a small machine, because tests wait half of the time.
WORKERS ?= 3
BENCHMARKS := $(basename $(notdir $(wildcard benchmarks/[a-z]*.py)))
CHECKOV := .venv-checkov
CHECKOV_VERSION := 3.3.30

.DEFAULT_GOAL := help
.PHONY: help demo check test test-functions fresh installs lint bench lambdas authorities tf tf-check docs pictures lock

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 13

demo: $(INSTALLED) ## Start a stack of 40 simulated meters and open the console on it
	@$(BIN)/smarterise-ops demo

test: $(INSTALLED) ## Run all tests, including those on the local stack, and check the SDK's coverage
	@rm -f .coverage .coverage.*
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup --cov --cov-report=
	$(BIN)/python tools/coverage_gate.py

check: lint ## Lint, and the tests that the change since the upstream's last commit may affect; under 3 minutes
	$(BIN)/python -m tools.changed_tests --workers $(WORKERS)

test-functions: $(INSTALLED) ## Run the tests of the Lambda functions and the domain
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup tests/unit tests/lambdas

fresh: ## Run all tests on a bare Debian with Python 3.13; needs root and a Debian mirror
	tools/fresh-machine trixie make test

installs: $(INSTALLED) ## Install without the lock by pipx, uv and pip, and run the demo of each
	tools/check-installs

lint: $(INSTALLED) ## Check style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED) ## Measure the ratios of benchmarks/ against their limits; BENCH_LOG=file appends them as JSON lines
	@failed=0; for name in $(BENCHMARKS); do \
	  echo "== $$name"; $(BIN)/python -m benchmarks.$$name $(if $(BENCH_LOG),--append "$(BENCH_LOG)") || failed=1; \
	done; exit $$failed

lambdas: $(INSTALLED) ## Build the functions' zips for AWS Lambda into build/lambdas
	$(BIN)/python tools/build_lambdas.py

authorities: $(INSTALLED) ## Build the layer with the database's certificate authorities; downloads the AWS trust store
	$(BIN)/python tools/build_database_authorities.py

tf: $(INSTALLED) ## Check, test, plan and apply the Terraform configuration offline, with the program in TF_OFFLINE
	@if [ -z "$$TF_OFFLINE" ]; then echo "error: TF_OFFLINE is not set: set it to the offline runner" >&2; exit 2; fi
	$(BIN)/pytest tests/terraform

tf-check: $(CHECKOV)/.installed ## Check the Terraform configuration with checkov, in a separate venv
	$(CHECKOV)/bin/checkov --directory terraform --framework terraform --compact --quiet --skip-download

$(CHECKOV)/.installed: Makefile
	@rm -rf $(CHECKOV)
	$(or $(PYTHON),python3) -m venv $(CHECKOV)
	$(CHECKOV)/bin/pip install --quiet --disable-pip-version-check checkov==$(CHECKOV_VERSION)
	@touch $@

docs: $(INSTALLED) ## Generate docs/cli.md, docs/keys.md and the tables of terraform/
	$(BIN)/python tools/build_docs.py
	$(BIN)/python tools/build_terraform_docs.py

pictures: $(INSTALLED) ## Render the pictures of docs/images from a stack that runs for half an hour
	$(BIN)/python tools/build_pictures.py

lock: ## Resolve requirements.lock; keeps versions unless LOCKFLAGS=--upgrade
	$(or $(wildcard $(BIN)/uv),uv) pip compile --quiet --universal --python-version 3.11 --all-extras --group dev \
	  --no-strip-extras --generate-hashes --no-annotate --no-header $(LOCKFLAGS) -o requirements.lock pyproject.toml tools/requirements.in

$(INSTALLED): requirements.lock pyproject.toml
	@python=; \
	for candidate in $(BIN)/python $(CANDIDATES); do \
	  if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	  then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "error: no Python >= 3.11 with venv and pip among: $(CANDIDATES)" >&2; \
	  echo "try: make PYTHON=/path/to/python3.13, or on Debian: apt install python3-venv" >&2; \
	  exit 2; \
	fi; \
	"$$python" tools/install.py $(VENV)
	@touch $@
