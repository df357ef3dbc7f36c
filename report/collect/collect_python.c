/* collect_python.c - Python objects of a snapshot: collect_python.h. */
#include <stdio.h>
#include <stdlib.h>
#include "base/alloc.h"
#include "collect_python.h"
#include "shim/python_layout.h"

struct python *collect_python_blocks(struct remote *m, struct blockmap *b)
{
	struct python *p = python_find(m, b->blocks, b->count);

	/* Where its objects are read, the analysis knows which of them are garbage. */
	for (uint64_t i = 0; i < b->count && (!p || python_reads_objects(p)); i++)
		b->blocks[i].flags &= ~BLOCK_MANAGED;
	if (!p)
		return NULL;
	free(b->blocks);
	b->blocks = python_blocks(p, &b->count);
	b->room = b->count;
	return p;
}

const char *collect_python_blind(const struct ledger_copy *c)
{
	uint32_t version = c->header.python_version, refused = c->header.python_flags & LEDGER_PYTHON_REFUSED;
	static char text[96];

	if (!version || (python_layout_of(version, false) && !refused))
		return NULL;
	snprintf(text, sizeof(text), "stacks have no functions of Python: %s CPython %u.%u.%u",
		refused ? "this is an unusual build of" : "tidemark does not know", version >> 24,
		version >> 16 & 255, version >> 8 & 255);
	return text;
}

void collect_python_words(struct python *p, struct references *g)
{
	struct python_graph words = { g->blocks, g->block_count, g->edge_starts, g->edges, g->roots,
		g->root_count, g->root_edges, g->root_edge_count };

	if (!p)
		return;
	python_references(p, &words);
	g->root_edge_count = words.root_edge_count;
}

void collect_python_codes(
	struct python *p, const struct ledger_copy *c, struct snapshot_writer *w, struct ledger_made *made)
{
	const struct ledger_code *from = c->table[LEDGER_CODES];
	struct python_code *code;

	if (!p || !made->code_count)
		return;
	code = alloc_zeroed(made->code_count, sizeof(*code));
	for (uint64_t i = 0; i < made->code_count; i++)
		code[i] = (struct python_code){ .address = from[i].address,
			.name = from[i].qualified ? "" : ledger_string(c, from[i].name),
			.file = ledger_string(c, from[i].file),
			.first_line = from[i].first_line,
			.shared = from[i].shared };
	python_qualify(p, code, made->code_count);
	for (uint64_t i = 0; i < made->code_count; i++)
		if (code[i].qualified) {
			made->codes[i].qualified = snapshot_writer_string(w, code[i].qualified);
			free(code[i].qualified);
		}
	free(code);
}
