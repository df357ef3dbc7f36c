/* A program linked with tcmalloc: the preloaded library comes first, and passes on to it.
 * needs: libtcmalloc_minimal.so.4
 * build: -Wl,--no-as-needed -l:libtcmalloc_minimal.so.4
 * limit: 60
 */
#include "allocators.h"

MAIN(CASE(all))
