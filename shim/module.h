/* module.h - the loaded objects that stacks pass through.
 *
 * A module is written down when a frame in it is first seen, so dlopen need not
 * be hooked (its caller and flags stay the program's). After dlclose the list is
 * compared with the loader's: a module that has gone is closed, and its frames stay
 * nameable. When the same file (name, build id) comes back to the same place, its
 * record and its sites go on: a plug-in that is loaded a thousand times is one.
 * When other code comes there, what was there before is replaced.
 *
 * Threads: module_find under the site lock, module_known without; module_scan_closed
 * under its own guard. Signals: never from nested entries.
 */
#ifndef TIDEMARK_MODULE_H
#define TIDEMARK_MODULE_H

#include "state.h"

bool module_start(const char *exe);
/* Index of the module that holds an address, 0: none. Enters new ones, and calls
 * site_forget_replaced where they replace others. */
uint32_t module_find(uintptr_t address);
/* Is it entered, and loaded? */
bool module_known(uintptr_t address);
bool module_closed(uint32_t module);
/* After a dlclose: closes what is gone, forgets all rules. */
void module_scan_closed(void);
void module_after_fork(void);

#endif
