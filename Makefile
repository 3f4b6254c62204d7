# Two commands matter: `make demo` and `make test`. Both make .venv first, from pyproject.toml and constraints.txt.
PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
ROOMS := bot tools storage prompts
# The network has the cores: two kinds of threads fighting for them make everything many times slower.
export OPENBLAS_NUM_THREADS := 1
TYPING := build/typing

.PHONY: demo test lint format chaos bench clean

demo: $(VENV)/.demo
	$(VENV)/bin/kenpin demo

# As many at once as there are cores; each file stays with one process, so that its fixtures are made once.
test: $(VENV)/.test
	$(VENV)/bin/python -m pytest -n auto --dist loadfile

lint: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	mkdir -p $(TYPING)/kenpin
	for room in $(ROOMS); do ln -sfn ../../../$$room $(TYPING)/kenpin/$$room; done   # mypy reads the rooms under the names they are installed by
	MYPYPATH=$(TYPING) $(VENV)/bin/mypy --config-file pyproject.toml -p kenpin

format: $(VENV)/.test
	$(VENV)/bin/ruff check --fix-only .
	$(VENV)/bin/ruff format .

chaos: $(VENV)/.test
	KENPIN_CHAOS_ROUNDS=20 $(VENV)/bin/python -m pytest tests/paths -m chaos

bench: $(VENV)/.test
	for script in bench/*.py; do echo "== $$script"; $(VENV)/bin/python $$script || exit 1; done

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Kenpin needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Name another with: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing Kenpin into $(VENV): a few minutes the first time ..."
	$(PIP) -e '.[demo]'
	touch $@

$(VENV)/.test: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing Kenpin with its test tools into $(VENV): a few minutes the first time ..."
	$(PIP) -e '.[test]'
	touch $@ $(VENV)/.demo
