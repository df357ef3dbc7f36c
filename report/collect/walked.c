/* walked.c - blocks without sites: walked.h. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/proc_stat.h"
#include "process/process.h"
#include "walked.h"

/* --- the ledger that does not exist ------------------------------------------------- */

struct text {
	char *bytes;
	size_t used, room;
};

static uint32_t add_text(struct text *t, const char *s)
{
	size_t bytes = strlen(s) + 1;
	uint32_t at = (uint32_t)t->used;

	ARRAY_RESERVE(t->bytes, t->room, t->used + bytes);
	memcpy(t->bytes + t->used, s, bytes);
	t->used += bytes;
	return at;
}

static char *link_of(int pid, const char *name)
{
	char path[64], *to = alloc_zeroed(PATH_MAX, 1);
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	n = readlink(path, to, PATH_MAX - 1);
	to[n > 0 ? n : 0] = 0;
	if (n > 10 && !strcmp(to + n - 10, " (deleted)"))
		to[n - 10] = 0;
	return to;
}

/* Arguments are separated by spaces, as the library does it. */
static char *read_command(int pid)
{
	size_t used = 0, got, capacity = 0;
	char path[64], *text = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	f = fopen(path, "re");
	do {
		ARRAY_RESERVE(text, capacity, used + 4096);
		got = f ? fread(text + used, 1, capacity - used - 1, f) : 0;
		used += got;
	} while (got);
	if (f)
		fclose(f);
	while (used && !text[used - 1])
		used--;
	for (size_t i = 0; i < used; i++)
		if (!text[i])
			text[i] = ' ';
	text[used] = 0;
	return text;
}

static void times_of(struct walked_process *p)
{
	struct proc_stat stat;
	uint64_t boot = clock_read(CLOCK_BOOTTIME), age = 0;

	if (proc_stat_read(p->pid, 0, &stat) == 1) {
		uint64_t started = stat.start_ticks * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));

		age = started < boot ? boot - started : 0;
	}
	p->started_wall_ns = clock_wall_ns() - age;
	p->started_mono_ns = clock_ns() > age ? clock_ns() - age : 0;
}

static void threads_of(struct ledger_copy *c, const struct stop *s)
{
	struct ledger_thread *to = alloc_zeroed(s->count + 1, sizeof(*to));
	uint64_t n = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct stop_thread *t = &s->threads[i];

		if (t->how == STOP_GONE)
			continue;
		to[n] = (struct ledger_thread){ .tid = t->tid, .state = LEDGER_THREAD_ALIVE };
		if (stop_general(t))
			to[n].control_block = t->registers.fs_base;
		memcpy(to[n++].name, t->name, sizeof(to->name));
	}
	c->table[LEDGER_THREADS] = to;
	c->count[LEDGER_THREADS] = n;
}

void walked_ledger(struct ledger_copy *c, const struct walked_process *p, const struct stop *s)
{
	struct ledger_header *h = &c->header;
	struct text text = { 0 };

	*c = (struct ledger_copy){ .header = { .version = LEDGER_VERSION,
					   .state = p->started_mono_ns ? LEDGER_RUNNING : LEDGER_FINISHED,
					   .pid = p->pid,
					   .parent_pid = p->parent,
					   .uid = p->user,
					   .started_wall_ns = p->started_wall_ns,
					   .started_mono_ns = p->started_mono_ns,
					   .exit_status = -1 } };
	add_text(&text, "");
	h->exe = add_text(&text, p->exe);
	h->command = add_text(&text, *p->command ? p->command : p->exe);
	h->directory = add_text(&text, p->directory);
	if (s->count > 1)
		h->flags |= LEDGER_FLAG_THREADED;
	c->table[LEDGER_STRINGS] = text.bytes;
	c->count[LEDGER_STRINGS] = text.used;
	threads_of(c, s);
}

