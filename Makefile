# tidemark. `make help` lists the targets.

PREFIX ?= /usr/local
CC ?= gcc
B := build
WARN := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla
COMMON := -std=gnu11 -g -O2 $(WARN) -I. $(EXTRA_CFLAGS)
SHIM_CFLAGS := $(COMMON) -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-plt \
	-fno-stack-protector -fno-omit-frame-pointer -fno-builtin-malloc -fasynchronous-unwind-tables
REPORT_PACKAGES := libdw libelf libzstd libxxhash jansson zlib libprotobuf-c inih ncursesw sqlite3 libunwind-ptrace
REPORT_CFLAGS := $(COMMON) -D_GNU_SOURCE $(shell pkg-config --cflags $(REPORT_PACKAGES) 2>/dev/null)
REPORT_LIBS := $(shell pkg-config --libs $(REPORT_PACKAGES) 2>/dev/null) -lunwind-x86_64 -lunwind -lstdc++ -lm -lpthread

SHIM_SRC := $(wildcard shim/*.c)
REPORT_SRC := $(wildcard report/*.c)
SHIM_OBJ := $(filter-out $(B)/shim/noop.o,$(SHIM_SRC:%.c=$(B)/%.o))
REPORT_OBJ := $(REPORT_SRC:%.c=$(B)/%.o)

all: $(B)/libtidemark.so $(B)/tidemark ## build the library and the command

$(B)/libtidemark.so: $(SHIM_OBJ) shim/exports.map
	$(CC) -shared -o $@ $(SHIM_OBJ) -Wl,-z,initfirst -Wl,-z,now -Wl,-z,relro -Wl,-soname,libtidemark.so \
		-Wl,--version-script=shim/exports.map -Wl,--no-undefined -nostartfiles
$(B)/tidemark: $(REPORT_OBJ)
	$(CC) -o $@ $(REPORT_OBJ) $(REPORT_LIBS)
$(B)/shim/%.o: shim/%.c
	@mkdir -p $(@D)
	$(CC) $(SHIM_CFLAGS) -MMD -MP -c -o $@ $<
$(B)/report/%.o: report/%.c
	@mkdir -p $(@D)
	$(CC) $(REPORT_CFLAGS) -MMD -MP -c -o $@ $<
-include $(SHIM_OBJ:.o=.d) $(REPORT_OBJ:.o=.d)

clean: ## remove what was built
	rm -rf $(B)
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
.PHONY: all clean help
