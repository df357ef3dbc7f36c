/* misuse.c - see misuse.h. */
#include <inttypes.h>
#include <stdlib.h>
#include "base/alloc.h"
#include "base/text.h"
#include "base/units.h"
#include "json_frames.h"
#include "misuse.h"
#include "place.h"
#include "symbol/name.h"

#define LINES_MOST 5u /* of `run`'s summary */

uint64_t misuse_total(const struct snapshot *s)
{
	uint64_t total = 0;

	for (size_t i = 0; i < s->misuse_count; i++)
		total += s->misuses[i].count;
	return total;
}

static const char *place_text(uint32_t place)
{
	switch (place) {
	case MISUSE_PLACE_STACK: return ", which lies on the stack";
	case MISUSE_PLACE_STATIC: return ", which lies in a program or library";
	case MISUSE_PLACE_UNMAPPED: return ", where nothing is mapped";
	case MISUSE_PLACE_MAPPING: return ", which lies in memory from mmap";
	}
	return ", which malloc never returned";
}

/* What was done with the pointer, as a noun. */
static const char *action_text(const struct tide_misuse *m)
{
	return m->freed_by == TIDE_FUNCTION_REALLOC   ? "realloc"
		: m->freed_by >= TIDE_FUNCTION_DELETE ? "delete"
						      : "free";
}

static char *describe(const struct tide_misuse *m)
{
	char bytes[UNITS_TEXT], offset[UNITS_TEXT];

	switch (m->kind) {
	case MISUSE_DOUBLE_FREE:
		if (m->freed_by == TIDE_FUNCTION_REALLOC)
			return alloc_printf("realloc of 0x%" PRIx64 " after it was freed", m->address);
		return alloc_printf("double free of 0x%" PRIx64, m->address);
	case MISUSE_INNER:
		return alloc_printf("%s of 0x%" PRIx64 ", %s into a block of %s", action_text(m), m->address,
			units_many(offset, (int64_t)(m->address - m->block), "byte"),
			units_bytes(bytes, (int64_t)m->bytes));
	case MISUSE_MISMATCH:
		return alloc_printf("block of %s was allocated with %s and %s with %s",
			units_bytes(bytes, (int64_t)m->bytes), snapshot_function(m->allocated_by),
			m->freed_by == TIDE_FUNCTION_REALLOC ? "resized" : "freed",
			snapshot_function(m->freed_by));
	default:
		return alloc_printf(
			"%s of 0x%" PRIx64 "%s", action_text(m), m->address, place_text(m->place));
	}
}

char *misuse_text(const struct snapshot *s, const struct tide_misuse *m)
{
	bool died = m->flags & MISUSE_INSIDE
		&& (s->process->exit_signal || s->process->reason == REASON_POST_MORTEM);
	char *what = describe(m), count[UNITS_TEXT], *text;

	if (m->count > 1)
		text = alloc_printf("%s, %s%s times%s", what, m->kind == MISUSE_MISMATCH ? "at least " : "",
			units_count(count, (int64_t)m->count),
			died ? "; the process died in the last call" : "");
	else
		text = alloc_printf("%s%s", what, died ? "; the process died in this call" : "");
	free(what);
	return text;
}

size_t misuse_stacks(
	const struct snapshot *s, const struct tide_misuse *m, struct misuse_stack stack[MISUSE_STACKS])
{
	const struct misuse_stack all[MISUSE_STACKS] = {
		{ m->kind == MISUSE_DOUBLE_FREE ? "freed again by" : "freed by", "stack", m->free_site },
		{ "first freed by", "first_free", m->first_site },
		{ "allocated by", "allocation", m->allocation_site },
	};
	size_t count = 0;

	for (size_t i = 0; i < MISUSE_STACKS; i++)
		if (s->sites[all[i].site].frame)
			stack[count++] = all[i];
	return count;
}

