# `make run` and `make test` need nothing but Python 3.11: they set everything else up.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON_INSIDE := .venv/bin/python
# Test processes at a time.
JOBS ?= 7

.PHONY: help run test check lint mutants crashes kills oracle explore fuzz coverage format bench soak lock clean setup setup-dev

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

run: setup ## Answer a simulated call, then keep serving (ONCE=1: end after the call)
	@.venv/bin/frontdesk try $(if $(ONCE),--once)

# Compiled tests are kept whatever the shell says: each process would compile all of them anew.
test: export PYTHONDONTWRITEBYTECODE :=
test: setup-dev ## Run the tests
	$(PYTHON_INSIDE) -m pytest --collect-only -qq > /dev/null || true
	$(PYTHON_INSIDE) -m pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder $(ARGS)

check: lint test ## Check formatting, lint, types and laws, then run the tests, as CI does

lint: setup-dev ## Check formatting, lint, types and laws
	$(PYTHON_INSIDE) -m ruff format --check .
	$(PYTHON_INSIDE) -m ruff check .
	$(PYTHON_INSIDE) -m mypy
	$(PYTHON_INSIDE) -m pytest tests/test_imports.py tests/test_gates.py

mutants: setup-dev ## Plant bugs one by one; the tests must notice each (minutes)
	$(PYTHON_INSIDE) -m tests.mutants $(ARGS)

crashes: setup-dev ## Kill a process at every point of a dispatch; the next must make it whole (minutes)
	$(PYTHON_INSIDE) -m tests.tools.crashes $(ARGS)

kills: setup-dev ## Kill servers under callers; each call must go on elsewhere (minutes; ARGS="points seed")
	$(PYTHON_INSIDE) -m tests.telephony.kills $(ARGS)

explore: setup-dev ## Try many more, and new, examples in the property tests (minutes)
	FRONTDESK_EXPLORE=1 $(PYTHON_INSIDE) -m pytest -n $(JOBS) --timeout 1200 \
		$(shell grep -rlE "from (hypothesis|tests.exploring)" tests --include="test_*.py") $(ARGS)

# Of each parser in turn.
SECONDS ?= 60
FUZZED ?= twilio realtime turns live stream frames

fuzz: setup-dev ## Throw made-up bytes at the parsers (SECONDS=60 for each; FUZZED="twilio" only that)
	@infra/throwaway.sh fuzz --beside 'atheris>=3'
	for each in $(FUZZED); do build/fuzz/bin/python -m tests.fuzzer $$each $(SECONDS) build/fuzzed || exit 1; done

coverage: setup-dev ## Say which lines and branches no test runs
	$(PYTHON_INSIDE) -m coverage run -m pytest $(ARGS)
	$(PYTHON_INSIDE) -m coverage report --skip-covered --show-missing

format: setup-dev ## Put the code into its standard form
	$(PYTHON_INSIDE) -m ruff check --fix .
	$(PYTHON_INSIDE) -m ruff format .

oracle: setup-dev ## Measure how exactly "heard" is known on bad lines (ARGS=calls)
	$(PYTHON_INSIDE) -m tests.telephony.campaign $(ARGS)

# A peer that cannot be installed is left out.
bench: setup-dev ## Measure what a call costs, here and on other people's bridges
	-infra/throwaway.sh peer-agents 'openai-agents>=0.24' fastapi uvicorn websockets
	-infra/throwaway.sh peer-pipecat 'pipecat-ai[openai,websocket]>=1.14' uvicorn
	$(PYTHON_INSIDE) -m tests.bench --runs 3 --peers "minimal sample" openai-agents pipecat $(ARGS)

# Nothing else should be running.
MINUTES ?= 30

soak: setup-dev ## Let calls come and go with faults: nothing may grow (MINUTES=30 ARGS="--calls 60")
	$(PYTHON_INSIDE) -m tests.bench.soak --minutes $(MINUTES) --report build/soak.md $(ARGS)

LOCK := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --extra build

lock: setup-dev ## Compile the lock files from pyproject.toml
	$(PYTHON_INSIDE) -m pip install --quiet uv
	$(LOCK) pyproject.toml -o infra/requirements.lock
	$(LOCK) --extra dev -c infra/requirements.lock pyproject.toml -o infra/requirements-dev.lock

clean: ## Remove the environment and all caches; calls and settings stay
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
	find agents infra telephony tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

setup: ## Install the packages this version needs, after an update
	@infra/setup.sh run

setup-dev:
	@infra/setup.sh dev
