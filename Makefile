# make demo   the main job on real data, with its report
# make test   every test
# make check  lint, types, test
# make sanitize  the kernels' parity tests under AddressSanitizer and UndefinedBehaviorSanitizer (Linux, g++)
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test check sanitize lint types clean

# Stamps say which extras the environment holds, so that `make` installs once and again only when the pins change.
$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("latchwork needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.train: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable '.[train]'
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable '.[train,dev]'
	touch $@ $(VENV)/.train

demo: $(VENV)/.train
	$(BIN)/latchwork demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

check: lint types test

# In one process, for the libraries must be loaded before Python; leaks are Python's own.
SANITIZERS = $(shell $(CXX) -print-file-name=libasan.so) $(shell $(CXX) -print-file-name=libubsan.so)
sanitize: $(VENV)/.dev
	LATCHWORK_KERNEL_FLAGS='-fsanitize=address,undefined -fno-sanitize-recover=all -g1' LD_PRELOAD='$(SANITIZERS)' \
	ASAN_OPTIONS=detect_leaks=0 $(BIN)/python -m pytest tests/kernels/test_kernel_parity.py -p no:cacheprovider \
	-k 'ragged_rows or cuts_and_the_other or no_steps or small_work or trace_and'

clean:
	rm -rf $(VENV) dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
