# tidemark. `make help` lists the targets.
#
#   make DEBUG=1      without optimisation           (in build/debug)
#   make ASAN=1       the command under ASan+UBSan   (in build/asan)
#   make CC=clang     another compiler
#   make B=DIR        another place to build in

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif
ifdef DEBUG
B ?= build/debug
OPTIMISE := -O0
endif
ifdef ASAN
B ?= build/asan
OPTIMISE := -O1
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
endif
B ?= build
OPTIMISE ?= -O2
WARN := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla $(if $(WERROR),-Werror)
COMMON := -std=gnu11 -g $(OPTIMISE) $(WARN) -I. $(EXTRA_CFLAGS)
SHIM_CFLAGS := $(COMMON) -D_GNU_SOURCE -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-plt \
	-fno-stack-protector -fno-builtin-malloc -fasynchronous-unwind-tables
REPORT_PACKAGES := libdw libelf libzstd libxxhash jansson zlib libprotobuf-c ncursesw sqlite3 libunwind-ptrace
REPORT_CFLAGS := $(COMMON) $(SANITIZE) -D_GNU_SOURCE -I$(B)/report $(shell pkg-config --cflags $(REPORT_PACKAGES) 2>/dev/null)
# The demangler alone, out of the static library: the whole of libstdc++ costs each start half a millisecond.
REPORT_LIBS := $(shell pkg-config --libs $(REPORT_PACKAGES) 2>/dev/null) -lunwind-x86_64 -lunwind -l:libsupc++.a -lm -lpthread

