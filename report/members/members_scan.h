/* members_scan.h - what units define, found in one pass over their DIEs. Private to members/.
 *
 * MS1  A scan asks libdw for nothing, and scans of different units may run at the same time. What only libdw can tell
 *      is kept for later: types that are not named by the scopes around their definition, types of other units,
 *      variables and calls whose addresses are in tables.
 * MS2  A program has the same class in a hundred units: the first of each name and size is kept. So it does not matter
 *      how units are divided among scans, as long as the scans are added in the order of their units.
 */
#ifndef TIDEMARK_MEMBERS_SCAN_H
#define TIDEMARK_MEMBERS_SCAN_H

#include "members_private.h"
#include "symbol/die.h"

enum members_late_kind { LATE_TYPE, LATE_FIRST, LATE_VARIABLE, LATE_ALLOCATION };
struct members_late {
	enum members_late_kind kind;
	struct members_die die;
	const void *first; /* LATE_TYPE, LATE_FIRST: the DIE of the member that the type begins with; NULL */
	uint64_t key, bytes; /* LATE_FIRST: of the type */
};

struct members_scan {
	struct members_module found;
	struct members_late *late;
	uint32_t late_count, late_room;
};

/* false: it is there already, or there is no room. */
bool members_add_entry(struct members_module *to, uint64_t key, uint64_t bytes, struct members_die die);
void members_add_variable(struct members_module *to, uint64_t address, struct members_die die);
struct members_module *members_index(struct members *m, uint32_t module);

struct members_scanner;
struct members_scanner *members_scanner_new(void);
void members_scanner_free(struct members_scanner *s);
/* `scoped`: the unit's language has scopes; `shift`: ELF address = address in DWARF + shift. */
void members_scan_unit(struct members_scanner *s, const struct die_unit *u, bool scoped, uint64_t shift,
	struct members_scan *to);

#endif
