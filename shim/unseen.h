/* unseen.h - programs that the process starts and that the library cannot follow.
 *
 * The kernel or the loader leaves the library out of a program that is linked statically, that is 32-bit,
 * or that gets more privileges than its caller has; so does a caller who gives it an environment without
 * our variables (`env -i`). Such a program could not report this itself. So a process that calls exec under
 * `tidemark run` examines the file first, and notes it in the folder of the run, in the file "unseen": a
 * line "KIND PATH", with KIND one of static, 32-bit, privileged, environment.
 *
 * UF1 Raw system calls only; errno is kept; no descriptor stays open. In a vfork child, too.
 * UF2 A program that --children leaves out is not noted. The size of the file
 *     is bounded.
 *
 * Threads and signals: any.
 */
#ifndef TIDEMARK_UNSEEN_H
#define TIDEMARK_UNSEEN_H

/* `file` is about to be executed; `search`: by PATH, as execvp does. */
void unseen_note(const char *file, bool search, char *const *environment);

#endif
