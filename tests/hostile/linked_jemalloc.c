/* A program linked with jemalloc: the preloaded library comes first, and passes on to it.
 * needs: libjemalloc.so.2
 * build: -Wl,--no-as-needed -l:libjemalloc.so.2
 * limit: 60
 */
#include "allocators.h"

MAIN(CASE(all))
