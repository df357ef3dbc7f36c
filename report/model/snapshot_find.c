/* snapshot_find.c - questions that need no more than one snapshot: snapshot.h. */
#include <string.h>
#include "base/error.h"
#include "base/search.h"
#include "snapshot.h"

const char *snapshot_string(const struct snapshot *s, uint32_t offset)
{
	return offset < s->strings_bytes ? s->strings + offset : "";
}

static uint64_t find_named_value(
	const struct snapshot *s, const struct tide_value *values, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(snapshot_string(s, values[i].name), name))
			return values[i].value;
	return 0;
}

uint64_t snapshot_value(const struct snapshot *s, const char *name)
{
	return find_named_value(s, s->values, s->value_count, name);
}

uint64_t snapshot_python(const struct snapshot *s, const char *name)
{
	return find_named_value(s, s->python, s->python_count, name);
}

const char *snapshot_reason(uint32_t reason)
{
	static const char *const names[] = { "unknown", "exit", "exec", "abort", "signal", "mark", "api",
		"timer", "condition", "request", "post-mortem", "python" };

	return names[reason < sizeof(names) / sizeof(names[0]) ? reason : 0];
}

int snapshot_needs_references(const struct snapshot *s, struct tide_error *e)
{
	const struct tide_process *p = s->process;
	const char *path = s->path ? s->path : "the snapshot", *why = snapshot_string(s, p->incomplete_why);

	if (p->references)
		return 0;
	if (p->reason == REASON_SIGNAL || p->reason == REASON_POST_MORTEM)
		return error_set(e, EXIT_UNMEASURED,
			"no references in %s|%s|take one while it runs: tidemark run --every 1m, or tidemark snap PID",
			path, *why ? why : "the process ended without a snapshot");
	return error_set(e, EXIT_UNMEASURED, "no references in %s|%s|take one of the running process%s", path,
		p->complete || !*why ? "the snapshot holds counters only" : why,
		p->complete ? ", without --no-references" : "");
}

const char *snapshot_misuse(uint32_t kind)
{
	static const char *const names[MISUSE_KINDS] = { "unknown", "double-free", "foreign-free",
		"inner-free", "mismatch" };

	return names[kind < MISUSE_KINDS ? kind : 0];
}

const char *snapshot_function(uint32_t function)
{
	static const char *const names[TIDE_FUNCTIONS] = { "", "malloc", "new", "new[]", "new (aligned)",
		"new[] (aligned)", "free", "realloc", "delete", "delete[]", "delete (aligned)",
		"delete[] (aligned)" };

	return names[function < TIDE_FUNCTIONS ? function : 0];
}

const char *snapshot_site_label(uint32_t site)
{
	switch (site) {
	case SITE_NESTED: return "(inside a signal handler)";
	case SITE_OVERFLOW: return "(site table full)";
	case SITE_BOOT: return "(before start-up was finished)";
	}
	return NULL;
}

bool snapshot_same_process(const struct tide_process *a, const struct tide_process *b)
{
	uint64_t x = a->started_wall_ns, y = b->started_wall_ns;

	return a->pid == b->pid && (x > y ? x - y : y - x) < 1000000000;
}

uint64_t snapshot_block_at(const struct tide_block *blocks, uint64_t count, uint64_t address)
{
	uint64_t above = SEARCH_UP_TO(blocks, count, address, address);
	const struct tide_block *b = above ? &blocks[above - 1] : NULL;

	return b && address - b->address < b->bytes + !b->bytes ? above - 1 : SNAPSHOT_NONE;
}
