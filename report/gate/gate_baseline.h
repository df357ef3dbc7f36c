/* gate_baseline.h - what a gate accepts: one line per site, made for review.
 *
 *   # tidemark baseline 1
 *   # tool: tidemark 0.1.0
 *   # exe: server
 *   # arch: x86_64
 *   # libc: glibc 2.36
 *   # peak: 1048576
 *   # rss: 4194304
 *   # waste: 1048576
 *   # pinned: 524288
 *   # why: the plugin table is never freed
 *   KEY live_blocks live_bytes lost_blocks lost_bytes function  file
 *
 * GB1 Sites are sorted by key (bytes, as LC_ALL=C sort), each key once.
 * GB2 Two blanks separate function from file: neither contains two.
 * GB3 live counts lost blocks too: reachable = live - lost.
 */
#ifndef TIDEMARK_GATE_BASELINE_H
#define TIDEMARK_GATE_BASELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

struct gate_base_site {
	char *key, *function, *file; /* file may be "" */
	uint64_t live_blocks, live_bytes, lost_blocks, lost_bytes;
};

struct gate_baseline {
	char *exe, *arch, *libc, *why; /* "" when the head does not say */
	uint64_t peak_bytes;
	uint64_t rss_bytes; /* 0: the baseline is older than this number */
	bool has_waste;     /* the next two are known */
	uint64_t waste_bytes, pinned_bytes;
	struct gate_base_site *sites;
	size_t site_count, site_capacity;
};

struct gate_measure;

int gate_baseline_parse(
	struct gate_baseline *b, const char *text, size_t bytes, const char *path, struct tide_error *e);
int gate_baseline_load(struct gate_baseline *b, const char *path, struct tide_error *e);
/* Written whole or not at all; makes the folder. */
int gate_baseline_save(const struct gate_baseline *b, const char *path, struct tide_error *e);
void gate_baseline_free(struct gate_baseline *b);

/* NULL when the key is not there. */
const struct gate_base_site *gate_baseline_find(const struct gate_baseline *b, const char *key);

/* What was measured, as a baseline. */
void gate_baseline_take(struct gate_baseline *b, const struct gate_measure *m, const char *why);
/* As gate_baseline_take for sites whose function matches one of the globs; the others stay as in `old`. */
void gate_baseline_merge(struct gate_baseline *b, const struct gate_baseline *old,
	const struct gate_measure *m, char *const *globs, size_t glob_count, const char *why);
/* Lowers what got better, never raises. Returns how many lines changed or went. */
size_t gate_baseline_ratchet(struct gate_baseline *b, const struct gate_measure *m);

/* Sites gone and new with equal numbers: moved[i] is the baseline's site that measured site i was
 * before, or NULL. Both tables must be sorted by key. */
void gate_baseline_moved(
	const struct gate_baseline *b, const struct gate_measure *m, const struct gate_base_site **moved);

#endif
