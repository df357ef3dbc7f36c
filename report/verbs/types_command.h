/* types_command.h - shared by the parts of `tidemark types`. */
#ifndef TIDEMARK_TYPES_COMMAND_H
#define TIDEMARK_TYPES_COMMAND_H

#include "print/json_report.h"
#include "print/options.h"
#include "print/screen.h"
#include "symbol/symbol.h"
#include "view/native_types.h"
#include "view/types_view.h"

struct types_command {
	struct options common;
	const char *file, *old_file, *prefix;
	bool show_static;
	struct snapshot snapshot, old;
	struct symbols *symbols;
	struct types_view view, old_view;
	struct native_types native;
};

void types_native_json(struct json_report *report, const struct types_command *c);
void types_native_screen(struct screen *s, const struct types_command *c);
void types_json(struct types_command *c);
/* -1 after a message when it could not be written. */
int types_screen(struct types_command *c);

#endif
