/* site_key.h - the identity of a site across runs and rebuilds.
 *
 * A key is a hash of the names on the stack. Into it go, from the caller of the
 * allocator out to main or the start of the thread, inlined frames included:
 *
 *   a function      its name without parameters, clone suffixes, numbers of lambdas
 *                   and template arguments beyond the first
 *   a Python frame  its function and the name of its file
 *   no symbol       the name of the module, without version; neighbours of one
 *                   module count once
 *
 * SK1  Names only: never an address, a line, a build id or a folder.
 * SK2  Sites with one key are one site; users of keys add them up.
 * SK3  Between snapshots of the same builds more is known: after site_keys_exact
 *     frames of modules whose build id is the same everywhere also count by line, or
 *     by offset where there is no symbol. Such keys are for one comparison; they
 *     are never stored.
 * SK4  In a stack with Python frames, what the interpreter puts between them (symbol_python.h) does not count: it
 *     differs from one release of Python to the next, and between the first calls of a line and the later ones.
 * SK5  Allocator wrappers above the caller, and everything below main and below
 *     the start routine of a thread, are left out.
 */
#ifndef TIDEMARK_SITE_KEY_H
#define TIDEMARK_SITE_KEY_H

#include "model/snapshot.h"
#include "symbol.h"

#define SITE_KEY_TEXT 17

struct site_keys;

/* Keys of one snapshot: made when asked for, each frame looked up once. */
struct site_keys *site_keys_new(const struct snapshot *s, struct symbols *symbols);
void site_keys_free(struct site_keys *k);

/* SK3, for all snapshots of one comparison. True when all their modules (that hold
 * frames) are the same builds: then nothing was rebuilt between them. */
bool site_keys_exact(struct site_keys *const *keys, size_t count);

uint64_t site_key(struct site_keys *k, uint32_t site);

/* Hashes of the names of the site's caller of the allocator, and of its caller. */
void site_key_ends(struct site_keys *k, uint32_t site, uint64_t *leaf, uint64_t *caller);

/* 16 hex digits. */
char *site_key_text(uint64_t key, char text[SITE_KEY_TEXT]);

#endif
