/* python_layout.h - where CPython keeps what we read, for each minor version.
 *
 * The library walks frames with it, and the command reads objects, the garbage
 * collector's lists and pymalloc out of an image with it. Plain constants: no headers
 * of Python, no allocation, no call.
 *
 * PL1  A row is for the ordinary 64-bit build, with the GIL, or for the one without it (Py_GIL_DISABLED:
 *     python3.13t, python3.14t), whose objects begin with a longer header. A build with Py_DEBUG has
 *     other offsets, and so may a patch release, so each user of a row first proves it on the
 *     process at hand (back pointers, types of types).
 * PL2  PYTHON_ABSENT: this version does not have the member. Members that only builds without
 *     the GIL have are 0 in the other rows.
 * PL3  The constants below are for the ordinary build. What the library reads of objects
 *     has a function here that takes the row.
 *
 * Source: offsetof over the headers (Include/internal with Py_BUILD_CORE) of 3.8.18,
 * 3.9.18, 3.10.13, 3.11.2 of Debian, 3.11.7, 3.12.1, 3.13.0 and 3.14.10 of Debian; with
 * Py_GIL_DISABLED: 3.13.5 and 3.14.10.
 */
#ifndef TIDEMARK_PYTHON_LAYOUT_H
#define TIDEMARK_PYTHON_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PYTHON_ABSENT UINT16_MAX

/* How a position in the code is mapped to a line. */
enum python_lines {
	PYTHON_LINES_LNOTAB, /* pairs of signed line and unsigned byte steps: up to 3.9 */
	PYTHON_LINES_RANGES, /* pairs where a line step of -128 means no line: 3.10, PEP 626 */
	PYTHON_LINES_TABLE,  /* entries of varying length: since 3.11 */
};

/* Bytes from the start of each structure, unless stated otherwise. */
struct python_layout {
	uint16_t version;       /* major << 8 | minor */
	uint16_t wider;         /* without the GIL: bytes by which PyObject is longer; 0: with the GIL */
	uint32_t runtime_bytes; /* sizeof(_PyRuntimeState); patch releases may differ */
	struct {                /* _PyRuntimeState */
		uint16_t preinitialized, initialized, finalizing;
		uint16_t interpreters_main;
		uint16_t tstate_current; /* gilstate.tstate_current: up to 3.11 */
		uint16_t tss_key;        /* autoTSSkey: int initialised, pthread_key_t */
		uint16_t gc;             /* in the runtime for 3.8 only */
	} runtime;
	struct { /* PyInterpreterState */
		uint16_t next, threads, id, modules, sysdict, builtins, gc;
		uint16_t obmalloc;           /* 3.12: the state itself; 3.13: a pointer to it */
		uint16_t obmalloc_is_inline; /* 1: the former */
	} interpreter;
	struct { /* PyThreadState */
		uint16_t next, interpreter, thread_id;
		uint16_t frame;  /* the innermost frame; absent if cframe has it */
		uint16_t cframe; /* record on the C stack of the eval loop: 3.10 to 3.12 */
		uint16_t datastack_chunk, datastack_top, datastack_limit;
	} thread;
	struct { /* _PyCFrame */
		uint16_t frame, previous;
	} cframe;
	struct { /* PyFrameObject up to 3.10, _PyInterpreterFrame since 3.11 */
		uint16_t previous, code, position, owner, is_entry;
		uint16_t function, globals, frame_object, stack_top, locals;
		uint16_t copy; /* tlbc_index (int32_t): which copy of the instructions it runs */
	} frame;
	/* frame.position: up to 3.9 the index of a byte, 3.10 of a unit of 2 bytes (int, -1 before
	 * the first instruction); since 3.11 a pointer to the instruction. */
	struct { /* PyCodeObject */
		uint16_t filename, name, qualname, first_line, flags, line_table, code;
		uint16_t first_traceable;          /* _co_firsttraceable, in units of 2 bytes */
		uint16_t local_count, local_names; /* nlocalsplus, localsplusnames; nlocals, varnames */
		uint16_t cell_names, free_names, constants; /* tuples */
		enum python_lines lines;
		uint16_t copies; /* co_tlbc: a pointer to the number of copies and their addresses */
	} code;
	struct { /* PyGenObject, coroutines too: the frame inside, or the pointer to it */
		uint16_t frame;
	} generator;
	struct { /* struct _gc_runtime_state */
		uint16_t enabled, generations, permanent, stats, collecting;
	} gc;
	struct { /* heap types */
		uint16_t cached_keys;
	} type;
	struct { /* str: where the data begins */
		uint16_t ascii, compact;
		uint16_t kind; /* without the GIL: the bit of its state at which the kind begins */
	} string;
	struct { /* tuple: where the items begin; since 3.14 its hash is before them */
		uint16_t items;
	} tuple;
};

