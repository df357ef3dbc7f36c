/* Other allocators preloaded underneath: the program's blocks come from them.
 * needs[tcmalloc]: libtcmalloc.so.4
 * needs[tcmalloc_minimal]: libtcmalloc_minimal.so.4
 * needs[mimalloc]: libmimalloc.so.2
 * needs[tbb]: libtbbmalloc_proxy.so.2
 * needs[jemalloc]: libjemalloc.so.2
 * with[tcmalloc]: LD_PRELOAD=libtcmalloc.so.4
 * with[tcmalloc_minimal]: LD_PRELOAD=libtcmalloc_minimal.so.4
 * with[mimalloc]: LD_PRELOAD=libmimalloc.so.2
 * with[tbb]: LD_PRELOAD=libtbbmalloc_proxy.so.2
 * with[jemalloc]: LD_PRELOAD=libjemalloc.so.2
 * limit: 60
 */
#include "allocators.h"

static void tcmalloc(void) { all(); }
static void tcmalloc_minimal(void) { all(); }
static void mimalloc(void) { all(); }
static void tbb(void) { all_but(0); }
static void jemalloc(void) { all(); }

MAIN(CASE(tcmalloc), CASE(tcmalloc_minimal), CASE(mimalloc), CASE(tbb), CASE(jemalloc))
