/* roots_private.h - everything outside the heap that holds references, by kind and name.
 *
 *   roots.c           the order in which the parts work
 *   roots_list.c      the list of roots and claims, words for the parts
 *   roots_modules.c   the modules and their writable segments
 *   roots_libc.c      what libc and the loader say of threads; the loader's early heap
 *   roots_threads.c   descriptors, TLS, keys; cached stacks of ended threads
 *   roots_stacks.c    live parts of stacks by frame; registers
 *   roots_kernel.c    epoll, timers, io_uring
 *   roots_regions.c   who owns which address: claims, the strongest wins
 *   roots_break.c     what the program took with sbrk, between memory of malloc
 *   roots_text.c      blocks that hold no references: buffers of stdio
 *   roots_ranges.c    the claims once more, as a map of what memory is for
 *
 * Each part claims ranges of addresses. A claim either names a root or says
 * that nothing there counts (our own memory, dead stack, the allocator's
 * lists). The disjoint pieces are then scanned; a word is attributed to a
 * variable, frame or slot inside its piece when it refers to a block.
 *
 * RT1 A word counts at most once: pieces do not overlap.
 * RT2 Blocks are not roots: pieces are cut around them, but for the live part
 *     of a stack that lies in a block.
 * RT3 Offsets inside libc come from its own tables (_thread_db_*), checked
 *     against what is there; what fails its check is left out and said so.
 */
#ifndef TIDEMARK_ROOTS_PRIVATE_H
#define TIDEMARK_ROOTS_PRIVATE_H

#include "shim/ledger.h"
#include "model/format.h"
#include "heap/arena.h"
#include "process/kernel_words.h"
#include "process/remote.h"
#include "roots.h"
#include "scan.h"
#include "process/stop.h"
#include "symbol/symbol_module.h"
#include "process/unwinder.h"

/* Strongest last. */
enum claim_rank {
	CLAIM_ANONYMOUS, /* unknown anonymous mapping: weak evidence */
	CLAIM_LOADER,    /* the loader's first heap */
	CLAIM_GLOBAL,
	CLAIM_MAPPING,    /* made by the program */
	CLAIM_ALLOCATOR,  /* brk heap, arenas: nothing */
	CLAIM_POOL,       /* of an allocator above malloc: nothing but its blocks */
	CLAIM_BREAK,      /* taken by the program with sbrk */
	CLAIM_REGISTERED, /* __lsan_register_root_region */
	CLAIM_STACK,
	CLAIM_LISTS, /* main_arena inside libc's data: nothing */
	CLAIM_TLS,
	CLAIM_KEYS,
	CLAIM_WORD, /* single words taken out of or put into the above */
	CLAIM_OWN,  /* the profiler's memory: nothing */
};

struct claim {
	uint64_t lo, hi;
	uint32_t rank;  /* enum claim_rank */
	uint32_t kind;  /* enum tide_root_kind; 0: nothing here counts */
	uint32_t flags; /* ROOT_FLAG_* */
	uint32_t item;  /* module, thread or mapping that it belongs to */
};

struct roots_thread {
	const struct stop_thread *stop; /* NULL: ended, not joined */
	int tid;
	uint32_t index; /* SECTION_THREADS; UINT32_MAX none */
	char name[16];
	uint64_t descriptor;         /* thread pointer; 0 unknown */
	uint64_t stack_lo, stack_hi; /* hi: below TLS; 0 unknown */
	uint64_t signal_lo, signal_hi;
	uint64_t live;                     /* live part starts here; 0 unknown */
	struct user_regs_struct registers; /* as the program had them */
	struct unwind_frame *frames;
	uint32_t *frame_root;  /* root of each frame, + 1 */
	uint32_t *frame_index; /* SECTION_FRAMES; NULL until asked */
	size_t frame_count;
	uint32_t rest_root, descriptor_root; /* + 1 */
	size_t first;                        /* first frame of the program */
};