/* The same in all versions of the table. */
enum {
	PYTHON_OBJECT_COUNT = 0, /* ob_refcnt */
	PYTHON_OBJECT_TYPE = 8,
	PYTHON_OBJECT_LOCAL = 12, /* ob_ref_local and ob_ref_shared: only without the GIL */
	PYTHON_OBJECT_SHARED = 16,
	PYTHON_VAR_SIZE = 16,
	PYTHON_TYPE_NAME = 24,
	PYTHON_TYPE_BASICSIZE = 32,
	PYTHON_TYPE_ITEMSIZE = 40,
	PYTHON_TYPE_FLAGS = 168,
	PYTHON_TYPE_TRAVERSE = 184,
	PYTHON_TYPE_WEAKLIST = 208,
	PYTHON_TYPE_BASE = 256,
	PYTHON_TYPE_DICT = 264,
	PYTHON_TYPE_DICTOFFSET = 288,
	PYTHON_TYPE_MRO = 344,
	PYTHON_STRING_LENGTH = 16,
	PYTHON_STRING_HASH = 24,
	PYTHON_STRING_STATE = 32,
	PYTHON_DICT_USED = 16,
	PYTHON_DICT_KEYS = 32,
	PYTHON_DICT_VALUES = 40,
	PYTHON_LIST_ITEMS = 24,
	PYTHON_BYTES_DATA = 32,
	PYTHON_FLOAT_VALUE = 16,
	PYTHON_LONG_DIGITS = 24,
	PYTHON_SET_TABLE = 40,
	PYTHON_SET_SMALL = 64,
	PYTHON_GC_HEAD = 16,       /* bytes of PyGC_Head, before the object */
	PYTHON_GC_GENERATION = 24, /* bytes each: next, previous, threshold, count */
};

#define PYTHON_SMALL_MOST 512u /* bytes: what pymalloc serves itself */
#define PYTHON_OWNER_GENERATOR 1u
#define PYTHON_OWNER_STACK 3u /* since 3.12: an entry of the eval loop, not a function's frame */

