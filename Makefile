# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
#
#   make build   .venv/bin/pysc and its native parts (quick when nothing changed)
#   make demo    build, then run a first sandbox
#   make test    build, then every check and test
#   make bench   build, then the benchmarks (BENCH_ARGS=... are handed on)
#   make docs    the generated pages under docs/
#   make clean   remove everything that was built, .venv included
#
# PYTHON=... chooses the interpreter of the virtual environment (3.11 or newer).

PYTHON ?= python3
CARGO  ?= cargo
ifeq ($(origin CC),default)
CC     := gcc
endif
VENV   := .venv
PY     := $(VENV)/bin/python
CORE   := sentry/core
STUB   := sentry/platform/stub
PACKAGES := runsc sentry gofer syscalls

# The stub's flags live here and nowhere else: no libc, no vector registers (it runs inside foreign register
# state), no red zone (it is entered by signals), one fixed high address, no executable stack, reproducible.
STUB_CFLAGS := -std=gnu11 -O2 -ffreestanding -fno-stack-protector -fno-pic -fno-asynchronous-unwind-tables \
    -mgeneral-regs-only -mno-red-zone -fcf-protection=none -mcmodel=large -Wall -Wextra -Werror
STUB_LDFLAGS := -nostdlib -static -no-pie -Wl,-Ttext-segment=0x200000000000 -Wl,-z,noexecstack \
    -Wl,-z,max-page-size=4096 -Wl,--build-id=none

CORE_SOURCES := $(wildcard $(CORE)/Cargo.toml $(CORE)/Cargo.lock $(CORE)/src/*.rs $(CORE)/src/*/*.rs)
FILTER_SOURCES := $(wildcard gofer/filters.py gofer/syscalls.py sentry/jail.py sentry/platform/*.py sentry/abi/*.py) \
    $(STUB)/abi.py $(STUB)/stub_abi.h
STUB_SOURCES := $(wildcard $(STUB)/*.c $(STUB)/*.S)

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all build demo test lint check-rust bench docs clean native stub core filters

all: build

# ---------------------------------------------------------------- build

build: $(VENV)/.installed native
	@$(PY) -m compileall -q $(PACKAGES)
	@echo "==> ready: $(VENV)/bin/pysc"

$(VENV)/.created: scripts/system-packages
	@scripts/system-packages build "$(PYTHON)"
	@[ -x $(PY) ] || { echo "==> creating $(VENV)"; "$(PYTHON)" -m venv $(VENV); }
	@touch $@

$(VENV)/.installed: pyproject.toml scripts/install.py $(VENV)/.created
	@$(PY) scripts/install.py
	@touch $@

$(VENV)/.system-test: scripts/system-packages tests/system_packages.txt $(VENV)/.created
	@scripts/system-packages test "$(PYTHON)"
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@$(PY) scripts/install.py --test
	@touch $@

native: stub core filters

stub: $(STUB)/stub.elf
core: $(VENV)/.core
filters: $(VENV)/.filters

$(STUB)/stub.elf: $(STUB_SOURCES) $(wildcard $(STUB)/*.h $(CORE)/*.h)
	@echo "==> building the stub"
	$(CC) $(STUB_CFLAGS) -I$(STUB) -I$(CORE) -o $@.tmp $(STUB_SOURCES) $(STUB_LDFLAGS)
	@chmod 755 $@.tmp && mv $@.tmp $@

$(CORE)/target/release/libpysc_core.a: $(CORE_SOURCES)
	@echo "==> building the native core"
	cd $(CORE) && $(CARGO) build --release --offline
	@touch $@

# The extension fits one interpreter, so the record of it lies with that interpreter. Its inputs are listed, not the
# whole of .installed, so that a change of a lint rule does not compile anything.
$(VENV)/.core: $(CORE)/target/release/libpysc_core.a $(wildcard $(CORE)/*.h) $(CORE)/build_core.py | $(VENV)/.installed
	@echo "==> building the core's Python extension"
	@# from a folder without a pyproject.toml, which setuptools would read and comment on
	cd $(CORE) && $(abspath $(PY)) -P -W 'ignore:Support for:UserWarning' build_core.py
	@touch $@

# libseccomp takes longer to compile a filter than a sandbox to start, so it is done once, here.
$(VENV)/.filters: $(FILTER_SOURCES) $(VENV)/.core
	@echo "==> compiling the seccomp filters"
	$(PY) -m gofer.filters
	$(PY) -m sentry.platform.filters
	@touch $@

# ---------------------------------------------------------------- use

demo: build
	@echo "==> $(VENV)/bin/pysc do -- /bin/sh -c 'echo hello from pysc; uname -a; id'"
	@$(VENV)/bin/pysc do -- /bin/sh -c 'echo hello from pysc; uname -a; id'

BENCH_ARGS ?=
bench: build
	$(PY) -m benchmarks $(BENCH_ARGS)

docs: build
	$(PY) -m scripts.generate_docs

# ---------------------------------------------------------------- checks

test: build lint check-rust
	$(PY) -m pytest $(PYTEST_ARGS) tests

lint: $(VENV)/.installed-test native
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) -m scripts.generate_docs --check

check-rust: $(VENV)/.system-test
	cd $(CORE) && $(CARGO) clippy --offline --all-targets --quiet -- -D warnings
	cd $(CORE) && $(CARGO) test --offline --quiet

clean:
	rm -rf $(VENV) build dist *.egg-info $(CORE)/target $(CORE)/build $(CORE)/_core*.so $(CORE)/_core.c \
	    $(CORE)/_core.o $(STUB)/stub.elf gofer/filter.bpf sentry/platform/compiled .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find $(PACKAGES) tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +
