# Wren. `make` alone prints this help. Everything needs only git, make and Python 3.11 or newer (and Python 3.10 for Rasa).
SHELL := /bin/bash
PYTHON ?= python3
UV_HOME := .tools/uv
UV := $(UV_HOME)/bin/uv
APP := .venv/bin
NLU := nlu_server/.venv/bin
COMPILE := $(UV) pip compile -q --generate-hashes --no-emit-index-url --custom-compile-command "make lock"
TEST_FLAGS ?=
# What is installed for the app: with the tools for tests, or (requirements/app.txt) what running it needs.
APP_LOCK ?= requirements/dev.txt

.DEFAULT_GOAL := help
.PHONY: chaos coverage help setup run chat train test check lint types contracts content format rasa-validate rasa-test rasa-shell benchmark lock check-lock clean

help:  ## Print this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.installed nlu_server/.venv/.installed  ## Make both environments (the app's, and Rasa's on Python 3.10)

run: setup  ## Start everything on this machine and print the addresses; Ctrl-C stops it
	@exec $(APP)/bot run

chat: setup  ## Talk to Wren in this terminal
	@exec $(APP)/bot chat

train: setup  ## Train the models if what they learn from has changed
	@$(APP)/bot train

test: setup check  ## Set up, run every check and every test
	@$(APP)/bot train
	@$(APP)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(TEST_FLAGS)

coverage: setup train  ## Run the tests and report what of bot/ and services_directory/ they cover
	@$(APP)/coverage erase
	@$(APP)/coverage run -m pytest $(TEST_FLAGS)
	@$(APP)/coverage combine -q
	@$(APP)/coverage report --skip-covered --sort=cover

check: setup lint types contracts content check-lock  ## Lint, types, import contracts, content, locks

lint: setup
	@$(APP)/ruff check .
	@$(APP)/ruff format --check .

types: setup
	@$(APP)/mypy

contracts: setup
	@$(APP)/lint-imports

content: setup
	@$(APP)/bot content check

format: setup  ## Format the code
	@$(APP)/ruff check --fix . ; $(APP)/ruff format .

rasa-validate: setup  ## Rasa's own check of our files
	@$(APP)/bot rasa-tool data validate

rasa-test: setup train  ## Rasa's own tests: stories, then intents of held-out messages
	@$(APP)/bot rasa-tool test

rasa-shell: setup train  ## Talk to Rasa alone: it answers references, not words
	@$(APP)/bot rasa-tool shell

chaos: setup train  ## Machines on one PostgreSQL, killed while 500 people write 10,000 messages: each answered once, in order
	@$(APP)/python -m benchmarks.chaos

benchmark: setup train  ## Latency against a plain Rasa bot, in one run
	@$(APP)/python -m benchmarks.latency

lock: $(UV)  ## Renew the locks in requirements/ (hashes, no addresses)
	@$(COMPILE) --python nlu_server/.venv nlu_server/requirements.in -o requirements/nlu.txt
	@$(COMPILE) --universal --python-version 3.11 pyproject.toml -o requirements/app.txt
	@$(COMPILE) --universal --python-version 3.11 pyproject.toml --group dev -c requirements/app.txt -o requirements/dev.txt
	@$(COMPILE) --universal --python-version 3.11 requirements/uv.in -o requirements/uv.txt

check-lock:
	@! grep -nE '://|^--(index-url|extra-index-url|find-links)' requirements/*.txt

clean:  ## Remove environments, models and local data
	rm -rf .venv nlu_server/.venv .tools var models .rasa

$(UV): requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Wren needs Python 3.11 or newer: make PYTHON=python3.12 setup"; exit 1; }
	@$(PYTHON) -m venv $(UV_HOME)
	@$(UV_HOME)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $(UV)

.venv/.installed: $(APP_LOCK) $(UV)
	@[ -x .venv/bin/python ] || $(UV) venv -q --no-project --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv
	@echo "Installing the app's environment ..." >&2
	@$(UV) pip sync -q --require-hashes --python .venv $(APP_LOCK)
	@printf '%s\n' "$(CURDIR)" > "$$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/wren.pth"
	@printf '#!/bin/sh\nexec "%s/.venv/bin/python" -m bot.cli "$$@"\n' "$(CURDIR)" > .venv/bin/bot && chmod +x .venv/bin/bot
	@$(UV) pip check -q --python .venv
	@touch $@

nlu_server/.venv/.installed: requirements/nlu.txt nlu_server/.python-version $(UV)
	@[ -x nlu_server/.venv/bin/python ] || $(UV) venv -q --no-project --directory nlu_server || { \
	  echo "Rasa 3.6 needs Python 3.10, which was not found. With internet access, uv installs it:  $(UV) python install 3.10"; \
	  echo "or install Python 3.10 your usual way (pyenv install 3.10; apt install python3.10 python3.10-venv), then run make again."; exit 1; }
	@echo "Installing Rasa's environment (about 2.5 GB the first time) ..." >&2
	@$(UV) pip sync -q --require-hashes --python nlu_server/.venv requirements/nlu.txt
	@$(UV) pip check -q --python nlu_server/.venv
	@touch $@
