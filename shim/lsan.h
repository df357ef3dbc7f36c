/* lsan.h - what a program defines for LeakSanitizer, asked once before it ends. */
#ifndef TIDEMARK_LSAN_H
#define TIDEMARK_LSAN_H

/* Asks __lsan_default_suppressions and __lsan_is_turned_off, where the program defines them, and keeps the
 * answers in the ledger. They are the program's code, so they are called from outside
 * the library. */
void lsan_ask(void);

#endif