void misuse_screen(struct screen *screen, const struct snapshot *s, struct symbols *symbols,
	const char *source_root, bool verbose)
{
	char count[UNITS_TEXT];

	if (!s->misuse_count)
		return;
	screen_print(screen, STYLE_BAD, "%s of the program\n",
		units_many(count, (int64_t)misuse_total(s), "error"));
	for (size_t i = 0; i < s->misuse_count; i++) {
		struct misuse_stack stack[MISUSE_STACKS];
		size_t stacks = misuse_stacks(s, &s->misuses[i], stack);
		char *text = misuse_text(s, &s->misuses[i]);

		screen_paragraph(screen, STYLE_STRONG, "  ", "%s", text);
		free(text);
		for (size_t k = 0; k < stacks; k++) {
			size_t frames, from = symbols_caller(symbols, stack[k].site);
			const struct symbol_line *line = symbols_stack(symbols, stack[k].site, &frames);

			screen_print(screen, STYLE_DIM, "    %-15s", stack[k].label);
			place_print(screen, &line[from], source_root, screen->width - 19);
			fputc('\n', screen->out);
			for (size_t f = from + 1; verbose && f < frames; f++) {
				fprintf(screen->out, "%19s", "");
				place_print(screen, &line[f], source_root, screen->width - 19);
				fputc('\n', screen->out);
			}
		}
	}
	fputc('\n', screen->out);
}

/* "main t.c:12"; to free. */
static char *place_short(struct symbols *symbols, uint32_t site)
{
	const struct symbol_line *line = symbols_top(symbols, site);
	char *text = line->file
		? alloc_printf("%s %s:%u", name_shown(line), place_source(line->file, NULL), line->line)
		: alloc_string(name_shown(line));

	text_clean(text);
	return text;
}

void misuse_lines(FILE *out, const struct snapshot *s)
{
	struct symbols *symbols = s->misuse_count ? symbols_new(s) : NULL;

	if (*snapshot_string(s, s->process->abort_message)) {
		char *message = alloc_string(snapshot_string(s, s->process->abort_message));

		text_clean(message);
		fprintf(out, "tidemark: aborted: %s\n", message);
		free(message);
	}
	for (size_t i = 0; i < s->misuse_count && i < LINES_MOST; i++) {
		struct misuse_stack stack[MISUSE_STACKS];
		size_t stacks = misuse_stacks(s, &s->misuses[i], stack);
		char *text = misuse_text(s, &s->misuses[i]);

		fprintf(out, "tidemark: error: %s", text);
		free(text);
		for (size_t k = 0; k < stacks; k++) {
			char *place = place_short(symbols, stack[k].site);

			fprintf(out, "%s %s %s", k ? "," : ":", stack[k].label, place);
			free(place);
		}
		fputc('\n', out);
	}
	if (s->misuse_count > LINES_MOST)
		fprintf(out, "tidemark: %zu more kinds of errors; `tidemark leaks FILE` lists them\n",
			s->misuse_count - LINES_MOST);
	if (symbols)
		symbols_free(symbols);
}

static void write_stack(struct json *j, const char *name, struct symbols *symbols, uint32_t site)
{
	size_t count;
	const struct symbol_line *line = symbols_stack(symbols, site, &count);

	json_open_array(j, name);
	for (size_t i = 0; i < count; i++) {
		json_open_object(j, NULL);
		json_frame_members(j, &line[i]);
		json_close_object(j);
	}
	json_close_array(j);
}

void misuse_json(struct json *j, const struct snapshot *s, struct symbols *symbols)
{
	struct symbols *own = !symbols && s->misuse_count ? symbols_new(s) : NULL;

	json_open_array(j, "errors");
	for (size_t i = 0; i < s->misuse_count; i++) {
		const struct tide_misuse *m = &s->misuses[i];
		struct misuse_stack stack[MISUSE_STACKS];
		size_t stacks = misuse_stacks(s, m, stack);
		char *text = misuse_text(s, m);

		json_open_object(j, NULL);
		json_text(j, "kind", snapshot_misuse(m->kind));
		json_text(j, "text", text);
		json_number(j, "count", (int64_t)m->count);
		json_address(j, "address", m->address);
		if (m->block)
			json_address(j, "block", m->block);
		else
			json_none(j, "block");
		json_number(j, "bytes", (int64_t)m->bytes);
		json_text(j, "allocated_by", m->allocated_by ? snapshot_function(m->allocated_by) : NULL);
		json_text(j, "freed_by", m->freed_by ? snapshot_function(m->freed_by) : NULL);
		json_bool(j, "under_way", m->flags & MISUSE_INSIDE);
		if (m->thread < s->thread_count)
			json_number(j, "tid", s->threads[m->thread].tid);
		else
			json_none(j, "tid");
		for (size_t k = 0; k < stacks; k++)
			write_stack(j, stack[k].member, symbols ? symbols : own, stack[k].site);
		json_close_object(j);
		free(text);
	}
	json_close_array(j);
	if (own)
		symbols_free(own);
}
