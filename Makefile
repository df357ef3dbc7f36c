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
REPORT_PACKAGES := libdw libelf liblz4 liblzma libzstd libxxhash zlib libprotobuf-c ncursesw sqlite3 libunwind-ptrace
# The command reads files of strangers, as root too. Sums of numbers that a file gives may wrap: that is no
# undefined behaviour here.
HARDEN := -fwrapv -fPIE -fstack-protector-strong $(if $(SANITIZE)$(DEBUG),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
REPORT_CFLAGS := $(HARDEN) $(COMMON) $(SANITIZE) -D_GNU_SOURCE -Ireport -I$(B)/report $(shell pkg-config --cflags $(REPORT_PACKAGES) 2>/dev/null)
# The demangler alone, out of the static library: the whole of libstdc++ costs each start half a millisecond.
REPORT_LIBS := -pie -Wl,-z,relro,-z,now $(shell pkg-config --libs $(REPORT_PACKAGES) 2>/dev/null) -lunwind-x86_64 -lunwind -l:libsupc++.a -lm -lpthread -ldl

SHIM_SRC := $(wildcard shim/*.c)
REPORT_SRC := $(filter-out report/man/%,$(wildcard report/*/*.c))
SHIM_OBJ := $(filter-out $(B)/shim/noop.o $(B)/shim/oracle.o $(B)/shim/fail.o,$(SHIM_SRC:%.c=$(B)/%.o))
PROTOS := perfetto pprof
REPORT_OBJ := $(REPORT_SRC:%.c=$(B)/%.o) $(PROTOS:%=$(B)/report/export/%.pb-c.o) $(B)/report/html/html_bundle.o
UNIT := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/*/*_test.c))
BENCH := $(patsubst tests/bench/%,$(B)/tests/bench/%,$(basename $(wildcard tests/bench/*.c tests/bench/*.cc)))
PROGRAMS := $(patsubst tests/programs/%,$(B)/tests/programs/%,$(basename $(filter-out tests/programs/lib_%,$(wildcard tests/programs/*.c tests/programs/*.cc))))

##@ Build
COMPLETIONS := $(addprefix $(B)/completions/,tidemark.bash tidemark.zsh tidemark.fish)
all: $(B)/libtidemark.so $(B)/tidemark $(B)/libtidemark-noop.so $(COMPLETIONS) ## build the library and the command

# The symbols that the library shows: the hooks, and two interfaces for programs.
$(B)/exports.map: shim/hooks.def
	@mkdir -p $(@D)
	@{ echo '{ global: tide_*; __lsan_*;'; \
		$(CC) -E -P -x c '-DHOOK(r,name,...)=name;' '-DMALLOC(r,name,...)=name;' '-DOVER(r,name,...)=name;' \
			'-DASSEMBLY(name)=name;' $<; \
		echo 'local: *; };'; } >$@
$(B)/libtidemark.so: $(SHIM_OBJ) $(B)/exports.map
	$(CC) -shared -o $@ $(SHIM_OBJ) -Wl,-z,initfirst -Wl,-z,now -Wl,-z,relro -Wl,-soname,libtidemark.so \
		-Wl,--version-script=$(B)/exports.map -Wl,--no-undefined -nostartfiles
# The library with every walk checked against libunwind (shim/oracle.c).
$(B)/libtidemark-check.so: $(filter-out shim/noop.c,$(SHIM_SRC)) $(wildcard shim/*.h shim/*.def) $(B)/exports.map
	$(CC) $(SHIM_CFLAGS) -DTIDEMARK_CHECK -shared -o $@ $(filter-out shim/noop.c,$(SHIM_SRC)) \
		-Wl,-z,initfirst -Wl,-z,now -Wl,--version-script=$(B)/exports.map -nostartfiles -ldl
# The library in which a system call of our own fails (shim/fail.c).
$(B)/libtidemark-fail.so: $(filter-out shim/noop.c,$(SHIM_SRC)) $(wildcard shim/*.h shim/*.def) $(B)/exports.map
	$(CC) $(SHIM_CFLAGS) -DTIDEMARK_FAIL -shared -o $@ $(filter-out shim/noop.c shim/oracle.c,$(SHIM_SRC)) \
		-Wl,-z,initfirst -Wl,-z,now -Wl,--version-script=$(B)/exports.map -nostartfiles
$(B)/libtidemark-noop.so: $(B)/shim/noop.o
	$(CC) -shared -o $@ $< -Wl,-z,initfirst -Wl,-z,now -Wl,-z,relro -Wl,-soname,libtidemark-noop.so \
		-Wl,--no-undefined -nostartfiles -ldl
$(B)/tidemark: $(REPORT_OBJ)
	$(CC) $(SANITIZE) -o $@ $(REPORT_OBJ) $(REPORT_LIBS)
# Shell completions, out of what each verb says of its options.
$(B)/completions/tidemark.%: $(B)/tidemark
	@mkdir -p $(@D)
	@ASAN_OPTIONS=detect_leaks=0 $(B)/tidemark completions $* >$@
# Everything but main(): what unit tests and fuzzers link.
$(B)/report.a: $(filter-out $(B)/report/verbs/main.o,$(REPORT_OBJ))
	rm -f $@
	ar rcs $@ $^
$(B)/shim/%.o: shim/%.c $(B)/.flags
	@mkdir -p $(@D)
	$(CC) $(SHIM_CFLAGS) -MMD -MP -c -o $@ $<
$(B)/report/%.o: report/%.c $(B)/.flags | $(B)/.packages
	@mkdir -p $(@D)
	$(CC) $(REPORT_CFLAGS) -MMD -MP -c -o $@ $<
# Formats of protocol buffers: code and header are made from the description.
$(B)/report/export/%.pb-c.c: report/export/%.proto | $(B)/.packages
	@mkdir -p $(@D)
	protoc-c --c_out=$(@D) --proto_path=report/export $(<F)
# make 4.4 would take them for intermediate files: remove them, and build and link again at the next call.
.SECONDARY: $(PROTOS:%=$(B)/report/export/%.pb-c.c)
$(B)/report/export/%.pb-c.o: $(B)/report/export/%.pb-c.c
	$(CC) $(REPORT_CFLAGS) -MMD -MP -c -o $@ $<
$(PROTOS:%=$(B)/report/export/export_%.o): $(B)/report/export/export_%.o: $(B)/report/export/%.pb-c.c
# The page of `tidemark html`: bundled by esbuild, and put into the command. Empty without node.
WEB_SRC := $(wildcard report/html/web/src/*) report/html/web/build report/html/web/package-lock.json
$(B)/web/report.js: $(WEB_SRC) $(B)/web/.state
	@report/html/web/build $(abspath $(@D))
	@report/html/web/state >$(@D)/.state
	@touch $@
# Made again when node or the packages have come or gone.
$(B)/web/.state: FORCE
	@mkdir -p $(@D)
	@report/html/web/state | cmp -s - $@ || report/html/web/state >$@
$(B)/report/html/html_bundle.o: $(B)/web/report.js
	@mkdir -p $(@D)
	@for part in css js; do \
		printf '.section .rodata\n.globl html_bundle_%s, html_bundle_%s_end\nhtml_bundle_%s:\n' $$part $$part $$part; \
		printf '.incbin "%s/report.%s"\nhtml_bundle_%s_end:\n.byte 0\n' $(abspath $(B)/web) $$part $$part; \
	done >$(@D)/html_bundle.s
	@printf '.section .note.GNU-stack,"",@progbits\n' >>$(@D)/html_bundle.s
	$(CC) -c -o $@ $(@D)/html_bundle.s
-include $(wildcard $(B)/shim/*.d $(B)/report/*/*.d $(B)/tests/*/*.d $(B)/tests/unit/*/*.d)