void walked_ledger_running(struct ledger_copy *c, int pid, const struct stop *s)
{
	char *exe = link_of(pid, "exe"), *folder = link_of(pid, "cwd"), *command = read_command(pid),
	     path[64];
	struct walked_process p = {
		.pid = pid, .parent = process_parent(pid), .exe = exe, .command = command, .directory = folder
	};
	struct stat st;

	times_of(&p);
	snprintf(path, sizeof(path), "/proc/%d", pid);
	if (!stat(path, &st))
		p.user = st.st_uid;
	walked_ledger(c, &p, s);
	free(exe);
	free(folder);
	free(command);
}

/* --- the walk ------------------------------------------------------------------------ */

bool walked_heap(struct heap *h, struct remote *m, const struct stop *s)
{
	uint64_t *pointers = alloc_bytes((s->count + 1) * sizeof(*pointers));
	size_t n = 0;
	bool found;

	for (size_t i = 0; i < s->count; i++)
		if (stop_general(&s->threads[i]) && s->threads[i].registers.fs_base)
			pointers[n++] = s->threads[i].registers.fs_base;
	found = heap_walk(h, m, pointers, n);
	free(pointers);
	return found;
}

#define TRIES 4u                /* for a process that was stopped in the middle of malloc */
#define STARTS_NS 3000000000ull /* a program starts within that, as a rule */
#define STARTS_LOOK_NS 10000000

int walked_image(struct heap *h, struct image *im, int pid, const struct image_options *o,
	void (*copy)(void *), void *context, bool *found, struct tide_error *e)
{
	uint64_t limit = clock_ns() + STARTS_NS;

	for (unsigned tries = 1;;) {
		bool failed = image_alone(im, pid, o, copy, context, e) != 0;

		*found = !failed && walked_heap(h, &im->memory, &im->stop);
		if (!*found && image_starts(im) && clock_ns() < limit)
			nanosleep(&(struct timespec){ 0, STARTS_LOOK_NS }, NULL);
		else if (failed)
			return -1;
		else if (!h->unsure || tries++ == TRIES)
			return 0;
		heap_end(h);
		image_alone_end(im);
	}
}

/* Merges two lists from the end on, in the memory of the longer one. */
static void merge_sizes(struct heap *h, const struct tide_block *more, uint64_t count)
{
	uint64_t i = h->count, to = h->count + count;

	ARRAY_RESERVE(h->blocks, h->room, to);
	h->count = to;
	while (count)
		h->blocks[--to] = i && h->blocks[i - 1].address > more[count - 1].address ? h->blocks[--i]
											  : more[--count];
}

void walked_join(struct heap *h, const struct tide_block *known, uint64_t known_count)
{
	struct tide_block *outside = NULL;
	uint64_t outside_count = 0, room = 0, segment = 0, i = 0;

	for (uint64_t k = 0; k < known_count; k++) {
		uint64_t address = known[k].address;

		while (i < h->count && h->blocks[i].address < address)
			i++;
		while (segment < h->segment_count && h->segments[segment].hi <= address)
			segment++;
		if (i < h->count && h->blocks[i].address == address) {
			uint64_t bytes = h->blocks[i].bytes;

			h->blocks[i] = known[k];
			h->blocks[i].bytes = bytes;
		} else if (segment == h->segment_count || h->segments[segment].lo > address) {
			*ARRAY_ADD(outside, outside_count, room) = known[k];
		}
	}
	merge_sizes(h, outside, outside_count);
	free(outside);
}

/* --- sites --------------------------------------------------------------------------- */

