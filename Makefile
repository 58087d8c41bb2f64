# make run    serve the demo and open it        make test   the tests to run before every commit
# make check  style, types, layers, house rules make help   all other goals
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

VENV ?= .venv
PY := $(VENV)/bin/python
ARGS ?=
TESTS ?= otp/tests superlearner/tests tools/tests examples
SOURCES := otp/src superlearner/src
# Otherwise each process of the tests, and each program that they start, would compile every module it imports.
unexport PYTHONDONTWRITEBYTECODE
QUICK := not slow and not repeated and (not browser or page) and (not program or sample)

# An environment belongs to the folder it was made in; a copied or moved checkout recreates it.
ifneq ($(shell cat $(VENV)/made-in 2>/dev/null),$(CURDIR))
MOVED := moved
endif

PACKAGES := otp/pyproject.toml superlearner/pyproject.toml tools/bootstrap.sh

.PHONY: help
help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: install
install: $(VENV)/runtime-stamp ## create the environment for make run

.PHONY: install-dev
install-dev: $(VENV)/dev-stamp ## create it with the tools for test and check

$(VENV)/runtime-stamp: requirements/runtime.txt $(PACKAGES) $(MOVED)
	@GOAL=$(firstword $(MAKECMDGOALS)) sh tools/bootstrap.sh $(VENV) requirements/runtime.txt
	@touch $@

$(VENV)/dev-stamp: requirements/runtime.txt requirements/dev.txt $(PACKAGES) $(MOVED)
	@GOAL=$(firstword $(MAKECMDGOALS)) sh tools/bootstrap.sh $(VENV) requirements/runtime.txt requirements/dev.txt
	@touch $(VENV)/runtime-stamp $@

.PHONY: moved
moved:

.PHONY: run
run: install ## serve the demo and open it (ARGS="bank.py:Bank --port 4001")
	@exec $(VENV)/bin/superlearner run $(ARGS)

# pyright and the tests of the pages' modules run on Node; playwright brings one, so none has to be installed.
NODE = $$($(PY) -c 'import pathlib, playwright; print(pathlib.Path(playwright.__file__).parent / "driver")')

.PHONY: test
test: install-dev test-js ## run the tests, one browser test for each page, and the examples in the documentation (about 9 minutes on two cores)
	@# The tests start about a hundred programs at once, each of which would compile the modules that are not compiled yet.
	@$(PY) -m compileall -q -j 0 otp/src superlearner/src
	@# Processes share the tests, one more than there are cores; ARGS="-n 0" runs them in one, where a debugger works.
	$(PY) -m pytest -n auto -m "$(QUICK)" $(TESTS) $(if $(SOURCES),--doctest-modules $(SOURCES)) $(ARGS)

.PHONY: test-programs
test-programs: install-dev ## run all tests that start programs (about 6 minutes)
	@# Only files with the mark: collecting all others doubles the time. samples_plugin.py checks that none is missed.
	@# These tests mostly wait for programs: two processes for each core.
	$(PY) -m pytest -n $$($(PY) -c "import os; print(2 * os.cpu_count())") -m "program and not slow" \
	    $$(grep -rl --include='test_*.py' 'mark\.program' $(TESTS) 2>/dev/null || echo $(TESTS)) $(ARGS)

ON_UVLOOP := asyncio_interop/test_uvloop.py doors \
    $(patsubst %,kernel/test_%.py,borrowed_stack from_thread grants interrupts many_links node node_close program \
        scheduler starting timers wrong_thread) \
    $(patsubst %,behaviours/test_%.py,application dynamic_supervisor os_process registry task_blocking) \
    $(patsubst %,peer/test_%.py,ended linking no_orphans peer scarce)
ON_UVLOOP_ALL := asyncio_interop/test_uvloop.py behaviours doors kernel peer

.PHONY: test-uvloop
test-uvloop: install-dev ## run tests of kernel, behaviours, doors and peers on uvloop (ALL=1: all of them)
	EVENT_LOOP=uvloop $(PY) -m pytest -n auto -m "not slow and not repeated and not hypothesis" \
	    $(addprefix otp/tests/,$(if $(ALL),$(ON_UVLOOP_ALL),$(ON_UVLOOP))) $(ARGS)

.PHONY: suites
suites: install-dev ## run CPython's tests of asyncio in processes (ALL=1: all of them, and those of anyio)
	$(PY) -m tools.foreign_suites asyncio $(if $(ALL),,--quick)
	$(if $(ALL),$(PY) -m tools.foreign_suites anyio)

.PHONY: test-browser
test-browser: install-dev ## run all browser tests (about 9 minutes on two cores)
	@# Each file runs in one process, because its tests share a platform.
	$(PY) -m pytest -n auto --dist loadfile -m "browser and not slow" superlearner/tests/web/browser $(ARGS)

.PHONY: check
check: install-dev ## check style, types, layers, wording and house rules
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	PATH="$(NODE):$$PATH" $(PY) -m pyright --pythonpath $(PY)
	$(VENV)/bin/lint-imports --no-logo
	$(VENV)/bin/lint-imports --no-logo --config tools/annotation_layers.toml
	$(PY) -m tools.check_tests
	$(PY) -m tools.check_order
	$(PY) -m tools.check_repo
	$(PY) -m tools.check_language
	$(PY) -m tools.check_commands
	$(PY) -m tools.check_conformance
	$(PY) -m tools.rooms --check
	$(PY) -m tools.commands --check
	$(PY) -m tools.restart_rules --check
	$(PY) -m tools.api_types --check

