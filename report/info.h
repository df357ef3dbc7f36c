/* info.h - all that a snapshot says of itself, as `info --json` prints it and html shows it. */
#ifndef TIDEMARK_INFO_H
#define TIDEMARK_INFO_H

#include "json_out.h"

json_t *info_json(const struct snapshot *s);	/* a new reference */

#endif
