/* collect.c - takes one snapshot: collect.h. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/clock.h"
#include "base/path.h"
#include "base/proc_stat.h"
#include "answer.h"
#include "model/ledger_map.h"
#include "notes.h"
#include "oom_score.h"
#include "blockmap.h"
#include "collect.h"
#include "collect_core.h"
#include "collect_graph.h"
#include "collect_heap.h"
#include "collect_kept.h"
#include "collect_memory.h"
#include "collect_options.h"
#include "collect_output.h"
#include "collect_private.h"
#include "collect_process.h"
#include "collect_threads.h"
#include "collect_python.h"
#include "foreign.h"
#include "give_way.h"
#include "heap/heap_busy.h"
#include "process/image.h"
#include "process/process.h"
#include "session_lock.h"
#include "settled.h"
#include "walked.h"

struct collecting {
	struct collect *request;
	struct ledger_map map; /* only control words are written. No header: private memory */
	bool foreign;
	struct ledger_copy copy;
	bool copied;
	uint32_t tables; /* of the ledger: what is copied */
	struct tide_error copy_error;
	struct collect_process process;
	struct image image;
	struct blockmap blocks;
	struct heap_busy busy;
	struct heap heap; /* its list has become that of `blocks` */
	bool walked, unprepared;
	bool brief, code_known, gives_way; /* CL4 */
	struct core *core;                 /* instead of a process; NULL: none */
	struct collect_graph graph;
	struct collect_memory memory;
	struct python *python; /* NULL: there is no interpreter */
	struct ledger_made made;
	struct snapshot_writer *writer;
	struct tide_warning warnings[8];
	uint64_t warning_count;
	uint32_t skip_roots;
};

static void add_warning(struct collecting *c, const char *text, const char *hint)
{
	if (c->warning_count < sizeof(c->warnings) / sizeof(c->warnings[0]))
		c->warnings[c->warning_count++] =
			(struct tide_warning){ snapshot_writer_string(c->writer, text),
				snapshot_writer_string(c->writer, hint) };
}

static bool wants_references(const struct collecting *c, const struct ledger_copy *copy)
{
	return collect_options_references(copy) && !(c->request->flags & REQUEST_FLAG_NO_REFERENCES);
}

static void read_code_map(struct collecting *c)
{
	struct tide_error e = { 0 };

	if (collect_process_code(c->copy.header.pid, c->copy.header.started_wall_ns, c->writer, &e))
		add_warning(c, e.what, e.why);
}

/* What /proc says about the process, and files that are named by its number. Its mappings and pages come first:
 * it may still be running, and reading its memory can make pages. */
static void read_mappings(struct collecting *c)
{
	if (!c->image.left)
		c->request->contained = collect_process_contained(c->core ? 0 : c->copy.header.pid);
	if (c->core) {
		collect_core_mappings(c->core, &c->process, c->writer);
		collect_memory_core(&c->memory, &c->image.memory);
		return;
	}
	if (c->brief && c->image.reader) {
		collect_process_maps(&c->image.memory, c->writer);
		return;
	}
	collect_process_mappings(&c->process, c->copy.header.pid, c->writer);
	if (c->image.reader && wants_references(c, &c->copy))
		collect_memory_pages(&c->memory, &c->image.memory, &c->process, c->copy.header.pid);
	if (c->memory.resident_bytes)
		c->process.rss_bytes = c->memory.resident_bytes;
}

static void read_process(struct collecting *c)
{
	/* The number of a process that left a core may belong to another one now. */
	if (!c->brief && !c->core)
		collect_process_own(&c->process, c->copy.header.pid, &c->copy);
	if (!c->code_known && !c->core)
		read_code_map(c);
}

#define COPY_BYTES (16u << 20) /* copied in less time than an image of it is read */

/* Of a sampled process the ledger has only a few blocks: without the others, what those hold seems lost. */
static bool is_sampled(const struct collecting *c)
{
	return c->copy.header.sample_bytes && wants_references(c, &c->copy);
}

