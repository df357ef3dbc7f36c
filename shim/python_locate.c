/* python_locate.c - where the interpreter is, and which version it is; see python.h. */
#include "event.h"
#include "lookup.h"
#include "object.h"
#include "python_leaf.h"
#include "site.h"

#define VERSION_DIGITS_MOST 3

/* PY_VERSION_HEX from a version text such as "3.9.18 (main, ..." */
static uint32_t version_of_text(const char *text)
{
	uint32_t part[3] = { 0 };
	for (unsigned i = 0; i < 3; i++, text++) {
		unsigned digits = 0;
		for (; *text >= '0' && *text <= '9' && digits < VERSION_DIGITS_MOST; text++, digits++)
			part[i] = part[i] * 10 + (uint32_t)(*text - '0');
		if (!digits || part[i] > UINT8_MAX || (i < 2 && *text != '.'))
			return 0;
	}
	return part[0] << 24 | part[1] << 16 | part[2] << 8 | 0xf0;
}

/* Since 3.13 the runtime begins with the offsets of this very build, for debuggers (struct _Py_DebugOffsets of
 * pycore_debug_offsets.h). They replace those of our row: a patch release may differ from it. False: these are not
 * the offsets of this version. */
static bool adopt_offsets(struct python *p)
{
	enum { RUNTIME = PYTHON_WORDS };
	static struct python_layout own;
	const uint64_t *runtime = (const uint64_t *)p->runtime, *w = runtime + RUNTIME;
	const bool since_314 = p->version >= 0x030e0000;
	if (p->version < 0x030d0000)
		return true;
	if (runtime[PYTHON_WORD_COOKIE] != PYTHON_COOKIE || runtime[PYTHON_WORD_VERSION] != p->version
		|| runtime[PYTHON_WORD_WITHOUT_GIL] != (p->layout->wider ? 1 : 0))
		return false;
	own = *p->layout;
	for (const uint64_t *end = w + 50; w < end; w++)
		if (*w >= PYTHON_ABSENT && w != runtime + RUNTIME && w != runtime + RUNTIME + 3)
			return false; /* only the sizes of the runtime and of an interpreter are larger */
	w = runtime + RUNTIME;
#define ADOPT(to, index) (own.to = (uint16_t)w[index])
	ADOPT(runtime.finalizing, 1), ADOPT(runtime.interpreters_main, 2);
	own.runtime.preinitialized = (uint16_t)(own.runtime.finalizing - 16);
	own.runtime.initialized = (uint16_t)(own.runtime.finalizing - 8);
	own.runtime.interpreters_main += 8; /* `main` comes after `head` */
	w += 3;
	ADOPT(interpreter.id, 1), ADOPT(interpreter.next, 2), ADOPT(interpreter.threads, 3);
	w += since_314 ? 16 : 13;
	ADOPT(thread.next, 2), ADOPT(thread.interpreter, 3), ADOPT(thread.frame, 4),
		ADOPT(thread.thread_id, 5);
	w += 9;
	ADOPT(frame.previous, 1), ADOPT(frame.code, 2), ADOPT(frame.position, 3), ADOPT(frame.owner, 5);
	if (since_314)
		ADOPT(frame.copy, 7);
	w += since_314 ? 8 : 6;
	ADOPT(code.filename, 1), ADOPT(code.name, 2), ADOPT(code.qualname, 3), ADOPT(code.line_table, 4);
	ADOPT(code.first_line, 5), ADOPT(code.code, 9);
	if (since_314)
		ADOPT(code.copies, 10);
	w += since_314 ? 11 : 10;
#undef ADOPT
	if (w[1] != python_type_offset(&own) || !own.frame.copy != !own.code.copies
		|| (own.frame.copy != 0) != (own.wider && since_314))
		return false;
	p->layout = &own;
	return true;
}

/* Uses the interpreter that this module defines, if it defines one. */
static void take(const struct link_map *module)
{
	void *runtime = lookup_in(module, "_PyRuntime");
	if (!runtime || python.layout)
		return;
	python_tracked(module);
	const unsigned long *number = lookup_in(module, "Py_Version"); /* since 3.11 */
	const char *(*text)(void) = (const char *(*)(void))lookup_in(module, "Py_GetVersion");
	struct python found = { .runtime = (uintptr_t)runtime,
		.settle = python_hook_settle,
		.settle_again = python_hook_settle };
	/* Py_GetVersion formats into a buffer of its own, once: no allocation, and no interpreter needed. */
	found.version = number ? (uint32_t)*number : text ? version_of_text(text()) : 0;
	found.layout = python_layout_of(found.version, python_is_without_gil(found.version, runtime));
	found.code_type = (uintptr_t)lookup_in(module, "PyCode_Type");
	found.string_type = (uintptr_t)lookup_in(module, "PyUnicode_Type");
	found.thread_state = (uintptr_t(*)(void))lookup_in(module, "PyGILState_GetThisThreadState");
	found.get_allocator = (void (*)(int, void *))lookup_in(module, "PyMem_GetAllocator");
	found.set_allocator = (void (*)(int, void *))lookup_in(module, "PyMem_SetAllocator");
	if (found.version >= 0x030d0000)
		found.allocator_name =
			(const char *(*)(void))lookup_in(module, "_PyMem_GetCurrentAllocatorName");
	uint64_t bytes = 0;
	found.eval_lo = (uintptr_t)lookup_extent(module, "_PyEval_EvalFrameDefault", &bytes);
	found.eval_hi = found.eval_lo + bytes;
	static const char *const mains[PYTHON_MAINS] = { "Py_RunMain", "Py_Main", "Py_BytesMain", "Py_Exit" };
	for (unsigned i = 0; i < PYTHON_MAINS; i++) {
		found.main[i].lo = (uintptr_t)lookup_extent(module, mains[i], &bytes);
		found.main[i].hi = found.main[i].lo + bytes;
	}
	state.ledger->python_version = found.version;
	state.ledger->python_runtime = found.runtime;
	if (!found.layout || !found.code_type || !found.string_type || !found.thread_state
		|| !found.get_allocator || !found.set_allocator)
		return;
	if (!adopt_offsets(&found)) {
		state.ledger->python_flags |= LEDGER_PYTHON_REFUSED;
		return;
	}
	found.finalizing = (const uintptr_t *)(found.runtime + found.layout->runtime.finalizing);
	found.remembered = python_leaf_reader(found.layout);
	python = found;
	state.python_site = python_site;
	event_recalculate_special();
	python_hook_install();
}

void python_start(bool (*end_snapshot)(bool ends))
{
	python_end_snapshot = end_snapshot;
	for (const struct link_map *m = _r_debug.r_map; m && !python.layout; m = m->l_next)
		take(m);
	site_module_is_new = python_look;
}

void python_look(uintptr_t address)
{
	struct object o;
	if (python.layout || !object_find(address, &o))
		return;
	const struct link_map *module = object_link(&o);
	if (module)
		take(module);
}