/* Where things are in libc; 0 = unknown. */
struct roots_libc {
	uint64_t sizeof_pthread, tid, list, dtv, specific, start_routine, cancelhandling;
	uint64_t keys;                                /* address of libc's table of keys */
	uint64_t stack_used, stack_user, stack_cache; /* addresses of the list heads */
	bool lists_in_loader;                         /* from glibc 2.34 on; before in libpthread */
	struct symbol_module *beside;                 /* libpthread, where it is not loaded */
	uint64_t stackblock;                          /* offset of {stackblock, stackblock_size} */
	uint64_t link_tls_offset, link_tls_module;
	uint64_t static_tls; /* bytes below the thread pointer */
};

struct roots {
	/* From the caller. */
	struct remote *memory;
	struct scan *scan;
	struct stop *stop;
	const struct ledger_header *ledger; /* of the copy */
	const struct ledger_copy *copy;     /* of the moment; checked */
	uint64_t ledger_inode;              /* of its file, which is mapped in the process; 0 none */
	const struct kernel_words *kernel;
	uint32_t skip; /* 1 << enum tide_root_kind: not looked at */
	uint32_t reason;
	uint64_t entry_sp; /* of the asking thread; 0 unknown */
	const struct roots_names *names;
	const uint64_t (*pools)[2]; /* references.h */
	uint64_t pool_count;
	/* Found on the way. */
	struct roots_module *modules;
	size_t module_count, module_capacity;
	struct roots_thread *threads;
	size_t thread_count, thread_capacity;
	size_t threads_left; /* of the parent, that a fork has not taken along */
	struct roots_libc libc;
	struct arenas arenas; /* of glibc; count 0: not found */
	struct unwinder *unwinder;
	uint64_t shared_left; /* bytes of untouched shared memory that may still be read */
	struct claim *claims;
	size_t claim_count, claim_capacity;
	char doubts[512]; /* what could not be determined, for a person */
	struct {
		uint64_t lo, hi;
		uint32_t root;
	} last; /* global named last */
	/* Result. */
	struct tide_root *roots;
	size_t root_count, root_capacity;
	uint32_t threads_known, threads_unknown;
};

/* For the parts. */
uint32_t roots_add(struct roots *r, const struct tide_root *root, const char *name); /* its index */
void roots_claim(struct roots *r, uint64_t lo, uint64_t hi, uint32_t rank, uint32_t kind, uint32_t flags,
	uint32_t item);
void roots_doubt(struct roots *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A table of the ledger's copy. */
const void *roots_table(
	const struct roots *r, enum ledger_table_kind kind, uint32_t element, uint64_t *count);
const char *roots_text(const struct roots *r, uint32_t offset);
/* An edge from a root that has no address (kernel, registers). */
void roots_word(struct roots *r, uint32_t root, uint64_t address, uint64_t word);

void roots_modules(struct roots *r);        /* finds them */
bool roots_has_libc(const struct roots *r); /* false: a static program, or another libc than glibc */
void roots_libc(struct roots *r);           /* where libc has what, and the loader its list */
void roots_modules_claim(struct roots *r);
/* Is it the module of an allocator that is not libc's? Its memory, variables
 * and lists are full of addresses of blocks, and none is a reference. */
bool roots_allocator(const struct roots *r, const char *path);
struct roots_module *roots_module_at(struct roots *r, uint64_t address);
struct symbol_module *roots_symbols(struct roots_module *m);
uint32_t roots_global(struct roots *r, const struct claim *c, uint64_t address);

void roots_threads(struct roots *r);
void roots_threads_claim(struct roots *r);
uint32_t roots_tls(struct roots *r, const struct claim *c, uint64_t address);

void roots_stacks(struct roots *r); /* unwinds, claims, registers */
uint32_t roots_stack(struct roots *r, const struct claim *c, uint64_t address);

void roots_text_blocks(struct roots *r);
extern bool roots_met_cxx; /* symbols of libstdc++ were asked for */

void roots_kernel(struct roots *r);
void roots_mappings_claim(struct roots *r);
/* `heap` is the mapping of the program break. */
void roots_break_claim(struct roots *r, const struct remote_mapping *heap);
void roots_regions(struct roots *r); /* scans what is claimed */

struct references;
void roots_ranges(const struct roots *r, struct references *g);

#endif