/* Fork servers and test runners pay for the end of each child, and need no details about its memory
 * (CL4). */
static void leave(struct collecting *c)
{
	c->brief = !c->request->outside && c->request->reason == REASON_EXIT && c->copy.header.generation
		&& !(c->request->flags & (REQUEST_FLAG_EARLY | REQUEST_FLAG_KEPT))
		&& collect_process_small(&c->process, c->image.target);
	if (!c->brief || c->request->leaving == LEAVING_NOT || !wants_references(c, &c->copy))
		return;
	read_code_map(c);
	c->request->contained = collect_process_contained(c->copy.header.pid);
	c->code_known = true;
	if (image_leave(&c->image, is_sampled(c) ? 0 : COPY_BYTES, c->request->leaving == LEAVING_IMAGE))
		c->gives_way = give_way(); /* no process waits for us */
}

/* A walk is reliable when no thread is in the middle of malloc. */
static bool is_busy(void *context, bool stopped)
{
	struct collecting *c = context;

	if (!stopped)
		heap_busy_find(&c->busy, c->image.target);
	return stopped && heap_is_busy(&c->busy);
}

/* Called while all threads are stopped. */
static void copy_ledger(void *context)
{
	struct collecting *c = context;

	c->copied =
		!ledger_copy_descriptor(&c->copy, c->map.fd, c->tables, c->request->ledger, &c->copy_error);
	if (!c->copied)
		return;
	/* The ledger may name any process: only the one that was stopped is looked at. */
	c->copy.header.pid = c->image.target;
	collect_process_quick(&c->process, c->image.target);
}

static void add_doubt(struct collecting *c, const char *text)
{
	if (*text)
		error_reason(c->request->why, sizeof(c->request->why), text);
}

/* What is outside blocks, for `tidemark waste`. References need the room of the walk's list next. */
static void write_heap(struct collecting *c)
{
	if (!c->walked) {
		heap_end(&c->heap);
		walked_heap(&c->heap, &c->image.memory, &c->image.stop);
	}
	collect_heap(&(struct collect_heap){ &c->heap, c->walked ? c->blocks.blocks : c->heap.blocks,
			     c->walked ? c->blocks.count : c->heap.count },
		&c->image.memory, &c->copy, &c->blocks, c->writer);
	free(c->heap.blocks);
	c->heap.blocks = NULL;
}

/* --- the parts of a snapshot ---------------------------------------------------- */

/* Blocks of another allocator are not seen; those of glibc, which nearly every process has as well, are still
 * seen. */
static void has_foreign_allocator(struct collecting *c)
{
	struct foreign f;

	foreign_find(&f, &c->image.memory, c->core ? 0 : c->image.target, c->core ? c->core->exe : NULL);
	if (f.name) {
		char *text = alloc_printf("the process allocates with %s (%s): those blocks are not seen",
			f.name, path_base(f.path));

		add_warning(c, text, c->heap.count ? "what glibc has allocated is" : "");
		c->made.process.allocator = snapshot_writer_string(c->writer, f.path);
		/* What it holds may be lost, or may be all that holds a block of glibc's. */
		add_doubt(c, c->unprepared ? text : "");
		if (c->unprepared)
			free(text);
		else
			c->request->note = text;
	}
	add_doubt(c, foreign_doubt(&f, c->walked));
	foreign_free(&f);
}