.PHONY: check-js
check-js: ## check the types of the JavaScript modules (needs npx, which comes with Node)
	@command -v npx >/dev/null || { echo "make check-js needs npx: install Node and npm"; exit 1; }
	npx --yes --package typescript@7.0.2 tsc -p superlearner/jsconfig.json

.PHONY: test-js
test-js: install-dev ## run the tests of pure JavaScript modules (a second; part of make test)
	@"$(NODE)/node" --test --test-reporter=dot superlearner/tests/web/js/*.test.js

.PHONY: format
format: install-dev ## format the code
	$(PY) -m ruff check --fix-only --quiet .
	$(PY) -m ruff format .

.PHONY: commands
commands: install-dev ## update the commands of the operations, after you add or change one
	$(PY) -m tools.commands

.PHONY: cover
cover: install-dev ## run the tests and report uncovered lines
	$(PY) -m coverage erase
	$(PY) -m coverage run -m pytest -m "not slow" $(TESTS)
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report

CORPUS := otp/tests/conformance/corpus
MODES := shared-scheduler seeded queued inline
CATALOGUE := $(CORPUS)/catalogue/*.json
define replay
	@printf '%s\n' $(MODES) | xargs -P "$$(getconf _NPROCESSORS_ONLN)" -I MODE \
	    $(PY) otp/tests/conformance/run.py --mode MODE $(CATALOGUE) $(1)
	$(PY) otp/tests/conformance/run.py --mode plain $(CATALOGUE)
endef

.PHONY: conformance
conformance: install-dev ## replay recorded scenarios of Erlang/OTP: the catalogue and 1,000 random ones in four modes, the catalogue in a plain loop
	$(call replay,$(CORPUS)/random/seeds_00000_00999.jsonl.gz)

.PHONY: conformance-all
conformance-all: install-dev ## replay every recorded scenario
	$(call replay,$(CORPUS)/random/*.jsonl.gz)

.PHONY: fuzz
fuzz: install-dev ## compare N new random scenarios with an installed Erlang/OTP (N=300 SEED=0)
	$(PY) otp/tests/conformance/fuzz.py -n $(or $(N),300) --seed $(or $(SEED),0) $(ARGS)

.PHONY: mutants
mutants: install-dev ## test the tests with N small faults in the engine, drawn by SEED (N=400 SEED=1)
	$(PY) -m tools.mutants -n $(or $(N),400) --seed $(or $(SEED),1) $(ARGS)

.PHONY: house
house: install-dev ## print the figures of the layout (FOLDER=another checkout)
	@$(PY) -m tools.house $(FOLDER)

.PHONY: schemathesis
schemathesis: install-dev ## test the API against its OpenAPI document (EXAMPLES=15 random requests an operation, SEED=1)
	EXAMPLES=$(or $(EXAMPLES),15) SEED=$(or $(SEED),1) \
	    $(PY) -m pytest -m slow superlearner/tests/contract/test_schemathesis.py $(ARGS)

.PHONY: wheels
wheels: install-dev ## build both wheels and test them in an empty environment
	$(PY) -m pytest -m slow tools/tests/test_wheels.py

.PHONY: soak
soak: install-dev ## run the example service for SECONDS=3600 under load, kills and restarts of its servers (SEED=random, needs PostgreSQL and Redis)
	@$(PY) -m examples.orders.soak --seconds $(or $(SECONDS),3600) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: slow
slow: install-dev ## run the slow tests and the second seed (SHARE=3: a third of the random histories, others each day)
	SHARE=$(SHARE) $(PY) -m pytest -n auto -m "slow or repeated" $(TESTS)

.PHONY: bench
bench: install-dev ## run the benchmarks and write docs/performance.md; refused on a loaded machine (ARGS=--anyway only prints)
	$(PY) -m benchmarks $(ARGS)

.PHONY: bench-web
bench-web: install-dev ## run the benchmarks of the pages and write docs/web-performance.md (needs Chromium)
	$(PY) -m benchmarks --only web $(ARGS)

.PHONY: bench-cluster
bench-cluster: install-dev ## run the benchmarks of a cluster and write docs/cluster-performance.md (beside Erlang, if installed)
	$(PY) -m benchmarks.cluster $(ARGS)

.PHONY: bench-course
bench-course: install-dev ## run the benchmarks of the course and write docs/course-performance.md
	$(PY) -m benchmarks.course $(ARGS)

.PHONY: bench-crash-loop
bench-crash-loop: install-dev ## measure how the platform answers during a crash loop, with and without recorded restarts
	$(PY) -m benchmarks.crash_loop $(ARGS)

.PHONY: screenshots
screenshots: install-dev ## update docs/pictures in both themes, wide and narrow, and the animation of the README
	$(PY) -m tools.screenshots $(ARGS)
	$(PY) -m tools.animation $(ARGS)

.PHONY: vendor
vendor: install-dev ## bundle the editor and the templates from the lock in tools/vendoring (needs npm)
	$(PY) -m tools.vendor

.PHONY: full
full: ## run everything, on every Python what depends on it (at most 90 minutes)
	bash .ci/full

.PHONY: lock
lock: ## update the locks from requirements/*.in (needs uv)
	cd requirements && for name in runtime dev foreign; do \
	    uv pip compile --universal --python-version 3.11 --upgrade --generate-hashes --no-header --no-annotate \
	        --no-emit-index-url --no-emit-find-links --quiet $$name.in --output-file $$name.txt || exit 1; \
	done

.PHONY: clean
clean: ## remove build results (the environment stays)
	rm -rf build dist otp/dist superlearner/dist htmlcov .coverage .coverage.* .pytest_cache .ruff_cache .import_linter_cache
