/* pointer_mask.c - see pointer_mask.h. */
#include <errno.h>
#include <stdlib.h>
#include "pointer_mask.h"

int pointer_mask_parse(const char *text, uint64_t *mask, struct tide_error *e)
{
	char *end;

	errno = 0;
	*mask = strtoull(text, &end, 0);
	if (errno || *end || *text < '0' || *text > '9')
		return error_set(e, EXIT_USAGE,
			"--pointer-mask: '%s' is not a number||write for example 0xff00000000000000", text);
	if (*mask & POINTER_MASK_ADDRESS)
		return error_set(e, EXIT_USAGE,
			"--pointer-mask: 0x%llx clears bits of the address|the mask has the bits to clear, "
			"not those to keep|perhaps 0x%llx is meant",
			(unsigned long long)*mask, (unsigned long long)(~*mask & ~POINTER_MASK_ADDRESS));
	return 0;
}