/* The walked list takes the place of the one that was known before. */
static void walk_blocks(struct collecting *c)
{
	if (!c->unprepared)
		c->walked = walked_heap(&c->heap, &c->image.memory, &c->image.stop);
	if (c->unprepared || is_sampled(c))
		has_foreign_allocator(c);
	if (!c->walked) {
		c->made.process.flags |= c->unprepared ? PROCESS_UNPREPARED : 0;
		if (is_sampled(c))
			c->request->flags |= REQUEST_FLAG_NO_REFERENCES;
		return;
	}
	if (!c->request->walk)
		walked_join(&c->heap, c->blocks.blocks, c->blocks.count);
	free(c->blocks.blocks);
	c->blocks.blocks = c->heap.blocks;
	c->blocks.count = c->blocks.room = c->heap.count;
	c->heap.blocks = NULL;
	if (!c->unprepared)
		walked_sites(&c->made, c->blocks.blocks, c->blocks.count, false);
	c->made.process.flags |= PROCESS_WALKED | (c->unprepared ? PROCESS_UNPREPARED : 0);
	if (c->heap.unsure)
		add_doubt(c, c->heap.doubts);
}

static void write_births(struct collecting *c)
{
	blockmap_births(&c->blocks, &c->copy, c->writer, c->made.threads, c->made.thread_count);
}

static void take_blocks(struct collecting *c)
{
	if (!c->image.reader && !c->core)
		return;
	if (!c->unprepared)
		blockmap_read(&c->blocks, &c->image.memory, &c->copy, c->process.touched_bytes);
	if (c->blocks.cut)
		add_doubt(c, "the list of blocks is damaged");
	/* Only for the sampled blocks is the birth known. */
	if (is_sampled(c))
		write_births(c);
	if (c->unprepared || c->request->walk || is_sampled(c))
		walk_blocks(c);
	if (!c->unprepared && !is_sampled(c))
		write_births(c);
	if (c->blocks.without_size)
		add_warning(c, "the size of some blocks could not be read",
			"they count as empty in the list of blocks");
	if (wants_references(c, &c->copy))
		c->python = collect_python_blocks(&c->image.memory, &c->blocks);
	/* Small objects of Python count as well, which are among the blocks now, in place of the arenas that hold them.
	 * Where there is a ledger, it decides whether they do. */
	if (c->unprepared && c->walked)
		walked_sites(&c->made, c->blocks.blocks, c->blocks.count, true);
	if (collect_python_blind(&c->copy))
		add_warning(c, collect_python_blind(&c->copy), "");
	c->graph.no_contents = c->request->no_contents || collect_option_set(&c->copy, "NO_CONTENTS");
	collect_python_codes(c->python, &c->copy, c->writer, &c->made);
	python_hide_contents(c->python, c->graph.no_contents);
	python_left(c->python, c->copy.header.python_left);
	notes_apply(&c->copy, c->blocks.blocks, c->blocks.count);
	if (c->skip_roots && wants_references(c, &c->copy)) {
		char *text = collect_options_skipped(c->skip_roots);

		add_warning(c, text, "what only they hold counts as lost");
		free(text);
	}
	if (wants_references(c, &c->copy)) {
		if (!c->brief)
			write_heap(c);
		c->graph.writer = c->writer;
		c->graph.made = &c->made;
		c->graph.usable = c->walked;
		c->graph.python = c->python;
		collect_graph(&c->graph, &c->image, &c->copy, c->blocks.blocks, c->blocks.count);
		add_doubt(c, c->graph.references.doubts);
		if (!c->brief)
			collect_memory_regions(
				&c->memory, &c->graph.references, &c->heap, &c->blocks, c->writer);
	}
}

static void write_process(struct collecting *c)
{
	struct tide_process *p = &c->made.process;
	const struct collect *r = c->request;

	p->reason = r->reason;
	p->sequence = r->serial;
	p->threads_stopped = c->image.threads_stopped;
	p->threads_unknown = c->image.threads_unknown;
	p->pause_ns = image_pause_ns(&c->image);
	p->rss_bytes = c->process.rss_bytes;
	p->virtual_bytes = c->process.virtual_bytes;
	p->pss_bytes = c->process.pss_bytes;
	p->own_bytes = c->process.own_bytes;
	if (wants_references(c, &c->copy)) {
		add_doubt(c, c->image.why);
		if (!p->references)
			add_doubt(c, "no references were taken");
	}
	if (c->core) {
		p->flags |= PROCESS_CORE;
		p->exit_signal = (uint32_t)c->core->signal;
		add_doubt(c, c->core->why);
	}
	if (c->brief)
		p->flags |= PROCESS_BRIEF;
	if (c->copy.cut)
		add_doubt(c, "the ledger is damaged");
	/* If the process was killed while we read it, the rest of its memory is missing. */
	if (c->image.reader && !c->image.copied && !process_lives(c->image.reader))
		add_doubt(c, "the process was killed while it was read");
	if (r->flags & REQUEST_FLAG_EARLY)
		p->flags |= PROCESS_EARLY;
	p->complete = !*r->why;
	p->incomplete_why = snapshot_writer_string(c->writer, r->why);
}

