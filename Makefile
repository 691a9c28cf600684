# `make` lists the targets. Nothing here needs more than Python, g++, make and perl; tests also need tcl.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready

# Idle threads sleep instead of spinning: tests share few cores.
export OMP_WAIT_POLICY := PASSIVE

.DEFAULT_GOAL := help
.PHONY: help demo test prove fuzz fuzz-loader mutate kill devtest bench lint setup clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## */\1\t/p' $(MAKEFILE_LIST) | expand -t 8

demo: $(READY)  ## build the shipped speech network for a board, verify it, show where the report is
	$(PY) -m compiler build models/gsc/sparse_sparse.pt --board u250 -o build/demo \
		--samples models/gsc/vectors.npz --verify

test: export OMP_NUM_THREADS := 1
test: $(READY)  ## run every test
	@command -v tclsh >/dev/null || $(PY) -c 'import tkinter' 2>/dev/null || \
		{ echo "error: tclsh is missing; install tcl (Debian, Ubuntu: apt install tcl)"; exit 1; }
	$(PY) -m pytest -n 2 -q

prove: $(READY)  ## prove every property of the components, the slow ones too
	$(PY) -m pytest -n 2 -q tests/proofs -m "slow_proof or not slow_proof"

fuzz: $(READY)  ## try N random networks (500 unless given): make fuzz N=2000
	N=$(or $(N),500) $(PY) -m pytest -q -n 2 tests/test_random_networks.py tests/test_random_verilog.py

fuzz-loader: $(READY)  ## fuzz the checkpoint loader, guided by its coverage, for SECONDS (60 unless given)
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fuzz]'
	$(PY) -m benchmarks.fuzz_loader -max_total_time=$(or $(SECONDS),60) build/fuzz-loader

mutate: $(READY)  ## mutate emitted Verilog at random: how many mutants does verify kill?
	$(PY) -m benchmarks.mutation

kill: $(READY)  ## kill builds and verifications at random points
	$(PY) -m benchmarks.kills

devtest: $(READY)  ## simulate the speech network on every recorded test word: make devtest DATA=FOLDER
	$(PY) -m compiler build models/gsc/sparse_sparse.pt --board u250 -o build/devtest \
		--samples $(or $(DATA),../shared/data)/gsc12_devtest.npz --verify

bench: export OMP_NUM_THREADS := 1
bench: $(READY)  ## measure what has no figures in benchmarks/RESULTS.md yet, or anew: make bench PART=conv1
	$(PY) -m benchmarks.run $(PART)

lint: $(READY)  ## check style
	$(VENV)/bin/ruff check .

setup: $(READY)  ## create .venv with the versions in constraints.txt; demo and test do it by themselves

clean:  ## remove builds; .venv stays
	rm -rf build

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || \
		{ echo "error: $(PYTHON) is missing; install Python 3.11 or newer (Debian, Ubuntu: apt install python3)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: $(PYTHON) is too old; install Python 3.11 or newer, or say make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "error: $(PYTHON) cannot make environments; install python3-venv (Debian, Ubuntu: apt install python3-venv)"; exit 1; }
	@for tool in g++ perl; do command -v $$tool >/dev/null || \
		{ echo "error: $$tool is missing; install the package $$tool (Debian, Ubuntu: apt install $$tool)"; exit 1; }; done
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
