/* module.h - the loaded objects that stacks pass through.
 *
 * A module is recorded when a frame in it is first seen, so dlopen need not be
 * hooked (its caller and flags stay the program's). After dlclose the list is
 * compared with the loader's: a module that has gone is closed, and its frames can
 * still be named. When the same file (name, build id) is loaded again at the same
 * place, its record and its sites are used again: a plug-in that is loaded a
 * thousand times is one module. When other code is loaded there, the old module is
 * marked as replaced.
 *
 * Threads: module_find and module_closed without a lock; module_add and
 * module_publish under the site lock; module_scan_closed under a lock of rule.c.
 * Signals: never from nested entries.
 */
#ifndef TIDEMARK_MODULE_H
#define TIDEMARK_MODULE_H

#include "state.h"

bool module_start(const char *exe);
/* Index of the recorded and loaded module at an address, or 0. */
uint32_t module_find(uintptr_t address);
/* Records the module at an address that module_find does not know; 0 if no loaded
 * object is there, or the table is full. *replaced: other code was there before,
 * and site_forget_replaced must be called before module_publish, which makes the
 * record visible to other threads. */
uint32_t module_add(uintptr_t address, bool *replaced);
void module_publish(uint32_t module);
bool module_closed(uint32_t module);
/* After a dlclose: closes the modules that are gone. True if there are any;
 * state.generation has advanced then, and the rules of that code must be
 * flushed. */
bool module_scan_closed(void);

#endif