static void write_sections(struct collecting *c)
{
	struct tide_value more[3 + WALKED_VALUES];
	size_t count = 3;

	if (collect_option_set(&c->copy, "COMPRESS"))
		snapshot_writer_compress(c->writer, 1 << 16, 1);
	if (c->request->no_command_line)
		collect_options_hide_command(&c->copy);
	ledger_sections(&c->copy, c->writer, &c->made);
	ledger_sections_errors(&c->copy, c->writer, false);
	collect_threads(&c->image.stop, &c->made);
	read_mappings(c);
	take_blocks(c);
	read_process(c);
	write_process(c);
	more[0] = (struct tide_value){ .name = snapshot_writer_string(c->writer, "blocks"),
		.value = c->blocks.count };
	more[1] = (struct tide_value){ .name = snapshot_writer_string(c->writer, "missed.block_sizes"),
		.value = c->blocks.without_size };
	more[2] = (struct tide_value){ .name = snapshot_writer_string(c->writer, "missed.registers"),
		.value = c->image.threads_unknown };
	if (c->walked)
		count += walked_values(&c->heap, c->writer, more + count);
	if (c->walked && c->unprepared)
		c->made.process.libc = snapshot_writer_string(c->writer, c->heap.allocator);
	ledger_coverage(&c->copy, c->writer, more, count);
	snapshot_writer_section(
		c->writer, SECTION_WARNINGS, sizeof(c->warnings[0]), c->warnings, c->warning_count, 0);
	ledger_sections_finish(&c->made, c->writer);
}

/* The process could not make a file, so it waits for our end while its own memory is read. Without shared
 * words no thread can be stopped and no image made. */
static int take_private(struct collecting *c, struct tide_error *e)
{
	char *session, *ledger = NULL;
	int pid, result;

	if (remote_open(&c->image.memory, (int)getppid(), e)
		|| collect_private(&c->copy, &c->image.memory, e))
		return -1;
	pid = c->copy.header.pid;
	session = ledger_option(&c->copy, "SESSION");
	if (session) /* where the ledger would be */
		ledger = alloc_printf("%s/%d.none", session, pid);
	free(session);
	if (ledger && session_lock_hold(ledger)) {
		free(ledger);
		return error_set(e, EXIT_UNMEASURED, "process %d has ended||", pid);
	}
	collect_process_quick(&c->process, pid);
	c->image.reader = c->image.target = pid;
	c->image.started_by_it = true;
	if (wants_references(c, &c->copy))
		add_doubt(c, "the process could not make a file for its ledger: no references");
	c->request->flags |= REQUEST_FLAG_NO_REFERENCES;
	write_sections(c);
	c->request->complete = c->made.process.complete;
	result = collect_output_write(c->request, &c->copy, c->writer, e);
	if (ledger && !result)
		collect_announce(ledger, pid, c->request->reason, 0, c->request->written);
	free(ledger);
	return result;
}

