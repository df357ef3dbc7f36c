/* thread_current.c - the calling thread: state.h. It has a file of its own, because
 * files that only ask for it must not depend on thread.c.
 */
#include "state.h"

/* busy == 0 sends its first event to the slow path. */
struct thread thread_none;
__thread struct thread *thread_current __attribute__((tls_model("initial-exec"))) = &thread_none;
