/* symbol_sysroot.h - a folder below which the program's files lie: the root of a container, or a copy of one.
 *
 * SS1 Links and ".." are followed as the program would follow them: no file outside of the folder is opened.
 */
#ifndef TIDEMARK_SYMBOL_SYSROOT_H
#define TIDEMARK_SYMBOL_SYSROOT_H

#include <stdbool.h>
#include "base/error.h"

/* For all modules that are opened from now on, instead of the folders of this machine; NULL: these again. 0, or -1 where
 * it is not a folder, or the kernel cannot do it (Linux 5.6 can): then it is as it was. */
int symbol_sysroot_set(const char *folder, struct tide_error *e);
bool symbol_sysroot_is_set(void);
/* As ordinary_open; without a sysroot the same. */
int symbol_sysroot_open(const char *path);
/* What a file of the program is called here. To be freed. */
char *symbol_sysroot_path(const char *path);

#endif
