# The commands of the project. `make` alone lists them.
PYTHON ?= python3
# How many processes the suite runs in, more than there are cores, for some wait: `make test WORKERS=0` runs it in one.
WORKERS ?= 4

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
RUNTIME := $(VENV)/.runtime
REPEAT := $(if $(SEED),--seed $(SEED))
DEV := $(VENV)/.dev
# Writing the document signs nothing, but no app starts without a key.
OPENAPI := SECRET_KEY=writing-a-document-signs-nothing $(BIN)/flask --app wsgi openapi write
DATA_MODEL := SECRET_KEY=writing-a-document-signs-nothing $(BIN)/flask --app wsgi db diagram
ACCESS := SECRET_KEY=writing-a-document-signs-nothing $(BIN)/flask --app wsgi access write
# pip stays quiet about its own releases, uv about file systems that know no hard links.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_NO_PROGRESS := 1
# Nothing is left outside this folder, not even a cache.
export UV_NO_CACHE := 1
export PIP_NO_CACHE_DIR := 1
# The code is compiled once, also where the machine is told to keep nothing: else each of some fifty processes does it.
unexport PYTHONDONTWRITEBYTECODE
# uv trusts the certificates the machine trusts, as pip does.
export UV_SYSTEM_CERTS := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run web worker demo test test-deep check check-deep static lint format types layers openapi openapi-check data-model data-model-check access access-check \
	browser office pictures fuzz lint-api clients chaos \
	chaos-fcm chaos-postgres chaos-takes chaos-disk chaos-export chaos-neighbour model bench bench-latency bench-phone bench-dispatch bench-guidance bench-people bench-serving \
	bench-reports bench-customers bench-sign-in bench-sign-ins bench-contacts lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

run: $(RUNTIME) ## install, migrate, seed the demo, start web and worker; Ctrl-C drains both
	@$(PY) serve.py

web: $(RUNTIME) var/secret_key ## the web process alone
	@$(PY) -m gunicorn -c gunicorn.conf.py wsgi:app

worker: $(RUNTIME) var/secret_key ## the worker alone
	@$(PY) -m notifications

demo: $(RUNTIME) var/secret_key ## migrate and put the demo organization into the database
	@$(BIN)/flask --app wsgi db upgrade
	@$(BIN)/flask --app wsgi demo seed

test: $(DEV) ## the suite for every commit, on SQLite and on a PostgreSQL it starts by itself
	@$(PY) -m pytest -n $(WORKERS) --dist worksteal --durations=20

test-deep: $(DEV)
	@AMENDS_PROFILE=deep $(PY) -m pytest -n $(WORKERS) --dist worksteal --durations=20

check: $(DEV) ## everything that has to pass before a commit lands; how long it took, beside a fixed loop
	@$(PY) -m tests.support.timed_check static test

# Each uses one core, so they run side by side.
static: $(DEV)
	@$(MAKE) --no-print-directory -j 4 lint types layers openapi-check data-model-check access-check

check-deep: $(DEV) ## what takes long: the other database, more examples, real processes, crashes
	@$(PY) -m tests.support.timed_check test-deep

lint: $(DEV) ## style and layout
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(DEV) ## repair style and layout where that can be done safely
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

types: $(DEV) ## mypy, strict
	@$(BIN)/mypy

layers: $(DEV) ## imports point down only, from the API to the models
	@$(BIN)/lint-imports

openapi: $(RUNTIME) ## write openapi.json from the code
	@$(OPENAPI)

openapi-check: $(RUNTIME)
	@$(OPENAPI) --check

data-model: $(RUNTIME) ## write docs/data-model.md, the diagrams of the tables, from the models
	@$(DATA_MODEL)

data-model-check: $(RUNTIME)
	@$(DATA_MODEL) --check

access: $(RUNTIME) ## write docs/access.md, who may do what, from the code
	@$(ACCESS)

access-check: $(RUNTIME)
	@$(ACCESS) --check

LINT_API := $(VENV)/lint-api/node_modules/.bin
lint-api: ## check openapi.json with Spectral and Redocly; needs Node: apt-get install npm
	@mkdir -p $(VENV)/lint-api && cp tests/lint_api/package.json $(VENV)/lint-api/
	@npm install --prefix $(VENV)/lint-api --silent --no-audit --no-fund --no-package-lock
	@$(LINT_API)/spectral lint --fail-severity=warn --ruleset tests/lint_api/spectral.yaml openapi.json
	@$(LINT_API)/redocly lint --config tests/lint_api/redocly.yaml openapi.json

clients: $(DEV) ## generate clients in TypeScript, Python, Kotlin and Swift, compile them and walk the main job; needs Node
	@$(PY) -m tests.clients

fuzz: $(DEV) ## hundreds of new requests for every operation; FUZZ_EXAMPLES says how many, FUZZ_SEED repeats a run
	@seed=$${FUZZ_SEED:-$$(date +%s)}; echo "FUZZ_SEED=$$seed"; \
	AMENDS_PROFILE=deep FUZZ_SEED=$$seed FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-500} $(PY) -m pytest -n $(WORKERS) tests/contract

browser: $(VENV)/.browser ## open the pages in a real browser; needs Chromium: apt-get install chromium
	@$(PY) -m pytest -o norecursedirs=".*" tests/browser

