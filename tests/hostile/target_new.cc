/* A program that replaces operator new and delete, some by malloc, some by a pool of its own.
 */
#include "hostile.h"
#include <map>
#include <new>
#include <string>
#include <vector>

static long made, gone;
static char pool[1 << 20];
static size_t used;

void *operator new(size_t n)
{
	made++;
	if (n == 48) {
		char *p = pool + used;
		used = (used + 48) % (sizeof(pool) - 64);
		return p;
	}
	void *p = malloc(n ? n : 1);
	if (!p)
		throw std::bad_alloc();
	return p;
}
void operator delete(void *p) noexcept
{
	if (!p)
		return;
	gone++;
	if (static_cast<char *>(p) < pool || static_cast<char *>(p) >= pool + sizeof(pool))
		free(p);
}
void operator delete(void *p, size_t) noexcept { operator delete(p); }

static void replaced()
{
	{
		std::map<std::string, std::vector<int>> m;
		for (int i = 0; i < 1000; i++)
			m["key number " + std::to_string(i * 7919)].push_back(i);
	}
	CHECK(made == gone && made > 2000);
	auto *p = new (std::align_val_t(256)) char[100];
	CHECK(reinterpret_cast<uintptr_t>(p) % 256 == 0);
	operator delete[](p, std::align_val_t(256));
}
MAIN(CASE(replaced))
