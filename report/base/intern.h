/* intern.h - numbers for texts: equal texts have one number, in the order of their first use. */
#ifndef TIDEMARK_INTERN_H
#define TIDEMARK_INTERN_H

#include <stddef.h>
#include "index.h"

/* All zero: empty. */
struct intern {
	char **text; /* [count] copies */
	size_t count, capacity;
	struct index index;
};

/* The number of `text`, from 0 up. A text is new when its number is the count before the call. */
uint32_t intern_text(struct intern *n, const char *text);
void intern_free(struct intern *n);

#endif