/* Options do not change after the start, so a copy from before the process is stopped has them. */
static int read_options(struct collecting *c, struct image_options *o, struct tide_error *e)
{
	struct ledger_copy early;
	int failed = ledger_copy_descriptor(&early, c->map.fd, 1u << LEDGER_STRINGS, c->request->ledger, e);

	if (!failed) {
		collect_options_image(&early, o);
		c->skip_roots = o->skip_roots;
		o->no_references = !wants_references(c, &early);
		if (c->request->walk || (early.header.sample_bytes && !o->no_references))
			o->unfit = is_busy;
	}
	ledger_copy_free(&early);
	return failed;
}

static int take_snapshot(struct collecting *c, struct tide_error *e)
{
	struct collect *r = c->request;
	struct image_options options = { .unaligned = r->unaligned,
		.pointer_mask = r->pointer_mask,
		.skip_roots = r->skip_roots,
		.reason = r->reason,
		.flags = r->flags,
		.pid = r->pid,
		.ledger_file = c->map.fd,
		.standing = r->flags & REQUEST_FLAG_STANDING,
		.served = r->served };
	uint32_t serial = c->map.header->request_serial;
	bool settled;
	int result;

	/* The snapshot may be there already (collect_kept.h): then little of the ledger is needed. */
	c->tables = r->flags & REQUEST_FLAG_KEPT && !c->foreign ? COLLECT_KEPT_TABLES : LEDGER_COPY_ALL;
	if (read_options(c, &options, e))
		return -1;
	result = r->outside
		? image_request(&c->image, c->map.header, c->map.bytes, &options, copy_ledger, c, e)
		: image_answer(&c->image, c->map.header, c->map.bytes, &options, copy_ledger, c, e);
	if (result)
		return -1;
	/* The process counts what it answers; a process that did not take part is counted here. */
	if (r->outside && c->map.header->request_serial == serial)
		__atomic_add_fetch(&c->map.header->request_serial, 1, __ATOMIC_RELAXED);
	if (!r->serial)
		r->serial = c->map.header->request_serial;
	if (c->copied && c->tables != LEDGER_COPY_ALL) {
		if ((r->written = collect_kept_finish(&c->copy, &r->complete)))
			return 0;
		/* The ledger does not change while the process waits for us. */
		ledger_copy_free(&c->copy);
		c->tables = LEDGER_COPY_ALL;
		copy_ledger(c);
	}
	if (!c->copied) {
		*e = c->copy_error;
		return -1;
	}
	settled = c->copy.header.flags & LEDGER_FLAG_SETTLED && r->reason == REASON_EXIT && !r->outside;
	if (!settled) {
		leave(c);
		write_sections(c);
	}
	if (ledger_map_cut())
		return error_set(e, EXIT_UNMEASURED,
			"cannot read the ledger %s|it was cut off while it was read|", r->ledger);
	if (settled) {
		r->complete = true;
		return settled_write(r, &c->copy, c->writer, e);
	}
	r->complete = c->made.process.complete;
	if (r->flags & REQUEST_FLAG_QUERY) {
		result = answer_query(c->map.header, c->map.bytes, c->writer, e);
		c->writer = NULL;
		return result;
	}
	result = collect_output_write(c->request, &c->copy, c->writer, e);
	if (!result && r->flags & REQUEST_FLAG_EARLY)
		collect_kept_note(c->map.header, r->written);
	return result;
}

static void copy_nothing(void *context)
{
	struct collecting *c = context;

	collect_process_quick(&c->process, c->image.target);
}

/* A process without the library. */
static int take_unprepared(struct collecting *c, struct tide_error *e)
{
	struct collect *r = c->request;
	struct image_options options = { .unaligned = r->unaligned,
		.pointer_mask = r->pointer_mask,
		.skip_roots = r->skip_roots,
		.unfit = is_busy };

	c->unprepared = true;
	c->skip_roots = r->skip_roots;
	if (walked_image(&c->heap, &c->image, r->pid, &options, copy_nothing, c, &c->walked, e))
		return -1;
	walked_ledger_running(&c->copy, r->pid, &c->image.stop);
	if (!r->serial)
		r->serial = 1;
	write_sections(c);
	r->complete = c->made.process.complete;
	return collect_output_write(c->request, &c->copy, c->writer, e);
}

