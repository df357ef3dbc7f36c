/* A program of another libc.
 * compiler: musl-gcc
 * needs: musl-gcc
 * snapshots: none
 * modes: full every alone
 * says: tidemark: .*musl
 */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
	free(malloc(100));
	puts("done");
	return 0;
}
