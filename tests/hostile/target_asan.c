/* A program built with AddressSanitizer brings its own allocator, and insists on being first.
 * build: -fsanitize=address
 * modes: full alone
 * snapshots: any
 * says: tidemark: .*([Ss]anitizer|allocator)
 */
#include "hostile.h"
static void runs(void) { exercise(100); }
MAIN(CASE(runs))
