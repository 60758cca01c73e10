# Two commands to begin with: `make demo` and `make test`. Both install what is missing and are safe to run twice.

venv := .venv
python := $(venv)/bin/python
shell_scripts := .ci/run scripts/enter-tree scripts/find-python scripts/need scripts/nix-in-suite
whole := nix or network or container

.DELETE_ON_ERROR:
.PHONY: help demo test servers unit lint format dev bench clean

help:
	@echo 'make demo     package a model, check it, start its image without network and ask it'
	@echo 'make test     run all tests'
	@echo 'make servers  package every server and run its image, the heavy ones too'
	@echo 'make unit     run the tests that take seconds and need neither Nix nor network'
	@echo 'make lint     check style, types and shell scripts'
	@echo 'make format   format the Python code'
	@echo 'make dev      make the virtual environment, $(venv)'
	@echo 'make bench    measure; writes docs/benchmarks.md'
	@echo 'make clean    remove what these commands made here (Nix stores stay)'

demo: $(venv)/ready
	@scripts/need demo
	@$(python) scripts/demo.py

test: $(venv)/ready
	@scripts/need test
	$(python) -m pytest -m 'not ($(whole))'
	$(python) -m pytest -m '$(whole)'

servers: $(venv)/ready
	@scripts/need test
	MODELPACK_TEST_HEAVY=1 $(python) -m pytest tests/test_servers.py tests/test_tensorflow_server.py tests/test_mlserver_runtimes.py

unit: $(venv)/ready
	$(python) -m pytest -m 'not ($(whole))'

lint: $(venv)/ready
	$(venv)/bin/ruff check
	$(venv)/bin/ruff format --check
	$(venv)/bin/mypy
	$(venv)/bin/mypy scripts
	@if command -v shellcheck >/dev/null; then shellcheck $(shell_scripts); else echo 'shellcheck is missing: skipped'; fi

format: $(venv)/ready
	$(venv)/bin/ruff format
	$(venv)/bin/ruff check --fix

dev: $(venv)/ready
	@scripts/need demo
	@echo 'ready: . $(venv)/bin/activate'

bench: $(venv)/ready
	@scripts/need bench
	$(python) benchmarks/run.py

clean:
	rm -rf $(venv) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A virtual environment does not survive its Python being replaced, so it is made from nothing each time.
$(venv)/ready: pyproject.toml
	@scripts/find-python >/dev/null || scripts/need demo
	rm -rf $(venv)
	"$$(scripts/find-python)" -m venv $(venv)
	$(python) -m pip install -qq --upgrade 'pip>=25.1'
	$(python) -m pip install -qq --editable . --group dev
	@touch $@
