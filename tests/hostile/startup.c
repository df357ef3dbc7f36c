/* What a program finds when main begins: the heap as it was, and no addresses of it on
 * the stack, which would look like references. Both print numbers that must not change.
 */
#include "hostile.h"
#include <malloc.h>

/* The main heap begins at a page boundary, wherever the first block is. */
static void heap(void)
{
	char *first = malloc(8);
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	struct mallinfo m = mallinfo(); /* mallinfo2 is of glibc 2.33 */
	dprintf(1, "first block at +0x%lx, %d bytes used, %d free in bins\n", (uintptr_t)first & 4095, m.uordblks,
		m.fordblks - m.keepcost);
	free(first);
}

static int words_found;

/* The part of the stack that what came before us has used. */
static NOINLINE int heap_words(uintptr_t lo, uintptr_t hi)
{
	uintptr_t unset[2048], *word = unset;
	int found = 0;
	HIDE(word);
	for (int i = 0; i < 2048; i++)
		found += word[i] >= lo && word[i] < hi;
	return found;
}

__attribute__((constructor(101))) static void look(void)
{
	uintptr_t end = (uintptr_t)sbrk(0);
	words_found = heap_words(end - 132 * 1024, end + 132 * 1024);
}

static void stack(void) { dprintf(1, "%d words of the heap\n", words_found); }

MAIN(CASE(heap), CASE(stack))