/* The snapshot of a core. */
static int take_core(struct collecting *c, struct tide_error *e)
{
	struct collect *r = c->request;
	char *missing;

	c->core = alloc_zeroed(1, sizeof(*c->core));
	if (core_open(c->core, r->core, e))
		return -1;
	c->unprepared = true;
	c->skip_roots = r->skip_roots;
	c->image.options = (struct image_options){
		.unaligned = r->unaligned, .pointer_mask = r->pointer_mask, .skip_roots = r->skip_roots
	};
	collect_core_image(c->core, &c->image);
	c->walked = walked_heap(&c->heap, &c->image.memory, &c->image.stop);
	collect_core_ledger(c->core, &c->copy);
	missing = collect_core_missing(c->core);
	if (missing)
		add_warning(c, missing, "what only they say is not shown: install the same builds");
	free(missing);
	if (collect_core_waits(c->core))
		add_warning(c, "a core does not hold what was given to epoll",
			"what only the kernel refers to counts as lost");
	r->reason = c->core->signal > 0 ? REASON_SIGNAL : r->reason;
	r->serial = 1;
	write_sections(c);
	r->complete = c->made.process.complete;
	return collect_output_write(c->request, &c->copy, c->writer, e);
}

int collect_snapshot(struct collect *r, struct tide_error *e)
{
	struct collecting *c = alloc_zeroed(1, sizeof(*c));
	int result, pid, score = r->outside ? oom_score_raise() : INT_MIN;

	c->request = r;
	r->flags |= (r->no_references ? REQUEST_FLAG_NO_REFERENCES : 0) | (r->early ? REQUEST_FLAG_EARLY : 0);
	c->map.fd = -1;
	c->writer = snapshot_writer_new();
	if (r->core) {
		result = take_core(c, e);
		core_close(c->core);
		free(c->core);
	} else if (!r->ledger) {
		c->image.memory.mem = c->image.memory.pagemap = -1;
		result = take_unprepared(c, e);
		image_alone_end(&c->image);
	} else if (!*r->ledger) {
		c->image.memory.mem = c->image.memory.pagemap = -1;
		result = take_private(c, e);
		remote_close(&c->image.memory);
	} else {
		result = ledger_map_open(&c->map, r->ledger, e)
				|| collect_output_check(r, &c->map, &c->foreign, e)
			? -1
			: 0;
	}
	if (!result && r->ledger && *r->ledger) {
		result = take_snapshot(c, e);
		/* Read by a process that waits for us: one that we have asked may wait for another collector by now. */
		if (c->copied && !r->outside)
			c->map.header->request_result = result ? (uint32_t)EIO : 0;
		/* When the process was killed, `run` makes a snapshot of it. */
		pid = c->image.target ? c->image.target : c->map.header->pid;
		if (result && !c->foreign && process_lives(pid))
			collect_announce_failure(r->ledger, pid, e);
		else if (!result && r->written && (!c->foreign || r->settings)
			&& !(r->flags & REQUEST_FLAG_EARLY))
			collect_announce(r->ledger, c->copy.header.pid, r->reason, r->complete, r->written);
		/* A process that has dropped its privileges cannot remove the file itself. */
		if (!result && r->served && !(r->flags & REQUEST_FLAG_EARLY)
			&& (r->reason == REASON_EXIT || r->reason == REASON_ABORT))
			unlink(r->ledger);
		image_end(&c->image);
	}
	collect_graph_free(&c->graph);
	collect_memory_free(&c->memory);
	collect_process_free(&c->process);
	python_free(c->python);
	blockmap_free(&c->blocks);
	heap_end(&c->heap);
	heap_busy_end(&c->busy);
	ledger_copy_free(&c->copy);
	snapshot_writer_free(c->writer);
	ledger_map_close(&c->map);
	oom_score_restore(score);
	give_way_end(c->gives_way);
	free(c);
	return result;
}
