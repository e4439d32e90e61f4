# make demo: a whole test call on this machine.  make test: the tests.  make check: what CI checks.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Optional parts to install besides, as CI does: EXTRAS=plots,webrtc,rnnoise,deepfilter,codec2,pesq,wer,amr,dask,tls,dtls,ice,dns,keyring,discovery,osc,browser
EXTRAS ?=
COMMA := ,
SOURCES := pyproject.toml meson.build tools/package_files.py $(shell find dsp softphone -type f ! -name '*.pyc' ! -name '*.so')

.PHONY: demo test interop check format lint types contracts bench bench-smoke bench-regression native dev clean

demo: $(VENV)/installed
	$(BIN)/softphone demo --out demo-out

# What needs no clock runs on all cores; what calls in real time has them to itself.
APART := tests/alignment tests/call tests/capture tests/checks tests/cli tests/control tests/dsp tests/filters tests/metrics \
  tests/phonation tests/radio tests/rtp tests/scorer tests/sdp tests/sip tests/voice

test: $(VENV)/installed
	$(BIN)/pytest -n auto $(PYTEST_ARGS) $(APART)
	$(BIN)/pytest $(PYTEST_ARGS) $(addprefix --ignore=,$(APART))

# Calls with real peers, and the table of docs/interop.md; as root it installs those that Debian has.
interop: $(VENV)/installed
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends baresip-core sip-tester kamailio coturn tshark; fi
	$(BIN)/python tools/make_interop_table.py

# In CI's order: format, lint, types, import contracts, tests.
check: format lint types contracts test

format: $(VENV)/dev
	$(BIN)/ruff format --check .

lint: $(VENV)/dev
	$(BIN)/ruff check .

types: $(VENV)/dev
	$(BIN)/mypy

contracts: $(VENV)/dev
	PYTHONPATH=. $(BIN)/lint-imports

bench: $(VENV)/installed
	$(BIN)/python -m benchmarks.run

bench-smoke: $(VENV)/installed
	$(BIN)/python -m benchmarks.run --smoke

# Kernels against SciPy in the same run, held against the ratios in benchmarks/baseline.json.
bench-regression: $(VENV)/installed
	$(BIN)/python -m benchmarks.regression

# The extension beside its sources, to work in the tree without an installation.
native:
	cc -O3 -fno-math-errno -ffp-contract=off -shared -fPIC -Wall -Wextra -DPy_LIMITED_API=0x030b0000 \
	  $$($(PYTHON) -c 'import sysconfig; print("-I" + sysconfig.get_path("include"))') dsp/native/*.c -lm -o dsp/_native.abi3.so

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(SOURCES) | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check ".[test$(if $(EXTRAS),$(COMMA)$(EXTRAS))]"
	@touch $@

$(VENV)/dev: $(VENV)/installed
	$(BIN)/pip install --quiet --disable-pip-version-check ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) demo-out dsp/_native.abi3.so
