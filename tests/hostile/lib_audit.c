#define _GNU_SOURCE
#include <link.h>
#include <stdlib.h>

unsigned la_version(unsigned version) { free(malloc(100)); return version < LAV_CURRENT ? version : LAV_CURRENT; }
unsigned la_objopen(struct link_map *map, Lmid_t id, uintptr_t *cookie)
{
	(void)map, (void)id, (void)cookie;
	free(malloc(10));
	return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}
