# Two commands on a fresh machine with Python 3.11+ and make: `make demo` and `make test`.
# Everything else they need, they set up themselves in .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Tests wait a good deal for what vendors ask them to wait for: one more than there are cores.
HANDS   = $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types layers docs bench pages intake crash soak lock properties wheel clean living fuzz-api limits soak-serve scale

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: $(VENV)/.run ## the main job end to end against the sandbox: no account, no server
	@$(BIN)/npsync demo

test: $(VENV)/.dev ## all tests (SQLite and a real PostgreSQL, both started by the tests)
	@$(BIN)/python -m pytest -n $(HANDS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: lint types layers test ## what CI runs

lint: $(VENV)/.dev ## ruff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev ## mypy --strict
	@$(BIN)/mypy

layers: $(VENV)/.dev ## import-linter: imports go down, never up, never sideways
	@$(BIN)/lint-imports

docs: $(VENV)/.dev ## write docs/reference/ again from the code
	@$(BIN)/python docs/generate.py

bench: $(VENV)/.dev ## speed and memory against a hand-written script, in the same run
	@$(BIN)/python -m bench $(ARGS)

pages: $(VENV)/.dev ## how soon the dashboard answers with a million answers stored, on SQLite and on PostgreSQL
	@$(BIN)/python -m bench.pages $(ARGS)
	@$(BIN)/python -m bench.pages --postgres $(ARGS)

intake: $(VENV)/.dev ## how soon hooks answer under 200 events a second, beside a sync
	@$(BIN)/python -m bench.intake $(ARGS)

crash: $(VENV)/.dev ## kill a run at every point where it touches the world, restart it, and compare
	@$(BIN)/python -m bench.crash $(ARGS)

soak: $(VENV)/.dev ## 200 runs under random faults and kills, every record held against the truth
	@$(BIN)/python -m bench.soak $(ARGS)

fuzz-api: $(VENV)/.dev ## thousands of requests of all kinds against the API, each answer held against its description
	@NPSYNC_API_CASES=150 $(BIN)/python -m pytest tests/integration/web/test_api_fuzzed.py --timeout 0 $(ARGS)

soak-serve: $(VENV)/.dev ## npsync serve for half an hour: schedules, events, visitors, faults, clumsy operators
	@$(BIN)/python -m bench.soak_serve $(ARGS)

limits: $(VENV)/.dev ## several processes keep a vendor's limit together: no 429, and how near they come to it
	@$(BIN)/python -m bench.limits $(ARGS)
	@$(BIN)/python -m bench.limits --postgres $(ARGS)

living: $(VENV)/.dev ## npsync serve beside a sandbox that lives, for twenty minutes
	@$(BIN)/python -m bench.living $(ARGS)

scale: $(VENV)/.dev ## two workers against one on 200,000 answers, the vendor's limit kept by both, then 500 kills of processes that share their work
	@$(BIN)/python -m bench.scale $(ARGS)
	@$(BIN)/python -m bench.scale --answers 60000 --concurrency 4 --workers 2 --limit 190
	@$(BIN)/python -m bench.scale --kills 500

properties: $(VENV)/.dev ## undo on 10,000 towns in memory and 200 over HTTP; 2,000 lives of invitations; 20,000 listings; 200 kills of runs that give tasks; 5,000 hooks
	@NPSYNC_CASES=10000 NPSYNC_CASES_OVER_HTTP=200 $(BIN)/python -m pytest tests/integration/sync/test_undo_properties.py \
	  tests/scenarios/test_undo_over_http.py $(ARGS)
	@NPSYNC_SHARED_CASES=1000 $(BIN)/python -m pytest tests/integration/sync/test_sync_shared.py --timeout 0
	@NPSYNC_ASKING_CASES=2000 $(BIN)/python -m pytest tests/integration/store/test_store_asking_states.py --timeout 0
	@NPSYNC_ASKED_LIVES=200 $(BIN)/python -m pytest tests/unit/triggers/test_triggers_lives.py --timeout 0
	@NPSYNC_KILLS=200 $(BIN)/python -m pytest tests/scenarios/test_killed_anywhere.py -k one_task --timeout 0
	@NPSYNC_FOLLOWED_CASES=500 $(BIN)/python -m pytest tests/integration/sync/test_followed_properties.py --timeout 0
	@NPSYNC_LISTINGS=2000 $(BIN)/python -m pytest tests/unit/connectors/test_no_answer_is_lost.py --timeout 0
	@NPSYNC_BODIES=5000 $(BIN)/python -m pytest tests/unit/webhook/test_webhook_events.py --timeout 0

wheel: $(VENV)/.dev ## build dist/*.whl
	@$(BIN)/python -m build --wheel --no-isolation

lock: $(BIN)/python ## pin again from pyproject.toml
	@$(PIP) install uv
	@$(BIN)/python -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --no-annotate --extra postgres --extra scale --extra themes pyproject.toml -o requirements.lock
	@$(BIN)/python -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --no-annotate --extra dev pyproject.toml -c requirements.lock -o requirements-dev.lock

clean: ## forget .venv, caches and builds
	@rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("npsync needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)

# --no-deps: the lock is complete. Hatchling is a build tool and comes from the lock's own pins.
$(VENV)/.run: $(BIN)/python requirements.lock pyproject.toml
	@echo "Setting up $(VENV) (once)"
	@$(PIP) install --require-hashes --no-deps -r requirements.lock
	@$(PIP) install --no-deps -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@echo "Adding the developer tools (once)"
	@$(PIP) install --require-hashes --no-deps -r requirements-dev.lock
	@touch $@