SHIM_SRC := $(wildcard shim/*.c)
REPORT_SRC := $(wildcard report/*.c)
SHIM_OBJ := $(filter-out $(B)/shim/noop.o $(B)/shim/oracle.o $(B)/shim/fail.o,$(SHIM_SRC:%.c=$(B)/%.o))
REPORT_OBJ := $(REPORT_SRC:%.c=$(B)/%.o) $(B)/report/pprof.pb-c.o $(B)/report/html_bundle.o
UNIT := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/*_test.c))
BENCH := $(patsubst tests/bench/%,$(B)/tests/bench/%,$(basename $(wildcard tests/bench/*.c tests/bench/*.cc)))
PROGRAMS := $(patsubst tests/programs/%,$(B)/tests/programs/%,$(basename $(filter-out tests/programs/lib_%,$(wildcard tests/programs/*.c tests/programs/*.cc))))

COMPLETIONS := $(addprefix $(B)/completions/,tidemark.bash tidemark.zsh tidemark.fish)
all: $(B)/libtidemark.so $(B)/tidemark $(B)/libtidemark-noop.so $(COMPLETIONS) ## build the library and the command

$(B)/libtidemark.so: $(SHIM_OBJ) shim/exports.map
	$(CC) -shared -o $@ $(SHIM_OBJ) -Wl,-z,initfirst -Wl,-z,now -Wl,-z,relro -Wl,-soname,libtidemark.so \
		-Wl,--version-script=shim/exports.map -Wl,--no-undefined -nostartfiles
# The library with every walk checked against libunwind (shim/oracle.c).
$(B)/libtidemark-check.so: $(filter-out shim/noop.c,$(SHIM_SRC)) $(wildcard shim/*.h)
	$(CC) $(SHIM_CFLAGS) -DTIDEMARK_CHECK -shared -o $@ $(filter-out shim/noop.c,$(SHIM_SRC)) \
		-Wl,-z,initfirst -Wl,-z,now -Wl,--version-script=shim/exports.map -nostartfiles
# The library in which a system call of our own fails (shim/fail.c).
$(B)/libtidemark-fail.so: $(filter-out shim/noop.c,$(SHIM_SRC)) $(wildcard shim/*.h)
	$(CC) $(SHIM_CFLAGS) -DTIDEMARK_FAIL -shared -o $@ $(filter-out shim/noop.c shim/oracle.c,$(SHIM_SRC)) \
		-Wl,-z,initfirst -Wl,-z,now -Wl,--version-script=shim/exports.map -nostartfiles
$(B)/libtidemark-noop.so: $(B)/shim/noop.o
	$(CC) -shared -o $@ $< -Wl,-z,initfirst -Wl,-z,now -Wl,-z,relro -Wl,-soname,libtidemark-noop.so \
		-Wl,--no-undefined -nostartfiles
$(B)/tidemark: $(REPORT_OBJ)
	$(CC) $(SANITIZE) -o $@ $(REPORT_OBJ) $(REPORT_LIBS)
# Shell completions, out of what each verb says of its options.
$(B)/completions/tidemark.%: $(B)/tidemark
	@mkdir -p $(@D)
	@ASAN_OPTIONS=detect_leaks=0 $(B)/tidemark completions $* >$@
# Everything but main(): what unit tests and fuzzers link.
$(B)/report.a: $(filter-out $(B)/report/main.o,$(REPORT_OBJ))
	rm -f $@
	ar rcs $@ $^
$(B)/shim/%.o: shim/%.c $(B)/.flags
	@mkdir -p $(@D)
	$(CC) $(SHIM_CFLAGS) -MMD -MP -c -o $@ $<
$(B)/report/%.o: report/%.c $(B)/.flags | $(B)/.packages
	@mkdir -p $(@D)
	$(CC) $(REPORT_CFLAGS) -MMD -MP -c -o $@ $<
# The pprof format: code and header are made from the description.
$(B)/report/pprof.pb-c.c: report/pprof.proto | $(B)/.packages
	@mkdir -p $(@D)
	protoc-c --c_out=$(@D) --proto_path=report pprof.proto
$(B)/report/pprof.pb-c.o: $(B)/report/pprof.pb-c.c
	$(CC) $(REPORT_CFLAGS) -MMD -MP -c -o $@ $<
$(B)/report/export_pprof.o: $(B)/report/pprof.pb-c.c
# The page of `tidemark html`: bundled by esbuild, and put into the command. Empty without node.
WEB_SRC := $(wildcard report/web/src/*) report/web/build report/web/package-lock.json
$(B)/web/report.js: $(WEB_SRC) $(B)/web/.state
	@report/web/build $(abspath $(@D))
	@report/web/state >$(@D)/.state
	@touch $@
# Made again when node or the packages have come or gone.
$(B)/web/.state: FORCE
	@mkdir -p $(@D)
	@report/web/state | cmp -s - $@ || report/web/state >$@
$(B)/report/html_bundle.o: $(B)/web/report.js
	@mkdir -p $(@D)
	@for part in css js; do \
		printf '.section .rodata\n.globl html_bundle_%s, html_bundle_%s_end\nhtml_bundle_%s:\n' $$part $$part $$part; \
		printf '.incbin "%s/report.%s"\nhtml_bundle_%s_end:\n.byte 0\n' $(abspath $(B)/web) $$part $$part; \
	done >$(@D)/html_bundle.s
	@printf '.section .note.GNU-stack,"",@progbits\n' >>$(@D)/html_bundle.s
	$(CC) -c -o $@ $(@D)/html_bundle.s
-include $(wildcard $(B)/shim/*.d $(B)/report/*.d $(B)/tests/*/*.d)

