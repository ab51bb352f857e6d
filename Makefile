# SPDX-License-Identifier: Apache-2.0
# Short names for building, trying, testing and installing fleck; Meson and Ninja do the work.
#
# Variables: JOBS=N or -jN  how many jobs at once (default: as many as processors)
#            PREFIX=DIR     where `make install` puts things (default /usr/local); DESTDIR as usual
#            SETUP=:        look for nothing, leave .deps/ alone; build with what is there
#            SUITE=NAME     `make test` runs only this room's tests
#            SECONDS=N      how long `make fuzz` runs each fuzzer (default 60; `make test` takes 3)
#            COUNT=N SEED=N what `make hostile` tries (default 2000 damaged files and 64 kills,
#                           seed 1)
#            BENCH='NAMES'  only these benchmarks: machine, image, network, ... (see perf/run)
#            BASE=REVISION  what `make bench-compare` compares with
#            CC, CFLAGS     as usual; the build folder is set up anew when they change
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:
.PHONY: all ready setup setup-check demo test check asan ubsan tsan fuzz hostile test-browser \
	bench bench-compare bench-serve serve-demo install clean distclean help

SETUP ?= tools/setup
JOBS ?= $(patsubst -j%,%,$(filter -j%,$(MAKEFLAGS)))
SUITE ?=
SECONDS ?= 60
COUNT ?= 2000
SEED ?= 1
BENCH ?=
BASE ?=
PREFIX ?= /usr/local
DESTDIR ?=

ninja = ninja $(if $(JOBS),-j $(JOBS)) -C
run_tests = meson test --no-rebuild --print-errorlogs $(if $(JOBS),--num-processes $(JOBS)) \
	$(if $(SUITE),--suite $(SUITE)) -C
log = meson-logs/testlog.txt

all: ready
	@tools/configure build
	@$(ninja) build product

ready:
	@$(SETUP) --no-root

setup:
	@$(SETUP) --say

setup-check:
	@$(SETUP) --check --say

demo: all
	@tools/demo

serve-demo: all
	@tools/serve-demo

test: ready
	@tools/configure build
	@$(ninja) build
	@rm -rf build/$(log) build/tmp build/tmp-*
	@mkdir build/tmp
	@TMPDIR=$(CURDIR)/build/tmp $(run_tests) build || true
	@$(if $(SUITE),FUZZ_SECONDS=0) tools/fuzz-briefly $(JOBS)
	@left=$$(ls -d build/tmp/* build/tmp/.[!.]* build/tmp-* 2>/dev/null); \
	if [ -n "$$left" ]; then echo "failed: tests left behind:" $$left; fi; \
	tools/count-tests build/$(log) $$(ls build-fuzz/$(log) 2>/dev/null) && [ -z "$$left" ]

# UPDATE=1 makes the pictures in docs/screenshots anew.
test-browser: ready
	@tools/configure build
	@$(ninja) build cli/fleck
	@for t in browser browser_line; do \
		python3 -B tests/serve/$$t.py build/cli/fleck . || [ $$? = 77 ] || exit 1; done

check:
	@$(SETUP) --check --no-root
	@JOBS=$(JOBS) tools/check

# OpenVINO and the BLAS are not instrumented.  Their own threads would fill a thread sanitizer's
# report, so that build leaves OpenVINO out and keeps BLAS to one thread.
asan:
	@tools/run-sanitized address $(JOBS)
ubsan:
	@tools/run-sanitized undefined $(JOBS)
tsan:
	@tools/run-sanitized thread $(JOBS)

fuzz:
	@$(SETUP) --check --no-root
	@tools/configure-fuzz
	@$(ninja) build-fuzz fuzz
	@tests/fuzz/run build-fuzz $(SECONDS)

hostile: ready
	@tools/configure build
	@$(ninja) build
	@tests/hostile/run build/cli/fleck build/tests/hostile/mutate build/tests/hostile/hurt . \
		$(SEED) $(COUNT)

bench: ready
	@tools/configure build
	@$(ninja) build product meson-benchmark-prereq
	@perf/run build $(BENCH)

bench-compare: ready
	@tools/configure build
	@$(ninja) build product meson-benchmark-prereq
	@perf/compare '$(BASE)' $(BENCH)

bench-serve: ready
	@tools/configure build
	@$(ninja) build product perf/serve_load
	@perf/serve/run build

# The prefix goes into the pkg-config file.  Programs find a new library in /usr/local/lib only
# after ldconfig.
install: all
	@meson configure -Dprefix=$(abspath $(PREFIX)) build
	@$(ninja) build product
	@DESTDIR=$(DESTDIR) meson install --no-rebuild -C build
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

clean:
	rm -rf build build-asan build-ubsan build-tsan build-fuzz build-check

distclean: clean
	rm -rf .deps demo

help:
	@echo 'make setup      install the Debian packages that are missing; says first which. ' \
		'Names optional ones'
	@echo 'make setup-check   those as well that check, fuzz and the sanitizers need'
	@echo 'make            build; the tool is then build/fleck.  Says what is missing, if anything'
	@echo 'make demo       sample images, training, prediction and evaluation, in demo/'
	@echo 'make serve-demo   the page in a browser, on the sample images; PORT=8080'
	@echo 'make test       every test; the last line counts them'
	@echo 'make test-browser   the page in a headless Chromium, at two widths; UPDATE=1 keeps pictures'
	@echo 'make check      format, clang-tidy, layers, headers, names, licence lines,' \
		'exported symbols, documents'
	@echo 'make asan       the tests under the address sanitizer; also ubsan, tsan'
	@echo 'make fuzz       each fuzzer for SECONDS=60'
	@echo 'make hostile    damaged files, kills, limits and changing files: COUNT=2000 SEED=1'
	@echo 'make bench      benchmarks, as a table and as build/bench.csv'
	@echo 'make bench-compare BASE=REVISION   the same beside an older revision, with ratios'
	@echo 'make bench-serve   fleck serve under load, beside fleck predict'
	@echo 'make install    under PREFIX=/usr/local, with DESTDIR= in front'
	@echo 'make clean      remove the build folders; distclean also .deps/ and demo/'
	@sed -n 's/^# Variables: /Variables:\n           /p; s/^#            /           /p' Makefile
