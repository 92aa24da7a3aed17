# `make` alone prints what there is to make. Everything works from a fresh clone: the environment is made on the way.

.DEFAULT_GOAL := help
SHELL := /bin/bash

RUN  := .venv/bin
DEMO ?= demo
PORT ?= 3000
ARGS ?=

# A Python of one's own choice: make demo PYTHON=/path/to/python3.12
export PYTHON
# Tests and tools see the same time zone on every machine.
export TZ := UTC
export DAGSTER_DISABLE_TELEMETRY := yes

.PHONY: help demo ui test check docs soak bench lock clean environment libraries testing

help: ## print this
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 10 | sed 's/^/make /'

demo: environment ## bill a small synthetic cloud for five weeks, into demo/ (another place: DEMO=folder)
	@$(RUN)/meterbook -C "$(DEMO)" demo

ui: environment ## open Dagster on what `make demo` left, on this machine only (another port: PORT=3001)
	@test -f "$(DEMO)/meterbook.toml" || { echo "Nothing in $(DEMO)/ yet: type make demo first" >&2; exit 1; }
	@METERBOOK_DIRECTORY="$(abspath $(DEMO))" DAGSTER_HOME="$(abspath $(DEMO))/.dagster" \
		$(RUN)/dagster-webserver --host 127.0.0.1 --port $(PORT) --module-name pipelines.definitions

test: environment testing ## run the tests (some of them: ARGS="tests/rating -k tiers")
	@$(RUN)/python -m pytest --numprocesses 2 --dist loadscope $(ARGS)

check: environment ## format, lint, types, and the imports that rooms may have
	@$(RUN)/ruff format --check .
	@$(RUN)/ruff check .
	@$(RUN)/mypy
	@$(RUN)/python -m pytest --quiet tests/test_rooms.py

docs: environment ## write the price book's reference and schema
	@$(RUN)/python -m tools.write_docs

soak: environment testing ## the long tests: kills, full disks, many millions of records
	@$(RUN)/python -m pytest -m soak $(ARGS)

bench: environment ## measure an hour of 12 million records, rating alone, growth, and credit (a part: ARGS=kernel)
	@$(RUN)/python -m benchmarks $(ARGS)

# Extras stay in the file (gql[requests]==...): pip 23 takes the bare name and the name with extras for two
# requirements, and finds the second one unpinned. The last line fails when the file names an address or a path.
lock: environment ## write requirements.txt from pyproject.toml (needs uv: .venv/bin/pip install uv)
	@$(RUN)/uv pip compile pyproject.toml --quiet --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		--output-file requirements.txt
	@! grep -nE '://|file:|^ *--?(index|extra|find|trusted|i )' requirements.txt

clean: ## remove the demo and the tools' caches (.venv stays)
	@rm -rf demo build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +

environment: .venv/installed

# Made again only when what is to be installed changes.
.venv/installed: requirements.txt pyproject.toml | libraries
	@tools/set_up.sh

libraries:
	@python="$$(tools/find_python.sh)" && "$$python" tools/system_packages.py

testing:
	@$(RUN)/python tools/system_packages.py --tests
