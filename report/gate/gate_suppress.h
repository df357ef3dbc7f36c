/* gate_suppress.h - the suppressions of a gate file as rules of suppress.h. */
#ifndef TIDEMARK_GATE_SUPPRESS_H
#define TIDEMARK_GATE_SUPPRESS_H

#include "gate_config.h"
#include "analysis/suppress.h"

#define GATE_BUILT_IN (-1)

struct gate_rules {
	struct suppress *suppress;
	int *owner;         /* [suppress->count] index in the config, GATE_BUILT_IN, */
	size_t owner_count; /* or config->suppression_count + i for files[i] of the command line */
	bool *used;         /* [config->suppression_count] */
};

/* Expired ones (today: 20270331) are left out. `files`: --suppressions. */
int gate_rules_make(struct gate_rules *r, const struct gate_config *c, uint32_t today,
	const char *const *files, size_t file_count, struct tide_error *e);
void gate_rules_free(struct gate_rules *r);

#endif
