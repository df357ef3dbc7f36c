/* module.h - the loaded objects that stacks pass through.
 *
 * A module is written down when a frame in it is first seen, so dlopen need not
 * be hooked (its caller and flags stay the program's). After dlclose the list is
 * compared with the loader's: a module that has gone is closed, its frames stay
 * nameable, and its addresses start a new record when they come back.
 *
 * Threads: module_find under the site lock; module_scan_closed under its own
 * guard. Signals: never from nested entries.
 */
#ifndef TIDEMARK_MODULE_H
#define TIDEMARK_MODULE_H

#include "state.h"

bool module_start(const char *exe);
/* Index of the module that holds an address, 0: none. */
uint32_t module_find(uintptr_t address);
bool module_closed(uint32_t module);
/* After a dlclose: closes what is gone, forgets its rules and sites. */
void module_scan_closed(void);
void module_after_fork(void);

#endif