# Objects made by another compiler, or with other switches, are made again.
$(B)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(OPTIMISE) $(SANITIZE) $(EXTRA_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(OPTIMISE) $(SANITIZE) $(EXTRA_CFLAGS)' >$@
# Says in one line what is not installed, before the compiler says it in a hundred.
$(B)/.packages:
	@mkdir -p $(@D)
	@CC='$(CC)' scripts/missing $(REPORT_PACKAGES)
	@touch $@

# Test programs are compiled once, and all suites use them.
programs: $(BENCH) $(PROGRAMS) $(B)/libtidemark-check.so $(B)/libtidemark-fail.so
$(B)/tests/unit/%: tests/unit/%.c $(B)/report.a
	@mkdir -p $(@D)
	$(CC) $(REPORT_CFLAGS) -MMD -MP -o $@ $< $(B)/report.a -lcmocka $(REPORT_LIBS)
# The library's tables, from source, under ThreadSanitizer.
TABLES := $(addprefix shim/,birth.c block.c config.c count.c lock.c mapping.c memory.c module.c rule.c site.c store.c thread.c)
$(B)/tests/unit/tables_test: tests/unit/tables_test.c $(TABLES) $(wildcard shim/*.h)
	@mkdir -p $(@D)
	$(CC) $(filter-out -O0 -O2,$(COMMON)) -O1 -D_GNU_SOURCE -ftls-model=initial-exec -fsanitize=thread -pthread -o $@ $< $(TABLES) -lcmocka -ldl
$(B)/tests/%: tests/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -g -O2 -Wall -Wextra -MMD -MP -I. -D_GNU_SOURCE -pthread -o $@ $< -ldl -lm
$(B)/tests/%: tests/%.cc
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -g -O2 -Wall -Wextra -MMD -MP -I. -pthread -o $@ $< -ldl

demo: ## install what is missing, build, profile real programs, print the reports
	@scripts/setup build demo
	@$(MAKE) --no-print-directory -s -j$$(nproc) all
	@scripts/demo
check: ## install what is missing, build, and run every test (about 15 minutes)
	@scripts/setup build test
	@$(MAKE) --no-print-directory -j$$(nproc) WERROR=1 all unit-programs programs
	@$(MAKE) --no-print-directory -j$$(nproc) WERROR=1 CC=clang CXX=clang++ B=build/clang all
	@scripts/lint
	@B=$(B) tests/run
unit-programs: $(UNIT)
check-unit: all unit-programs ## unit tests (cmocka)
	@B=$(B) tests/run unit
check-cli: all programs ## command-line tests, and real programs with and without tidemark (bats)
	@B=$(B) tests/run cli programs
check-truth: all ## programs whose leaks and counts are known
	@B=$(B) tests/run truth
check-hostile: all $(B)/libtidemark-fail.so ## everything that breaks profilers
	@B=$(B) tests/run hostile
check-fuzz: ## fuzz each reader of files for a minute in all
	@scripts/fuzz 60
check-web: all ## the report for browsers, in a browser (node, npm packages and chromium; else skipped)
	@B=$(B) tests/run web
check-viewers: all ## exports, opened by their own viewers (npm packages, go; else skipped)
	@B=$(B) tests/run viewers
check-san: ## unit and command-line tests with the command under ASan+UBSan
	@$(MAKE) --no-print-directory ASAN=1 B=build/asan -j$$(nproc) all unit-programs programs
	@B=build/asan ASAN_OPTIONS=detect_leaks=0 tests/run unit cli
bench: ## compare cost and size with other profilers (BENCH_OPTIONS: scripts/bench --help)
	@scripts/setup build bench
	@$(MAKE) --no-print-directory -j$$(nproc) all programs
	@B=$(B) scripts/bench $(BENCH_OPTIONS)
lint: all ## sizes, dependencies, symbols, names
	@B=$(B) scripts/lint

install: all ## install below $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(LIBDIR)/tidemark
	install -m 755 $(B)/tidemark $(B)/libtidemark.so $(DESTDIR)$(LIBDIR)/tidemark/
	ln -sfr $(DESTDIR)$(LIBDIR)/tidemark/tidemark $(DESTDIR)$(PREFIX)/bin/tidemark
	install -m 644 shim/tidemark.h $(DESTDIR)$(PREFIX)/include/
	@B=$(B) scripts/install-extras '$(DESTDIR)$(PREFIX)'
uninstall: ## remove what install put there
	rm -rf $(DESTDIR)$(LIBDIR)/tidemark
	rm -f $(DESTDIR)$(PREFIX)/bin/tidemark $(DESTDIR)$(PREFIX)/include/tidemark.h
	@scripts/install-extras --remove '$(DESTDIR)$(PREFIX)'
deb: all ## a Debian package, in build/
	@B=$(B) scripts/deb
clean: ## remove what was built
	rm -rf $(B)
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
FORCE:
.PHONY: all programs unit-programs demo check check-unit check-cli check-truth check-hostile check-fuzz check-web check-viewers check-san \
	bench lint install uninstall deb clean help FORCE
.DELETE_ON_ERROR:
