/* A static program: nothing can be loaded into it. It runs, and `run` says why there is nothing to see.
 * build: -static
 * snapshots: none
 * modes: full every alone
 * says: tidemark: .*static
 */
#include "hostile.h"
static void runs(void) { exercise(100); }
MAIN(CASE(runs))
