/* waste_csv.c - `waste --csv`: parts, arenas, then every site or type that pins, has slack or was not touched. */
#include <inttypes.h>
#include <stdlib.h>
#include "base/alloc.h"
#include "print/csv.h"
#include "waste_report.h"

/* kind, name, type, and the place of the site, if there is one. */
static void print_who(const char *kind, const char *name, const char *type, const struct symbol_line *line)
{
	csv_text(stdout, kind);
	putchar(',');
	csv_text(stdout, name);
	putchar(',');
	csv_text(stdout, type);
	putchar(',');
	csv_place(stdout, line);
}

static void print_parts(const struct waste *w)
{
	for (int i = 0; i < WASTE_PARTS; i++) {
		const struct waste_bytes *b = &w->part[i];

		print_who("part", waste_part_name(i), NULL, NULL);
		printf(",,,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",,,,\n", b->resident, b->swapped, b->virtual_);
	}
}

static void print_arenas(const struct waste_view *v)
{
	for (size_t i = 0; i < v->waste.arena_count; i++) {
		const struct waste_arena *a = &v->waste.arenas[i];
		char *name = alloc_printf("%zu", i);

		print_who("arena", name, v->s->arenas[i].kind == ARENA_MAIN ? "main" : "thread", NULL);
		printf(",,%" PRIu64 ",,,%" PRIu64 ",%" PRIu64 ",,,\n", a->live, a->bytes,
			a->free_resident - a->returnable);
		free(name);
	}
}

static void print_group(const struct waste_report *r, uint32_t group)
{
	const struct waste_view *v = &r->view;
	const struct waste_group *g = &v->waste.groups[group];
	char *site = alloc_printf("%u", group);

	print_who(v->by_type ? "type" : "site", v->by_type ? NULL : site,
		waste_names_type(v, v->type_of[group]), v->by_type ? NULL : symbols_top(r->symbols, group));
	printf(",%" PRIu64 ",%" PRIu64 ",,,,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", g->blocks,
		g->bytes, g->pinned, g->pinned_free + g->pinned_top, v->waste.walked ? 0 : g->slack,
		g->untouched);
	free(site);
}

void waste_csv(const struct waste_report *r)
{
	const struct waste_view *v = &r->view;
	const uint32_t *const lists[] = { v->pins, v->slack, v->untouched };
	const size_t counts[] = { v->pin_count, v->slack_count, v->untouched_count };
	size_t most = options_rows(r->options, SIZE_MAX), rows = 0;
	bool *done = alloc_zeroed(v->waste.group_count + 1, sizeof(*done));

	puts("kind,name,type,function,file,line,module,blocks,bytes,resident_bytes,swapped_bytes,virtual_bytes,"
	     "pinned_bytes,pinned_free_bytes,slack_bytes,untouched_bytes");
	print_parts(&v->waste);
	print_arenas(v);
	for (size_t k = 0; k < 3; k++)
		for (size_t i = 0; i < counts[k] && rows < most; i++) {
			if (done[lists[k][i]])
				continue;
			done[lists[k][i]] = true;
			print_group(r, lists[k][i]);
			rows++;
		}
	free(done);
}
