# Two commands do all: `make demo` and `make test`. Each sets up what it needs.
VENV ?= .venv
BIN := $(VENV)/bin
BENCHES := simulator gateway workbench

.PHONY: demo test test-full check serve bench setup clean $(addprefix bench-,$(BENCHES))

demo: $(VENV)/.ready  ## run the main job offline and print what happened
	@$(BIN)/tanzaku demo

serve: $(VENV)/.ready  ## the server on 127.0.0.1:4141
	@$(BIN)/tanzaku serve

test: $(VENV)/.ready clients  ## every test but the long ones
	$(BIN)/pytest -n 2 -m "not full"

test-full: $(VENV)/.ready clients  ## kills, fuzz, soak, and the whole suite on another interpreter
	$(BIN)/pytest -n 2 --dist worksteal -m full
	scripts/test-other-python $(VENV)

check: $(VENV)/.ready  ## format, lint, types, import contracts, docs drift
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --no-warn-unused-ignores tests/typing
	$(BIN)/pyright --pythonpath $(BIN)/python tests/typing
	$(BIN)/lint-imports
	$(BIN)/python scripts/docs_drift.py

bench: $(addprefix bench-,$(BENCHES))  ## every benchmark, then the table in docs/benchmarks.md
	$(BIN)/python benchmarks/table.py

$(addprefix bench-,$(BENCHES)): bench-%: $(VENV)/.ready
	$(BIN)/python benchmarks/bench_$*.py

.PHONY: clients
clients: $(VENV)/.ready  ## the other SDKs that the end-to-end tests run as clients
	@scripts/setup-clients

setup: $(VENV)/.ready

$(VENV)/.ready: uv.lock pyproject.toml scripts/setup
	@scripts/setup $(VENV)

clean:
	rm -rf .venv .venv-* .uv tests/clients/*/node_modules tests/clients/*/.venv benchmarks/aimock/node_modules benchmarks/litellm/.venv benchmarks/out
