/* run_environment.c - the settings of the library, as variables of the program: run.h. */
#include <stdlib.h>
#include "base/alloc.h"
#include "base/array.h"
#include "run.h"

static void set(struct run_child *c, char *assignment)
{
	*ARRAY_ADD(c->environment, c->environment_count, c->environment_capacity) = assignment;
}

/* What the caller has set stays. */
static void set_unless_set(struct run_child *c, const char *name, const char *value)
{
	if (!getenv(name))
		set(c, alloc_printf("%s=%s", name, value));
}

static void set_number(struct run_child *c, const char *name, uint64_t value)
{
	if (value)
		set(c, alloc_printf("TIDEMARK_%s=%llu", name, (unsigned long long)value));
}

static void set_flag(struct run_child *c, const char *name, bool on)
{
	if (on)
		set(c, alloc_printf("TIDEMARK_%s=1", name));
}

static void set_text(struct run_child *c, const char *name, const char *value)
{
	if (value)
		set(c, alloc_printf("TIDEMARK_%s=%s", name, value));
}

void run_environment(
	struct run_child *c, const struct run_options *o, const char *library, const struct run_session *s)
{
	const char *preload = getenv("LD_PRELOAD");
	char *command = run_command();

	set(c,
		preload && *preload ? alloc_printf("LD_PRELOAD=%s:%s", library, preload)
				    : alloc_printf("LD_PRELOAD=%s", library));
	/* A collector that the caller names is used; that of a run around this one may be of another build. */
	if (command && !run_collector_named())
		set_text(c, "COLLECTOR", command);
	free(command);
	set_text(c, "SESSION", s->folder);
	set_text(c, "OUTPUT", s->settings.pattern);
	set_number(c, "DEPTH", o->depth);
	set_text(c, "SITES", o->sites);
	set_number(c, "SAMPLE", o->sample);
	set_text(c, "EVERY", s->settings.every);
	set_text(c, "WHEN", s->settings.when);
	if (o->no_references)
		set_text(c, "REFERENCES", "0");
	set_flag(c, "UNALIGNED", o->unaligned);
	if (o->pointer_mask)
		set(c, alloc_printf("TIDEMARK_POINTER_MASK=0x%llx", (unsigned long long)o->pointer_mask));
	set_flag(c, "WIPE", o->wipe);
	if (o->no_python_objects)
		set_text(c, "PYTHON_OBJECTS", "no");
	set_text(c, "ROOTS", o->roots);
	set_text(c, "CHILDREN", o->children);
	set_text(c, "ROUNDS", o->rounds);
	set_flag(c, "AT_EXEC", o->at_exec);
	set_flag(c, "NO_COMMAND_LINE", o->no_command_line);
	set_flag(c, "NO_CONTENTS", o->no_contents);
	set_flag(c, "OVERWRITE", o->overwrite);
	set_flag(c, "VERBOSE", o->verbose);
}

void run_environment_stable(struct run_child *c)
{
	c->fixed_addresses = true;
	set_unless_set(c, "PYTHONHASHSEED", "0");
	set_unless_set(c, "PERL_HASH_SEED", "0");
	set_unless_set(c, "PERL_PERTURB_KEYS", "0");
	set_unless_set(c, "QT_HASH_SEED", "0");
	set_unless_set(c, "GLIBC_TUNABLES", "glibc.malloc.arena_max=1");
}