#define PYTHON_NO PYTHON_ABSENT
static const struct python_layout python_layouts[] = {
	{ .version = 0x0308,
		.runtime_bytes = 1464,
		.runtime = { 4, 12, 16, 40, 1368, 1392, 344 },
		.interpreter = { 0, 8, 16, 56, 72, 80, PYTHON_NO, PYTHON_NO, 0 },
		.thread = { 8, 16, 176, 24, PYTHON_NO, PYTHON_NO, PYTHON_NO, PYTHON_NO },
		.cframe = { PYTHON_NO, PYTHON_NO },
		.frame = { 24, 32, 104, PYTHON_NO, PYTHON_NO, PYTHON_NO, 48, PYTHON_NO, 72, 360, 0 },
		.code = { 104, 112, PYTHON_NO, 40, 36, 120, 48, PYTHON_NO, 28, 72, 88, 80, 56,
			PYTHON_LINES_LNOTAB, 0 },
		.generator = { 16 },
		.gc = { 12, 24, 104, 128, 200 },
		.type = { 872 },
		.string = { 48, 72, 0 },
		.tuple = { 24 } },
	{ .version = 0x0309,
		.runtime_bytes = 656,
		.runtime = { 4, 12, 16, 40, 568, 584, PYTHON_NO },
		.interpreter = { 0, 8, 24, 856, 872, 880, 616, PYTHON_NO, 0 },
		.thread = { 8, 16, 176, 24, PYTHON_NO, PYTHON_NO, PYTHON_NO, PYTHON_NO },
		.cframe = { PYTHON_NO, PYTHON_NO },
		.frame = { 24, 32, 104, PYTHON_NO, PYTHON_NO, PYTHON_NO, 48, PYTHON_NO, 72, 360, 0 },
		.code = { 104, 112, PYTHON_NO, 40, 36, 120, 48, PYTHON_NO, 28, 72, 88, 80, 56,
			PYTHON_LINES_LNOTAB, 0 },
		.generator = { 16 },
		.gc = { 12, 24, 104, 128, 200 },
		.type = { 864 },
		.string = { 48, 72, 0 },
		.tuple = { 24 } },
	{ .version = 0x030a,
		.runtime_bytes = 672,
		.runtime = { 4, 12, 16, 40, 568, 584, PYTHON_NO },
		.interpreter = { 0, 8, 24, 856, 872, 880, 616, PYTHON_NO, 0 },
		.thread = { 8, 16, 176, 24, 48, PYTHON_NO, PYTHON_NO, PYTHON_NO },
		.cframe = { PYTHON_NO, 8 },
		.frame = { 24, 32, 96, PYTHON_NO, PYTHON_NO, PYTHON_NO, 48, PYTHON_NO, 80, 352, 0 },
		.code = { 104, 112, PYTHON_NO, 40, 36, 120, 48, PYTHON_NO, 28, 72, 88, 80, 56,
			PYTHON_LINES_RANGES, 0 },
		.generator = { 16 },
		.gc = { 12, 24, 104, 128, 200 },
		.type = { 872 },
		.string = { 48, 72, 0 },
		.tuple = { 24 } },
	{ .version = 0x030b,
		.runtime_bytes = 166688,
		.runtime = { 8, 16, 24, 48, 576, 592, PYTHON_NO },
		.interpreter = { 0, 16, 48, 888, 904, 912, 648, PYTHON_NO, 0 },
		.thread = { 8, 16, 152, PYTHON_NO, 56, 296, 304, 312 },
		.cframe = { 8, 16 },
		.frame = { 48, 32, 56, 69, 68, 0, 8, 40, 64, 72, 0 },
		.code = { 112, 120, 128, 72, 48, 136, 184, 168, 76, 96, PYTHON_NO, PYTHON_NO, 24,
			PYTHON_LINES_TABLE, 0 },
		.generator = { 80 },
		.gc = { 12, 24, 104, 128, 200 },
		.type = { 872 },
		.string = { 48, 72, 0 },
		.tuple = { 24 } },
	{ .version = 0x030c,
		.runtime_bytes = 459944,
		.runtime = { 8, 16, 24, 48, PYTHON_NO, 1544, PYTHON_NO },
		.interpreter = { 0, 72, 8, 944, 352, 360, 112, 3960, 1 },
		.thread = { 8, 16, 136, PYTHON_NO, 56, 232, 240, 248 },
		.cframe = { 0, 8 },
		.frame = { 8, 0, 56, 70, PYTHON_NO, 16, 24, 48, 64, 72, 0 },
		.code = { 112, 120, 128, 68, 48, 136, 192, 176, 72, 96, PYTHON_NO, PYTHON_NO, 24,
			PYTHON_LINES_TABLE, 0 },
		.generator = { 72 },
		.gc = { 12, 24, 104, 128, 200 },
		.type = { 880 },
		.string = { 40, 56, 0 },
		.tuple = { 24 } },
	{ .version = 0x030d,
		.runtime_bytes = 283320,
		.runtime = { 592, 600, 608, 640, PYTHON_NO, 2160, PYTHON_NO },
		.interpreter = { 7264, 7344, 7272, 7656, 7640, 7648, 7400, 10800, 0 },
		.thread = { 8, 16, 152, 72, PYTHON_NO, 232, 240, 248 },
		.cframe = { PYTHON_NO, PYTHON_NO },
		.frame = { 8, 0, 56, 70, PYTHON_NO, 16, 24, 48, 64, 72, 0 },
		.code = { 112, 120, 128, 68, 48, 136, 200, 184, 72, 96, PYTHON_NO, PYTHON_NO, 24,
			PYTHON_LINES_TABLE, 0 },
		.generator = { 72 },
		.gc = { 12, 24, 104, 128, 200 },
		.type = { 880 },
		.string = { 40, 56, 0 },
		.tuple = { 24 } },
	{ .version = 0x030e,
		.runtime_bytes = 316616,
		.runtime = { 768, 776, 784, 816, PYTHON_NO, 2336, PYTHON_NO },
		.interpreter = { 7272, 7344, 7280, 7688, 7672, 7680, 7408, 10904, 0 },
		.thread = { 8, 16, 152, 72, PYTHON_NO, 232, 240, 248 },
		.cframe = { PYTHON_NO, PYTHON_NO },
		.frame = { 8, 0, 56, 74, PYTHON_NO, 16, 24, 48, 64, 80, 0 },
		.code = { 112, 120, 128, 68, 48, 136, 208, 192, 72, 96, PYTHON_NO, PYTHON_NO, 24,
			PYTHON_LINES_TABLE, 0 },
		.generator = { 72 },
		.gc = { 12, 24, 96, 120, 192 },
		.type = { 880 },
		.string = { 40, 56, 0 },
		.tuple = { 32 } },
	/* Without the GIL. The rows have only what the library reads. */
	{ .version = 0x030d,
		.wider = 16,
		.runtime_bytes = 328320,
		.runtime = { 592, 600, 608, 640, PYTHON_NO, 2160, PYTHON_NO },
		.interpreter = { 7264, 7344, 7272, 7664, 7648, 7656, 7400, PYTHON_NO, 0 },
		.thread = { 8, 16, 152, 72, PYTHON_NO, 232, 240, 248 },
		.cframe = { PYTHON_NO, PYTHON_NO },
		.frame = { 8, 0, 56, 70, PYTHON_NO, 16, 24, 48, 64, 72, 0 },
		.code = { 128, 136, 144, 84, 64, 152, 216, 200, 88, 112, PYTHON_NO, PYTHON_NO, 40,
			PYTHON_LINES_TABLE, 0 },
		.generator = { 88 },
		.type = { 896 },
		.string = { 56, 72, 2 },
		.tuple = { 40 } },
	{ .version = 0x030e,
		.wider = 16,
		.runtime_bytes = 365624,
		.runtime = { 768, 776, 784, 816, PYTHON_NO, 2336, PYTHON_NO },
		.interpreter = { 7272, 7344, 7280, 7712, 7696, 7704, 7408, PYTHON_NO, 0 },
		.thread = { 8, 16, 152, 72, PYTHON_NO, 232, 240, 248 },
		.cframe = { PYTHON_NO, PYTHON_NO },
		.frame = { 8, 0, 56, 78, PYTHON_NO, 16, 24, 48, 64, 80, 72 },
		.code = { 128, 136, 144, 84, 64, 152, 232, 208, 88, 112, PYTHON_NO, PYTHON_NO, 40,
			PYTHON_LINES_TABLE, 224 },
		.generator = { 88 },
		.type = { 896 },
		.string = { 56, 72, 8 },
		.tuple = { 48 } },
};
#undef PYTHON_NO

