# Everything happens in .venv and .peers, which git ignores. `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --constraint constraints.txt

BENCHMARKS := report arming cell shutdown syscalls exactness ingest scrape recordings sizing answers

.PHONY: help demo test test-cluster test-pythons preview lint bench fuzz render clean
.DEFAULT_GOAL := help

help:
	@echo "make demo          the whole pipe on this machine: real kernels, an exporter, a table and a page"
	@echo "make test          the tests, against the real statsd_exporter, Prometheus, JupyterHub, Helm … (installed on first use)"
	@echo "make test-cluster  the chart on a real Kubernetes API server, without containers (ten minutes more the first time)"
	@echo "make test-pythons  the tests on every Python from 3.9 to 3.13 that this machine has"
	@echo "make preview       the dashboards, drawn by Grafana's own panels, into docs/pictures (Chromium; 650 MB of npm's packages)"
	@echo "make lint          ruff, mypy, import contracts, rendered files"
	@echo "make bench         measurements, with the peer beside us in the same run (45 minutes; docs/benchmarks.md)"
	@echo "make fuzz          10 million hostile datagrams at a running exporter, its memory before and after"
	@echo "make render        write the rendered files anew from popcon/catalog.py"
	@echo "make clean         remove what these targets made"

$(BIN)/python:
	@echo "creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# One stamp for each list of packages, so that the demo installs no more than it needs.
$(VENV)/demo.stamp: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing popcon and what the demo runs on (half a minute the first time)"
	@$(PIP) --editable '.[demo]'
	@touch $@

$(VENV)/lint.stamp: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing popcon, the test tools and the linters"
	@$(PIP) --editable '.[lint]'
	@touch $@ $(VENV)/demo.stamp

demo: $(VENV)/demo.stamp
	@$(BIN)/popcon demo --output popcon-demo.html

test: $(VENV)/lint.stamp
	@$(BIN)/python -m tests.peers.install
	@$(BIN)/python -m pytest --numprocesses=logical --maxprocesses=4 --dist=loadfile --ignore=tests/cluster

test-cluster: $(VENV)/lint.stamp
	@$(BIN)/python -m tests.peers.install cluster
	@$(BIN)/python -m pytest tests/cluster

test-pythons: $(VENV)/lint.stamp
	@$(BIN)/python -m tests.peers.install
	@$(BIN)/python -m tests.pythons --ignore=tests/cluster

preview: $(VENV)/lint.stamp
	@$(BIN)/python -m tests.peers.install
	@$(BIN)/python -m tests.preview

lint: $(VENV)/lint.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/popcon render --check

bench: $(VENV)/lint.stamp
	@for what in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$what && echo || exit 1; done

fuzz: $(VENV)/lint.stamp
	@$(BIN)/python -m benchmarks.fuzz

render: $(VENV)/demo.stamp
	@$(BIN)/popcon render

clean:
	rm -rf $(VENV) .peers popcon-demo.html .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .grimp_cache
