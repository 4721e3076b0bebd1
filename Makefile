# SPDX-License-Identifier: GPL-2.0-only
#
# For people: 'make' or 'make help' says what there is. The work is done by
# scripts/, tests/ and bench/; the module's objects are listed in Kbuild.

GUEST ?= i386
PREFIX ?= /usr/local
KERNEL ?= /lib/modules/$(shell uname -r)/build
DESTDIR ?=

# A target whose script is not there must not look as if it had worked.
need = @test -x $(1) || { echo "make $@: there is no $(1) yet" >&2; exit 1; }

help:
	@echo "make demo              track a program in an x86-32 and in an arm64 guest"
	@echo "make test              run every test in every guest"
	@echo "make test-debug        the same in guests with kernels that watch themselves"
	@echo "make test-debug-some   the part of it that takes minutes"
	@echo "make test-leaks        what allocates much, there, where lost memory is seen"
	@echo "make test-kcsan        what does much at once, where data races are seen"
	@echo "make coverage          which lines of the module test-debug has run"
	@echo "make test-outside      tests of others: alone, and tracked"
	@echo "make fuzz              what reads what others wrote, with inputs made up"
	@echo "make test-more         the same in guests with PREEMPT_RT and Linux 6.12"
	@echo "make check             check style, types and the ABI"
	@echo "make bench             measure, and compare with the targets"
	@echo "make vm GUEST=i386     a shell in a guest (scripts/vm --list: all guests)"
	@echo "make build             build everything for every guest and this machine"
	@echo "make module            build pfstat.ko for the running kernel ($(shell uname -r))"
	@echo "make install           install tools, library and headers below PREFIX=$(PREFIX)"
	@echo "make clean             remove build/ (downloads stay in the cache)"

demo:
	@scripts/demo

test:
	$(call need,tests/run)
	@tests/run

# Without kmemleak, with which it takes half as long again: see test-leaks.
test-debug:
	$(call need,tests/run)
	@tests/run --slow 10 --vm-options "--smp 2 --append kmemleak=off" \
		--guest arm64-debug --guest i386-debug

# Page tables edited by hand and by storms, probes that come and go, threads, other users of
# kprobes, many clients.
DEBUG_SOME := pgtbl_edit pgtbl_input pgtbl_pool pgtbl_refuse pgtbl_storm pgtbl_swap pgtbl_unsafe \
	pgtbl_window failing_life pfstat_hooks pfstat_life pfstat_others pfstat_shared pfstat_storm \
	pfstat_threads pfstat_vmas upager_crowd upager_hostile
test-debug-some:
	$(call need,tests/run)
	@tests/run --slow 10 --vm-options "--smp 2" --guest i386-debug --out build/test-debug \
		$(DEBUG_SOME:%=--filter %)

# What makes allocations fail, targets of all types, pools, windows, edits, calls at random.
# Not failing_load: the kernel loses the name of a cache that it cannot show in sysfs
# (mm/slub.c:sysfs_slab_add()), which the runner knows and kmemleak does not.
LEAKS := failing_calls failing_cleanup failing_fold failing_life failing_tables \
	failing_window fuzz pfstat_cgroup pfstat_fold pfstat_log pfstat_runs pfstat_shared \
	pgtbl_edit pgtbl_pool pgtbl_storm pgtbl_unsafe pgtbl_window
test-leaks:
	$(call need,tests/run)
	@tests/run --slow 10 --vm-options "--smp 2 --append kmemleak=on --append debug_pagealloc=off" \
		--guest arm64-debug --guest i386-debug --out build/test-leaks $(LEAKS:%=--filter %)

# What has several tasks, threads or clients at the same things. Only the module is slower for
# being watched.
KCSAN_SOME := pfstat_storm pfstat_threads pfstat_module pfstat_life pfstat_hooks pfstat_record \
	pfstat_trace pfstat_top pfstat_cgroup pfstat_fold pfstat_runs pfstat_shared pgtbl_storm \
	pgtbl_window pgtbl_edit pgtbl_pool pgtbl_scan pgtbl_unsafe fuzz upager_crowd upager_ways
test-kcsan:
	$(call need,tests/run)
	@tests/run --slow 4 --guest arm64-kcsan --out build/test-kcsan $(KCSAN_SOME:%=--filter %)

coverage:
	$(call need,tests/coverage)
	@tests/coverage --lines

test-more:
	$(call need,tests/run)
	@tests/run --guest i386-rt --guest arm64-rt --guest amd64-6.12

test-outside:
	$(call need,tests/outside/run)
	@tests/outside/run

fuzz:
	$(call need,scripts/fuzz)
	@scripts/fuzz

check:
	$(call need,scripts/check)
	@scripts/hostdeps run check
	@scripts/check

bench:
	$(call need,bench/run)
	@bench/run

vm:
	@scripts/vm $(GUEST)

build:
	@scripts/hostdeps
	@scripts/build

host:
	@scripts/build host

module:
	@scripts/build --module $(KERNEL)
	@echo "Load it with: insmod build/running/module/pfstat.ko"

install: host
	@scripts/install "$(DESTDIR)$(PREFIX)"
	@echo "The module for the running kernel: make module"

clean:
	rm -rf build

.PHONY: help demo test test-debug test-debug-some test-leaks test-kcsan coverage test-more test-outside fuzz check bench vm build host module install clean