# Objects made by another compiler, or with other switches, are made again.
$(B)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(OPTIMISE) $(HARDEN) $(SANITIZE) $(EXTRA_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(OPTIMISE) $(HARDEN) $(SANITIZE) $(EXTRA_CFLAGS)' >$@
# Says in one line what is not installed, before the compiler says it in a hundred.
$(B)/.packages:
	@mkdir -p $(@D)
	@CC='$(CC)' scripts/missing $(REPORT_PACKAGES)
	@touch $@

# Test programs are compiled once, and all suites use them.
programs: $(BENCH) $(PROGRAMS) $(B)/libtidemark-check.so $(B)/libtidemark-fail.so
$(B)/tests/unit/%: tests/unit/%.c $(B)/tests/lib/filter.o $(B)/report.a
	@mkdir -p $(@D)
	$(CC) $(REPORT_CFLAGS) -MMD -MP -o $@ $< $(B)/tests/lib/filter.o $(B)/report.a -lcmocka -ljansson $(REPORT_LIBS)
$(B)/tests/lib/filter.o: tests/lib/filter.c $(B)/.flags
	@mkdir -p $(@D)
	$(CC) $(COMMON) -MMD -MP -c -o $@ $<
$(B)/tests/lib/%: tests/lib/%.c $(B)/report.a
	@mkdir -p $(@D)
	$(CC) $(REPORT_CFLAGS) -MMD -MP -o $@ $< $(B)/report.a -lcmocka -ljansson $(REPORT_LIBS)
# The library's tables, from source, under ThreadSanitizer.
TABLES := $(addprefix shim/,birth.c block.c config.c count.c enter.c fold.c leftovers.c lock.c lookup.c mapping.c memory.c module.c object.c rule.c site.c state.c store.c table.c thread.c thread_current.c timeline.c)
$(B)/tests/unit/shim/tables_test: tests/unit/shim/tables_test.c tests/lib/filter.c $(TABLES) $(wildcard shim/*.h)
	@mkdir -p $(@D)
	$(CC) $(filter-out -O0 -O2,$(COMMON)) -O1 -D_GNU_SOURCE -ftls-model=initial-exec -fsanitize=thread -pthread -o $@ $(filter %.c,$^) -lcmocka -ldl
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

##@ Test
# `make t=NAME` without a target is `make one t=NAME`.
ifdef t
.DEFAULT_GOAL := one
endif
one: ## t=NAME [c=CASE] [gdb=1]  build and run one test: a unit test, a .bats file, a program
	+@B=$(B) tests/only '$(t)' '$(c)' $(if $(gdb),gdb)
check-quick: ## unit tests, command line and lint (about 2 minutes)
	@$(MAKE) --no-print-directory -s -j$$(nproc) WERROR=1 all unit-programs programs
	@B=$(B) scripts/lint
	@B=$(B) tests/run unit cli
check: ## install what is missing, build, and run every test (about 10 minutes)
	@scripts/setup build test
	@scripts/setup web viewers || echo "check: tests that need these packages will be skipped, and named at the end" >&2
	@$(MAKE) --no-print-directory -j$$(nproc) WERROR=1 all unit-programs programs
	@$(MAKE) --no-print-directory -j$$(nproc) WERROR=1 CC=clang CXX=clang++ B=build/clang all
	@B=$(B) scripts/lint
	@B=$(B) tests/run $(if $(NO_SKIPS),--no-skips)
unit-programs: $(UNIT)
check-unit: all unit-programs ## unit tests (cmocka)
	@B=$(B) tests/run unit
check-cli: all programs ## command-line tests, and real programs with and without tidemark (bats)
	@B=$(B) tests/run cli programs
check-truth: all ## programs whose leaks and counts are known
	@B=$(B) tests/run truth
check-hostile: all $(B)/libtidemark-fail.so ## everything that breaks profilers
	@B=$(B) tests/run hostile
check-web: all ## the report for browsers, in a browser
	@B=$(B) tests/run web
check-viewers: all ## exports, opened by their own viewers
	@B=$(B) tests/run viewers
check-distros: ## the suites in roots of other Debian releases, made by debootstrap (as root, about an hour)
	@scripts/check-distros
check-san: ## unit and command-line tests with the command under ASan+UBSan
	@$(MAKE) --no-print-directory ASAN=1 B=build/asan -j$$(nproc) all unit-programs programs
	@B=build/asan ASAN_OPTIONS=detect_leaks=0 tests/run unit cli
check-fuzz: ## fuzz each reader of files for a minute in all
	@scripts/fuzz 60
bench: ## compare cost and size with other profilers (BENCH_OPTIONS: scripts/bench --help)
	@scripts/setup build bench
	@$(MAKE) --no-print-directory -j$$(nproc) all programs
	@B=$(B) scripts/bench $(BENCH_OPTIONS)

##@ Source
lint: all ## sizes, includes, circles, names, symbols, words (scripts/lint.d)
	@B=$(B) scripts/lint
FORMATTED = $(filter-out report/man/%,$(wildcard shim/*.[ch] report/*/*.[ch] tests/unit/*/*.[ch] tests/lib/*.[ch] tests/fuzz/*.[ch]))
format: ## apply .clang-format (clang-format 14)
	@clang-format-14 -i $(FORMATTED)
tags: FORCE ## an index of names for editors (ctags)
	@command -v ctags >/dev/null || { echo "tags: ctags is not installed; install universal-ctags" >&2; exit 1; }
	@ctags -f $@ $(filter-out tests/%,$(FORMATTED)) $(wildcard tests/lib/*.[ch])
# Each source with the flags that it is compiled with.
compile_commands.json: FORCE ## how each source is compiled, for clangd and other tools
	@{ printf '%s|$(SHIM_CFLAGS)\n' $(SHIM_SRC); \
	   printf '%s|$(REPORT_CFLAGS)\n' $(REPORT_SRC) $(filter tests/%.c,$(FORMATTED)); } | \
	awk -F'|' '{ printf "%s{\"directory\": \"$(CURDIR)\", \"file\": \"%s\", \"command\": \"$(CC) %s -c %s\"}", \
		(NR > 1 ? ",\n" : "[\n"), $$1, $$2, $$1 } END { print "\n]" }' >$@

##@ Install
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
check-package: deb ## install the package in a bare root, made by debootstrap (as root, about a minute)
	@B=$(B) scripts/check-package
clean: ## remove what was built
	rm -rf $(B)
help: ## this list
	@awk -F':.*## ' '/^##@ /{printf "\n%s\n", substr($$0, 5)} \
		/^[a-z_.-]+:.*## /{printf "  %-22s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
FORCE:
.PHONY: all programs unit-programs demo one check check-quick check-unit check-cli check-truth check-hostile check-fuzz check-web check-viewers check-distros check-package check-san \
	bench format lint install uninstall deb clean help FORCE
.DELETE_ON_ERROR:
