/* ledger_translate.c - the numbers of a ledger in the terms of a snapshot: ledger_translate.h. */
#include "ledger_translate.h"
#include "format.h"
#include "shim/ledger.h"

_Static_assert(LEDGER_SITE_NESTED == SITE_NESTED && LEDGER_SITE_OVERFLOW == SITE_OVERFLOW
		&& LEDGER_SITE_BOOT == SITE_BOOT && LEDGER_SITE_FIRST == SITE_FIRST,
	"site i of the ledger is site i of the snapshot");
_Static_assert((int)LEDGER_REASON_EXIT == REASON_EXIT && (int)LEDGER_REASON_EXEC == REASON_EXEC
		&& (int)LEDGER_REASON_ABORT == REASON_ABORT && (int)LEDGER_REASON_API == REASON_API
		&& (int)LEDGER_REASON_REQUEST == REASON_REQUEST,
	"the shim hands its reason on to `tidemark collect --reason`");
_Static_assert(LEDGER_SIZE_CLASSES == SIZE_CLASSES && LEDGER_LIFETIME_CLASSES == LIFETIME_CLASSES,
	"histograms are copied class by class");
_Static_assert(LEDGER_ROUND_BUCKETS == TIDE_ROUND_BUCKETS, "rounds are copied bucket by bucket");
_Static_assert(LEDGER_HELD_BACK == PROCESS_HELD_BACK, "the error of the peak is the one that is shown");
_Static_assert((int)FUNCTION_MALLOC == TIDE_FUNCTION_MALLOC
		&& (int)FUNCTION_NEW_ARRAY_ALIGNED == TIDE_FUNCTION_NEW_ARRAY_ALIGNED
		&& (int)FUNCTION_FREE == TIDE_FUNCTION_FREE
		&& (int)FUNCTION_DELETE_ARRAY_ALIGNED == TIDE_FUNCTION_DELETE_ARRAY_ALIGNED
		&& (int)FUNCTION_DELETE_ARRAY_ALIGNED + 1 == TIDE_FUNCTIONS
		&& (int)ERROR_DOUBLE_FREE == MISUSE_DOUBLE_FREE && (int)ERROR_MISMATCH == MISUSE_MISMATCH
		&& (int)ERROR_MISMATCH + 1 == MISUSE_KINDS && (int)PLACE_STACK == MISUSE_PLACE_STACK
		&& (int)PLACE_MAPPING == MISUSE_PLACE_MAPPING,
	"kinds of errors, functions and places are copied as they are");

struct translation {
	uint32_t from, to;
};

static const struct translation module_flags[] = {
	{ LEDGER_MODULE_MAIN, MODULE_MAIN },
	{ LEDGER_MODULE_SHIM, MODULE_SHIM },
	{ LEDGER_MODULE_VDSO, MODULE_VDSO },
	{ 0, 0 },
};
static const struct translation frame_flags[] = {
	{ LEDGER_NODE_SIGNAL, FRAME_SIGNAL },
	{ LEDGER_NODE_BY_FRAME_POINTER, FRAME_BY_FRAME_POINTER },
	{ LEDGER_NODE_PYTHON, FRAME_PYTHON },
	{ 0, 0 },
};
static const struct translation site_flags[] = {
	{ LEDGER_SITE_DEPTH_CUT, SITE_DEPTH_CUT },
	{ LEDGER_SITE_BROKEN, SITE_BROKEN },
	{ LEDGER_SITE_MAPPING, SITE_MAPPING },
	{ LEDGER_SITE_INHERITED, SITE_INHERITED },
	{ LEDGER_SITE_TRACKED, SITE_TRACKED },
	{ LEDGER_SITE_ERROR, SITE_ERROR },
	{ LEDGER_SITE_FOLDED, SITE_FOLDED },
	{ 0, 0 },
};
static const struct translation thread_states[] = {
	{ LEDGER_THREAD_ALIVE, THREAD_ALIVE },
	{ LEDGER_THREAD_EXITED, THREAD_EXITED },
	{ 0, 0 },
};
static const struct translation process_flags[] = {
	{ LEDGER_FLAG_PRIVATE, PROCESS_PRIVATE },
	{ LEDGER_FLAG_FOREIGN, PROCESS_FOREIGN },
	{ LEDGER_FLAG_FORKED, PROCESS_FORKED },
	{ LEDGER_FLAG_SECCOMP, PROCESS_SECCOMP },
	{ LEDGER_FLAG_SAMPLED, PROCESS_SAMPLED },
	{ LEDGER_FLAG_THREADED, PROCESS_THREADED },
	{ LEDGER_FLAG_OWN_MALLOC, PROCESS_OWN_MALLOC },
	{ 0, 0 },
};
static const uint32_t mark_kinds[] = {
	[LEDGER_MARK_USER] = MARK_USER,
	[LEDGER_MARK_SNAPSHOT] = MARK_SNAPSHOT,
	[LEDGER_MARK_TICK] = MARK_TICK,
	[LEDGER_MARK_FORK] = MARK_FORK,
	[LEDGER_MARK_FREEZE] = MARK_FREEZE,
	[LEDGER_MARK_SCOPE_BEGIN] = MARK_SCOPE_BEGIN,
	[LEDGER_MARK_SCOPE_END] = MARK_SCOPE_END,
	[LEDGER_MARK_START] = MARK_START,
	[LEDGER_MARK_STOP] = MARK_STOP,
};

static uint32_t translate_bits(uint32_t bits, const struct translation *t)
{
	uint32_t result = 0;

	for (; t->from; t++)
		if (bits & t->from)
			result |= t->to;
	return result;
}

uint32_t ledger_module_flags(uint32_t flags) { return translate_bits(flags, module_flags); }
uint32_t ledger_frame_flags(uint32_t flags) { return translate_bits(flags, frame_flags); }
uint32_t ledger_site_flags(uint32_t flags) { return translate_bits(flags, site_flags); }
uint32_t ledger_thread_state(uint32_t state) { return translate_bits(state, thread_states); }
uint32_t ledger_process_flags(uint32_t flags) { return translate_bits(flags, process_flags); }

uint32_t ledger_mark_kind(uint32_t kind)
{
	return kind < sizeof(mark_kinds) / sizeof(mark_kinds[0]) ? mark_kinds[kind] : 0;
}