/* The row of a version (PY_VERSION_HEX, such as 0x030b02f0), with or without the GIL; or NULL. */
static inline const struct python_layout *python_layout_of(uint32_t version, bool without_gil)
{
	for (unsigned i = 0; i < sizeof python_layouts / sizeof python_layouts[0]; i++)
		if (python_layouts[i].version == version >> 16 && !python_layouts[i].wider == !without_gil)
			return &python_layouts[i];
	return NULL;
}

/* Since 3.13 the runtime begins with a cookie, the version, and whether the build is one without the GIL
 * (_Py_DebugOffsets); these are its first words. */
#define PYTHON_COOKIE 0x7970677562656478ull /* "xdebugpy" */
enum { PYTHON_WORD_COOKIE, PYTHON_WORD_VERSION, PYTHON_WORD_WITHOUT_GIL, PYTHON_WORDS };
static inline bool python_is_without_gil(uint32_t version, const uint64_t runtime[PYTHON_WORDS])
{
	return version >= 0x030d0000 && runtime[PYTHON_WORD_COOKIE] == PYTHON_COOKIE
		&& runtime[PYTHON_WORD_VERSION] == version && runtime[PYTHON_WORD_WITHOUT_GIL] == 1;
}

static inline unsigned python_type_offset(const struct python_layout *l)
{
	return PYTHON_OBJECT_TYPE + l->wider;
}
static inline unsigned python_size_offset(const struct python_layout *l)
{
	return PYTHON_VAR_SIZE + l->wider;
}

/* Does anybody hold a reference to this object? Its count is zero while it is being freed. The count of an immortal one
 * is negative in 32 bits. Without the GIL there are two: that of the thread that owns it, and that of all others above
 * two flags; either may be zero, or their sum. */
static inline bool python_is_held(const struct python_layout *l, uintptr_t object)
{
	if (!l->wider)
		return *(const uint32_t *)(object + PYTHON_OBJECT_COUNT) != 0;
	return *(const uint32_t *)(object + PYTHON_OBJECT_LOCAL)
		|| *(const uint64_t *)(object + PYTHON_OBJECT_SHARED) >> 2;
}

/* The state of a str with its bits where they are with the GIL: interned 2, kind 3, compact 1, ascii 1. */
static inline uint32_t python_string_bits(const struct python_layout *l, uint32_t bits)
{
	return l->string.kind ? bits >> l->string.kind << 2 : bits;
}

#endif