static int compare_sizes(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

#define SIZES_SMALL 4096u /* of 8 bytes each: sizes with an entry of their own */

struct sizes {
	uint64_t *size; /* larger ones, sorted, each once */
	uint64_t count;
	uint32_t small[SIZES_SMALL], first_large; /* sites; 0: not yet */
};

static bool is_small(uint64_t bytes) { return bytes / 8 < SIZES_SMALL; }

static void collect_sizes(struct sizes *z, const struct tide_block *blocks, uint64_t count)
{
	uint64_t room = 0, n = 0;

	for (uint64_t i = 0; i < count; i++)
		if (!blocks[i].site && !is_small(blocks[i].bytes))
			*ARRAY_ADD(z->size, z->count, room) = blocks[i].bytes;
	if (z->count)
		qsort(z->size, z->count, sizeof(*z->size), compare_sizes);
	for (uint64_t i = 0; i < z->count; i++)
		if (!n || z->size[n - 1] != z->size[i])
			z->size[n++] = z->size[i];
	z->count = n;
}

static uint32_t add_site(struct ledger_made *m, uint64_t bytes)
{
	*ARRAY_ADD(m->sites, m->site_count, m->site_capacity) = (struct tide_site){ .flags = SITE_OF_SIZE,
		.depth = bytes / 8 < UINT32_MAX ? (uint32_t)(bytes / 8) : UINT32_MAX };
	return (uint32_t)m->site_count - 1;
}

static uint32_t site_of(const struct sizes *z, uint64_t bytes)
{
	const uint64_t *at;

	if (is_small(bytes))
		return z->small[bytes / 8];
	at = bsearch(&bytes, z->size, z->count, sizeof(*z->size), compare_sizes);
	return at ? z->first_large + (uint32_t)(at - z->size) : 0;
}

static void count_site(struct ledger_made *m, uint32_t site, uint64_t bytes)
{
	struct tide_site *s = &m->sites[site];

	s->live_bytes += (int64_t)bytes;
	s->live_blocks++;
	s->peak_bytes = s->live_bytes;
	s->peak_blocks = s->live_blocks;
	m->process.live_bytes += bytes;
	m->process.live_blocks++;
}

void walked_sites(struct ledger_made *m, struct tide_block *blocks, uint64_t count, bool counters)
{
	struct sizes *z = alloc_zeroed(1, sizeof(*z));

	while (m->site_count < SITE_FIRST) {
		uint32_t reserved = add_site(m, 0);

		m->sites[reserved].flags = 0;
	}
	collect_sizes(z, blocks, count);
	for (uint64_t i = 0; i < count; i++)
		if (!blocks[i].site && is_small(blocks[i].bytes) && !z->small[blocks[i].bytes / 8])
			z->small[blocks[i].bytes / 8] = add_site(m, blocks[i].bytes);
	z->first_large = (uint32_t)m->site_count;
	for (uint64_t i = 0; i < z->count; i++)
		add_site(m, z->size[i]);
	for (uint64_t i = 0; i < count; i++) {
		if (blocks[i].site)
			continue;
		blocks[i].site = site_of(z, blocks[i].bytes);
		if (counters)
			count_site(m, blocks[i].site, blocks[i].bytes);
	}
	if (counters) {
		m->process.peak_bytes = m->process.live_bytes;
		m->process.peak_elapsed_ns = m->process.elapsed_ns;
	}
	free(z->size);
	free(z);
}

size_t walked_values(const struct heap *h, struct snapshot_writer *w, struct tide_value to[WALKED_VALUES])
{
	const struct {
		const char *name;
		uint64_t value;
	} list[] = {
		{ "heap.arenas", h->arenas.count },
		{ "heap.chunks", h->walked },
		{ "heap.mapped_chunks", h->mapped_chunks },
		{ "heap.tcache", h->cached_tcache },
		{ "heap.fast", h->cached_fast },
		{ "heap.unsure", h->unsure },
	};
	size_t n = sizeof(list) / sizeof(*list);

	_Static_assert(sizeof(list) / sizeof(*list) <= WALKED_VALUES, "room for all");
	for (size_t i = 0; i < n; i++)
		to[i] = (struct tide_value){ .name = snapshot_writer_string(w, list[i].name),
			.value = list[i].value };
	return n;
}
