# Everything starts here: `make` lists the commands. Needed: python3 (3.11 or newer) with venv, make;
# gcc for the native engine. Whatever else a command needs it fetches by itself, without root, into
# .venv/ and .testbed/.

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
# The interpreter of a new .venv: the first that is new enough and can make one. PYTHON=… overrides.
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& echo $$p && break; done)
PIP := $(PY) -m pip --disable-pip-version-check install -q
ARGS ?=

RUN_STAMP := $(VENV)/.everywire-run
DEV_STAMP := $(VENV)/.everywire-dev

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow check format build bench bench-hub bench-socketio bench-dialects bench-asgi bench-channels autobahn socketio signalr sockjs uvicorn one-channel channels fuzz web docs clean distclean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## install everywire here and chat with yourself in two browser tabs
	$(BIN)/everywire demo $(ARGS)

test: build $(DEV_STAMP) ## fetch what the tests need, check the house, run every everyday test
	@EVERYWIRE_TEST_REQUIRE=1 $(PY) tools/everyday.py $(ARGS)

test-slow: build $(DEV_STAMP) ## the tests marked slow
	EVERYWIRE_TEST_REQUIRE=1 $(PY) -m pytest -q -m slow --timeout 600 $(ARGS)

check: $(DEV_STAMP) ## format, lint, types, import contracts, house test
	@$(PY) tools/everyday.py --only check

format: $(DEV_STAMP) ## rewrite the sources as the formatter wants them
	$(BIN)/ruff format . && $(BIN)/ruff check --fix -q .

build: $(RUN_STAMP) ## compile the native modules in place; only what changed
	@$(PY) tools/native.py

bench: build $(VENV)/.everywire-bench ## measure against the peers; results in bench/results
	$(PY) bench/run.py $(ARGS)

bench-hub: build $(VENV)/.everywire-bench ## measure channels and transports against the peers
	$(PY) bench/run.py --part hub $(ARGS)
	$(PY) bench/transports.py

bench-socketio: build $(VENV)/.everywire-bench ## measure the Socket.IO dialect against its peers
	$(PY) bench/run.py --part socketio $(ARGS)

bench-dialects: build $(VENV)/.everywire-bench ## measure the SignalR and SockJS dialects beside the native one
	$(PY) bench/run.py --part signalr $(ARGS)
	$(PY) bench/run.py --part sockjs $(ARGS)

bench-asgi: build $(VENV)/.everywire-bench ## measure WebSockets of ASGI applications beside other servers
	$(PY) bench/run.py --part asgi $(ARGS)

bench-channels: build $(VENV)/.everywire-bench ## measure the channel layer against those of Channels and channels_redis
	$(PY) bench/layers.py $(ARGS)

autobahn: build ## the whole Autobahn suite, both roles, native and pure (about an hour)
	$(PY) conformance/autobahn/run.py $(or $(ARGS),--all)

socketio: build ## the suites of Engine.IO and Socket.IO, native and pure, ten rounds
	$(PY) conformance/engineio/run.py $(or $(ARGS),--times 10)
	$(PY) conformance/socketio/run.py $(or $(ARGS),--times 10)

one-channel: build $(DEV_STAMP) ## every client that we speak with in one channel: who hears whom
	$(PY) conformance/one_channel/run.py $(ARGS)

signalr: build $(DEV_STAMP) ## the functional tests of SignalR's client, native and pure, in Node and in Chromium
	$(PY) conformance/signalr/run.py $(ARGS)

sockjs: build ## the suite of SockJS, native and pure, ten rounds
	$(PY) conformance/sockjs/run.py $(or $(ARGS),--times 10)

uvicorn: build $(DEV_STAMP) ## uvicorn's tests of its WebSocket implementations with ours in their place, native and pure
	$(PY) conformance/uvicorn/run.py $(ARGS)

channels: build $(DEV_STAMP) ## the test files of Channels and channels_redis on our layer, native and pure
	$(PY) conformance/channels/run.py $(ARGS)

fuzz: build $(VENV)/.everywire-fuzz ## fuzz the parsers, a million executions each
	$(PY) -m fuzz $(ARGS)

web: $(DEV_STAMP) ## rebuild the JavaScript client
	$(PY) tools/web.py $(ARGS)

docs: $(VENV)/.everywire-docs ## build the documentation's site: site/index.html
	@$(PY) tools/docsite.py $(ARGS)

clean: ## remove what builds leave behind; keeps .venv and .testbed
	rm -rf build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src -name '*.so' -delete
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove .venv and .testbed too
	rm -rf $(VENV) .testbed

$(PY):
	@test -n "$(PYTHON)" || { echo 'everywire needs Python 3.11 or newer with venv' \
		'(on Debian: apt install python3-venv), or set PYTHON=/path/to/python' >&2; exit 1; }
	@echo "making $(VENV) with $(PYTHON) …"
	@$(PYTHON) -m venv $(VENV)

# Installed once, again only when the packaging changes. The package itself is editable and installed
# pure: tools/native.py compiles in place, incrementally, and knows what to do without headers.
$(RUN_STAMP): pyproject.toml setup.py | $(PY)
	@echo "installing everywire and its requirements …"
	@$(PIP) -U 'pip>=25.1'
	@$(PIP) --group build
	@EVERYWIRE_PURE=1 $(PIP) --no-build-isolation -e .
	@touch $@

$(DEV_STAMP): $(RUN_STAMP)
	@echo "installing the tools for tests and checks …"
	@EVERYWIRE_PURE=1 $(PIP) --no-build-isolation -e '.[all]' --group dev
	@touch $@

$(VENV)/.everywire-%: $(RUN_STAMP)
	@echo "installing the tools for $* …"
	@$(PIP) --group $*
	@touch $@
