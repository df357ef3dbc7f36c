/* plain.h - what the programs of c.txt, cxx.txt and ways.py share.
 *
 * MODE 0 loses, 1 frees, 2 keeps everything in globals. HIDE makes the compiler
 * forget what it knows of a pointer: else it leaves out allocations that are not
 * used, and the truth with them.
 */
#ifndef PLAIN_H
#define PLAIN_H
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#define HIDE(p) __asm__ volatile("" : "+r"(p) : : "memory")

void *volatile kept[200000];
int kept_count;
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;

static inline void keep(const void *p)
{
	pthread_mutex_lock(&kept_lock);
	kept[kept_count++] = (void *)p;
	pthread_mutex_unlock(&kept_lock);
}

#if MODE == 0
#define DROP(p) ((void)(p))
#define END(statement, p) ((void)(p))
#elif MODE == 1
#define DROP(p) free(p)
#define END(statement, p) statement
#else
#define DROP(p) keep(p)
#define END(statement, p) keep(p)
#endif

#endif
