/* pager.h - shows a text in PAGER, by default less -FRX. */
#ifndef TIDEMARK_PAGER_H
#define TIDEMARK_PAGER_H

#include <stddef.h>

/* 0 once the pager has ended; the reader may leave it early. -1: there is no pager, or it cannot be run. */
int pager_show(const char *text, size_t bytes);

#endif
