/* leaks_command.h - one call of `leaks`. Private to cmd_leaks.c and its parts. */
#ifndef TIDEMARK_LEAKS_COMMAND_H
#define TIDEMARK_LEAKS_COMMAND_H

#include "print/options.h"
#include "view/leaks_view.h"

struct leaks_command {
	struct leaks_view view;
	struct options common;
	uint32_t skip_roots; /* --roots */
	int64_t refcount_at; /* --refcount-at; -1: by statistics */
	enum leaks_order order;
	const char **weak; /* --weak */
	size_t weak_count;
	bool tree, fail, generate;
	bool together; /* --together: several processes, summed by place */
	const char **files;
	size_t file_count;
};

/* Each in the file of its name. */
int leaks_screen(struct leaks_command *c);
void leaks_json(struct leaks_command *c);
void leaks_csv(struct leaks_command *c);
void leaks_generate(struct leaks_command *c);
int leaks_together(struct leaks_command *c, struct leaks_view *views, size_t count);

#endif
