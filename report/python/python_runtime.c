/* python_runtime.c - finds the interpreter in a process, and checks the table of offsets:
 * python_private.h.
 *
 * Every build exports _PyRuntime, even Debian's stripped static one. Since 3.11 Py_Version holds the
 * version; before, it follows from the length of _PyRuntime or from the name of the file.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "python_private.h"
#include "symbol/symbol_module.h"

#define INTERPRETERS_MOST 4096u
#define HEADERS_MOST 64u

/* Where address 0 of the file lies in the process, by the first load segment. */
static bool bias_of(struct python *p, const struct remote_mapping *m, uint64_t *bias)
{
	Elf64_Ehdr e;
	Elf64_Phdr h;

	python_read(p, m->lo, &e, sizeof(e));
	if (memcmp(e.e_ident, ELFMAG, SELFMAG) || e.e_ident[EI_CLASS] != ELFCLASS64)
		return false;
	for (unsigned i = 0; i < e.e_phnum && i < HEADERS_MOST; i++) {
		python_read(p, m->lo + e.e_phoff + i * sizeof(h), &h, sizeof(h));
		if (h.p_type == PT_LOAD && !h.p_offset) {
			*bias = m->lo - h.p_vaddr;
			return true;
		}
	}
	return false;
}

static uint32_t version_of_name(const char *path)
{
	const char *name = strrchr(path, '/');
	unsigned minor;

	name = strstr(name ? name : path, "python3.");
	return name && sscanf(name, "python3.%u", &minor) == 1 && minor < 100 ? 0x03000000 | minor << 16 : 0;
}

static uint32_t version_of_bytes(uint64_t bytes)
{
	for (size_t i = 0; i < sizeof(python_layouts) / sizeof(python_layouts[0]); i++)
		if (python_layouts[i].runtime_bytes == bytes)
			return (uint32_t)python_layouts[i].version << 16;
	return 0;
}

static bool find_module(struct python *p, const struct remote_mapping *m)
{
	struct symbol_module *s = symbol_module_open(m->path, NULL);
	uint64_t runtime, bytes = 0, type, version, bias;
	bool found = symbol_module_find(s, "_PyRuntime", &runtime, &bytes)
		&& symbol_module_find(s, "PyType_Type", &type, NULL) && bias_of(p, m, &bias);

	if (found) {
		p->runtime = bias + runtime;
		p->type_type = bias + type;
		if (symbol_module_find(s, "Py_Version", &version, NULL))
			p->hexversion = python_u32(p, bias + version);
		else
			p->hexversion = version_of_bytes(bytes);
		if (!p->hexversion)
			p->hexversion = version_of_name(m->path);
	}
	symbol_module_close(s);
	return found;
}

/* Files that may hold an interpreter: by their name, or the program itself. */
static bool locate_runtime(struct python *p)
{
	const struct remote *r = p->memory;
	bool first = true;

	for (int named = 1; named >= 0; named--, first = true)
		for (size_t i = 0; i < r->mapping_count; i++) {
			const struct remote_mapping *m = &r->mappings[i];
			const char *name = strrchr(m->path, '/');

			if (m->offset || m->path[0] != '/' || m->shared)
				continue;
			if ((named ? strstr(name, "python") != NULL : first) && find_module(p, m))
				return true;
			first = false;
		}
	return false;
}

static bool does_address_fit(uint64_t a) { return a >= 4096 && a < 1ull << 47 && !(a & 7); }

/* The interpreters' list closes, and threads point back to it. */
static bool check_interpreters(struct python *p)
{
	const struct python_layout *l = p->layout;
	uint64_t at = python_word(p, p->runtime + l->runtime.interpreters_main), thread;

	p->interpreter = at;
	p->interpreters = 0;
	/* The list begins with the youngest, one word before `main`; the main one is the last. */
	at = python_word(p, p->runtime + l->runtime.interpreters_main - 8);
	for (; does_address_fit(at) && p->interpreters < INTERPRETERS_MOST; p->interpreters++) {
		thread = python_word(p, at + l->interpreter.threads);
		if (thread
			&& (!does_address_fit(thread)
				|| python_word(p, thread + l->thread.interpreter) != at))
			return false;
		at = python_word(p, at + l->interpreter.next);
	}
	return does_address_fit(p->interpreter) && p->interpreters;
}

bool python_runtime_find(struct python *p)
{
	uint64_t words[PYTHON_WORDS];
	unsigned type_at;

	if (!locate_runtime(p) || p->hexversion >> 24 != 3)
		return false;
	p->minor = p->hexversion >> 16 & 255;
	python_read(p, p->runtime, words, sizeof(words));
	p->without_gil = python_is_without_gil(p->hexversion, words);
	p->layout = python_layout_of(p->hexversion, p->without_gil);
	/* A type's type is type, whatever the version. */
	type_at = PYTHON_OBJECT_TYPE + (p->layout ? p->layout->wider : 0);
	if (python_word(p, p->type_type + type_at) != p->type_type)
		return false;
	/* Without the GIL an object has two counts, that of its owner and that of all others; some are not counted
	 * until the collector runs. */
	if (!p->layout || !check_interpreters(p) || p->without_gil) {
		for (int i = 0; i < PYTHON_PARTS; i++)
			p->off[i] = true;
		/* Before Py_Initialize and after Py_Finalize there is no list of interpreters. */
		p->ended = p->layout && !p->interpreter;
		p->layout = NULL;
	}
	return true;
}
