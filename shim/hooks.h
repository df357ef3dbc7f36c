/* hooks.h - the functions of libc that this library interposes; the list is hooks.def. */
#ifndef TIDEMARK_HOOKS_H
#define TIDEMARK_HOOKS_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include "state.h"

#define HOOK(result, name, parameters) EXPORT result name parameters;
#define MALLOC(result, name, parameters, arguments) EXPORT result name parameters;
#define OVER(result, name, parameters) EXPORT result name parameters;
#define ASSEMBLY(name)
#include "hooks.def"

#endif
