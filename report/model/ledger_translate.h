/* ledger_translate.h - flags, states and kinds of a ledger in the terms of a snapshot.
 *
 * The layout of the ledger may change with any build; the numbers of format.h never
 * change their meaning. ledger_translate.c is the only file that knows both.
 *
 * LT1  A bit or a kind that has no counterpart in format.h is dropped.
 * LT2  Numbers that are copied untranslated are asserted to be equal.
 */
#ifndef TIDEMARK_LEDGER_TRANSLATE_H
#define TIDEMARK_LEDGER_TRANSLATE_H

#include <stdint.h>

uint32_t ledger_module_flags(uint32_t flags);  /* LEDGER_MODULE_* to MODULE_* */
uint32_t ledger_frame_flags(uint32_t flags);   /* LEDGER_NODE_* to FRAME_* */
uint32_t ledger_site_flags(uint32_t flags);    /* LEDGER_SITE_* to SITE_* */
uint32_t ledger_thread_state(uint32_t state);  /* LEDGER_THREAD_* to THREAD_* */
uint32_t ledger_process_flags(uint32_t flags); /* LEDGER_FLAG_* to PROCESS_* */
uint32_t ledger_mark_kind(uint32_t kind);      /* LEDGER_MARK_* to MARK_*; 0: unknown */

#endif
