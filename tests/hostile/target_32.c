/* A 32-bit program.
 * build: -m32
 * needs: /usr/lib32/libc.so.6
 * snapshots: none
 * modes: full every alone
 * says: tidemark: .*32.bit
 */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
	free(malloc(100));
	puts("done");
	return 0;
}