office: $(DEV) ## open tables and workbooks in LibreOffice; needs it: apt-get install libreoffice-calc
	@$(PY) -m pytest -o norecursedirs=".*" tests/office

pictures: $(VENV)/.browser ## take the pictures in docs/images/ again; needs poppler-utils as well
	@$(PY) -m tests.browser.pictures

chaos: $(DEV) ## kill the worker a hundred times over 3,000 notifications; SEED=7 repeats a run of this and those below
	@$(PY) -m tests.chaos.drivers.killed_workers $(REPEAT)

chaos-fcm: $(DEV) ## take Firebase away in every way it can fail: delays of notifications and of the API
	@$(PY) -m tests.chaos.drivers.push_outage $(REPEAT)

chaos-postgres: $(DEV) ## crash PostgreSQL ten times under load
	@$(PY) -m tests.chaos.drivers.crashed_database $(REPEAT)

chaos-takes: $(DEV) ## fifty people take each of 200 alerts at the same moment
	@$(PY) -m tests.chaos.drivers.take_race $(REPEAT)

chaos-disk: $(DEV) ## let SQLite run out of space in the middle of every kind of write
	@$(PY) -m tests.chaos.drivers.full_disk $(REPEAT)

chaos-export: $(DEV) ## let eight people write for ten seconds while a reader follows the export: nothing missed, in order
	@$(PY) -m tests.chaos.drivers.followed_changes $(REPEAT)

chaos-neighbour: $(DEV) ## let 3,000 messages of one organization wait, and time the calls of another beside it
	@$(PY) -m tests.chaos.drivers.noisy_neighbour $(REPEAT)

model: $(DEV) ## run 10,000 random steps of the alert state machine
	@$(PY) -m tests.chaos.drivers.alert_state_machine $(REPEAT)

bench: $(DEV) ## run all benchmarks and print one table; CONCERNS=100000 for smaller reports
	@$(PY) -m bench --concerns $${CONCERNS:-10000000}

bench-serving: $(DEV) ## measure requests per second beside a bare answer and handwritten rows
	@$(PY) -m bench.serving

bench-latency: $(DEV) ## measure the time from a logged concern to Firebase, at 20 a second
	@$(PY) -m bench.latency

bench-phone: $(DEV) ## count what a phone asks for on a Friday evening, and what an unchanged home screen costs
	@$(PY) -m bench.phone

bench-dispatch: $(DEV) ## measure how fast the worker sends, beside a bare HTTP client
	@$(PY) -m bench.dispatch

bench-people: $(DEV) ## import 7,500 people while concerns are logged, on both databases
	@$(PY) -m bench.staff_import

bench-guidance: $(DEV) ## measure what guidance adds to the time of logging, with a million concerns
	@$(PY) -m bench.guidance

bench-customers: $(DEV) ## show the plans of searches among a million customers; CUSTOMERS=100000 for fewer
	@$(PY) -m bench.customers --customers $${CUSTOMERS:-1000000}

bench-reports: $(DEV) ## time reports over 10 million concerns beside raw SQL and DuckDB; CONCERNS=100000 for fewer
	@$(PY) -m bench.reports --concerns $${CONCERNS:-10000000}

bench-sign-in: $(DEV) ## compare the times of refused sign-ins: they must not tell why
	@$(PY) -m bench.sign_in_timing

bench-sign-ins: $(DEV) ## let 50 strangers sign in at once, and time everybody else alone and beside them
	@$(PY) -m bench.sign_in_flood

bench-contacts: $(DEV) ## try 10,000 contacts beyond the budget: the time must not tell which are somebody's
	@$(PY) -m bench.contact_timing

lock: $(DEV) ## resolve the newest versions the requirements allow into constraints.txt
	@cp constraints.txt $(VENV)/constraints.old && : > constraints.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
		--no-emit-find-links requirements-dev.txt tests/browser/requirements.txt -o $(VENV)/constraints.new \
		&& cp $(VENV)/constraints.new constraints.txt || { cp $(VENV)/constraints.old constraints.txt; exit 1; }

clean: ## remove what can be made again; the data in var/ stays
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .schemathesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv installs in seconds; where it cannot be had or fails, pip does the same slowly.
define install
	@$(PY) -m pip install -q -c constraints.txt uv \
		&& VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q -r $(1) \
		|| $(PY) -m pip install -q -r $(1)
endef

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Amends needs Python 3.11 or newer, and '$(PYTHON)' is not: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV)

# A stamp says that the requirements it depends on are installed.
$(RUNTIME): requirements.txt constraints.txt | $(PY)
	@echo "Installing what runs Amends ..."
	$(call install,requirements.txt)
	@touch $@

$(DEV): requirements.txt requirements-dev.txt constraints.txt | $(PY)
	@echo "Installing what runs and tests Amends ..."
	$(call install,requirements-dev.txt)
	@touch $(RUNTIME) $@

$(VENV)/.browser: tests/browser/requirements.txt $(DEV)
	@echo "Installing what opens the public pages ..."
	$(call install,tests/browser/requirements.txt)
	@touch $@

var/secret_key: | $(RUNTIME)
	@$(PY) -c 'import serve; serve.make_var()'
