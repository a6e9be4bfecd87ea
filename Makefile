# The only commands. CI calls nothing else.
.PHONY: run test check bench golden reference contracts lock clean
.DEFAULT_GOAL := run

VENV := .venv
PORT ?= 8080
DATA ?= data
PIP := bin/python -m pip --disable-pip-version-check --no-input -q
PEERS := ccxt python_binance
CHAIN := chain-node/node_modules/.installed
FORGE := contracts/node_modules/.installed
# Bytecode is kept, whatever the machine says: without it each start takes a fifth longer.
export PYTHONDONTWRITEBYTECODE :=

run: $(VENV)/.installed  ## start the exchange with the demo on port 8080, data in ./data
	@[ -z "$$(command -v npm)" ] || $(MAKE) -s $(CHAIN) || echo "npm failed: no local chain" >&2
	@$(VENV)/bin/excraft up --demo --data $(DATA) --port $(PORT)

test: $(VENV)/.tools $(PEERS:%=tests/peers/%/.venv/.installed) $(CHAIN) $(FORGE)  ## every test
	@$(VENV)/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.tools  ## style, import layers, budgets, generated references
	@$(VENV)/bin/ruff check src tests bench
	@$(VENV)/bin/ruff format --check src tests bench
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/excraft reference --check
	@$(VENV)/bin/python -m pytest tests/test_tidy.py

bench: $(VENV)/.installed  ## every headline figure, one after the other
	@$(VENV)/bin/python bench/_table.py $(FLOW)

golden: $(VENV)/.tools  ## rewrite the golden files from what the program does now; read the diff
	@EXCRAFT_GOLDEN=write $(VENV)/bin/python -m pytest tests/golden

reference: $(VENV)/.installed  ## rewrite docs/reference from the source
	@$(VENV)/bin/excraft reference

contracts: $(VENV)/.installed $(FORGE)  ## compile the contracts into src/excraft/chain/contracts
	@$(VENV)/bin/python -m excraft.chain.forge

$(VENV)/bin/python:
	@python=; for p in python3 python3.13 python3.12 python3.11; do \
	    if $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	    then python=$$p; break; fi; done; \
	if [ -z "$$python" ]; then \
	    echo "ExCraft needs Python 3.11 or later with its venv module; python3 here is" \
	        "$$(python3 --version 2>&1 || true)." \
	        "On Debian or Ubuntu: apt-get install python3 python3-venv" >&2; exit 1; fi; \
	echo "Making $(VENV) with $$($$python --version)"; $$python -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml requirements.in | $(VENV)/bin/python
	@echo "Installing what the exchange needs"
	@$(VENV)/$(PIP) install --require-hashes -r requirements.lock
	@$(VENV)/$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.tools: requirements-dev.lock $(VENV)/.installed
	@echo "Installing what the tests need"
	@$(VENV)/$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

tests/peers/%/.venv/.installed: tests/peers/%/requirements.lock $(VENV)/bin/python
	@echo "Installing the client $* for the peers' tests"
	@$(VENV)/bin/python -m venv --clear tests/peers/$*/.venv
	@tests/peers/$*/.venv/$(PIP) install --require-hashes -r tests/peers/$*/requirements.lock
	@touch $@

# npm checks the hashes of the lock; `npm ci` would ask for the programs of all platforms in it.
%/node_modules/.installed: %/package.json %/package-lock.json
	@echo "Installing the programs of $*"
	@cd $* && npm install --no-save --ignore-scripts --no-audit --no-fund \
	    --loglevel=error --omit-lockfile-registry-resolved
	@touch $@

# New versions: edit a requirements*.in, run this, read the diff. Needs `pip install pip-tools`.
COMPILE := --generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate -q \
    --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options
lock:
	@pip-compile $(COMPILE) -o requirements.lock requirements.in
	@pip-compile $(COMPILE) -o requirements-dev.lock requirements-dev.in
	@for p in $(PEERS); do (cd tests/peers/$$p && pip-compile $(COMPILE) -o requirements.lock \
	    requirements.in); done

clean:
	@rm -rf $(VENV) $(PEERS:%=tests/peers/%/.venv) chain-node/node_modules contracts/node_modules contracts/build build
