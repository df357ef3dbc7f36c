/* state.c - the variables of state.h. They have a file of their own, so that whoever
 * needs them needs nothing else.
 */
#include "state.h"

/* Nothing takes the fast way before life_start. */
struct state state = { .general = true };
/* busy == 0 sends its first event to the slow path. */
struct thread thread_none;
__thread struct thread *thread_current __attribute__((tls_model("initial-exec"))) = &thread_none;
