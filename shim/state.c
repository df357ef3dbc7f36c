/* state.c - the state of the process: state.h. It has a file of its own, because files
 * that need it must not depend on the files that change it.
 */
#include "state.h"

/* No event takes the fast path before life_start. */
struct state state = { .general = true };
