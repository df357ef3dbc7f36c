/* ledger.h - the shared-memory file in which the shim keeps its tables.
 *
 * There is one file per process image. The shim writes it; the report maps it
 * read-only (and writes only the control words) while the process lives, after it
 * has exited, and after it was killed. Layout only: no functions that need libc.
 *
 *   +--------+---------+-------+-------+-----+----------------+----------+
 *   | header | modules | nodes | sites | ... | page directory | counters |
 *   +--------+---------+-------+-------+-----+----------------+----------+
 *
 * The file is sparse: every table has a fixed place and a capacity (struct
 * ledger_table), and only the used part is backed by memory.
 *
 * LG1  A table only grows. An element below `count` is complete: `count` is
 *      stored with release order after the element.
 * LG2  Indices are 0-based. Element 0 of nodes, sites, strings and modules is
 *      reserved: "none", the empty string, the unknown module.
 * LG3  The shim never reads back what another process could have changed,
 *      except the control words, and checks those.
 * LG4  A reader trusts nothing: offsets, counts and indices are checked
 *      against the file's length first (report/model/ledger_read.c).
 * LG5  Only one thread writes a counter page, without locks. The values of a
 *      site are the sums over all its pages.
 * LG6  Writer and reader come from one build: LEDGER_VERSION changes with any
 *      change of the layout, and a reader refuses another version. The sizes
 *      asserted below catch an unintended change.
 *
 * Threads: see LG1 and LG5. Signals: not relevant. Fork: the child starts a new
 * ledger.
 */
#ifndef TIDEMARK_LEDGER_H
#define TIDEMARK_LEDGER_H

#include <stdint.h>

#define LEDGER_MAGIC "TIDELEDG"
#define LEDGER_VERSION 10u
#define LEDGER_PAGE 4096u /* bytes per page, of the file and of the machine */
static inline uint64_t ledger_page_up(uint64_t bytes)
{
	return (bytes + LEDGER_PAGE - 1) & ~(uint64_t)(LEDGER_PAGE - 1);
}
#define LEDGER_ENDED_IMAGES 8u
#define LEDGER_HELD_BACK (64 * 1024) /* bytes that a thread may count privately before it publishes them */

/* Tables. Element types are below. */
enum ledger_table_kind {
	LEDGER_STRINGS,   /* char: NUL-terminated, indexed by byte */
	LEDGER_MODULES,   /* struct ledger_module */
	LEDGER_NODES,     /* struct ledger_node: the trie of stacks */
	LEDGER_SITES,     /* struct ledger_site */
	LEDGER_THREADS,   /* struct ledger_thread */
	LEDGER_TIMELINE,  /* struct ledger_point */
	LEDGER_MARKS,     /* struct ledger_mark */
	LEDGER_SIZES,     /* struct ledger_sizes: size histograms */
	LEDGER_LIFETIMES, /* struct ledger_lifetimes: lifetime histograms */
	LEDGER_MAPPINGS,  /* struct ledger_mapping: mmap domain */
	LEDGER_OWN,       /* struct ledger_range: the shim's own memory in the target */
	LEDGER_PAGES,     /* struct ledger_page: the owner of each counter page */
	LEDGER_COUNTERS,  /* LEDGER_PAGE bytes each: LEDGER_PAGE_COUNTERS counters */
	LEDGER_TRACKED,   /* struct ledger_tracked: tide_track domains */
	LEDGER_ROUNDS,  /* struct ledger_rounds, indexed by site; capacity 0 unless TIDEMARK_ROUNDS is set */
	LEDGER_ANSWERS, /* uint64_t: the collector's answer to a query */
	LEDGER_ERRORS,  /* struct ledger_error: what the program did wrong (shim/error.h) */
	LEDGER_CODES,   /* struct ledger_code: code objects of Python frames */
	LEDGER_TABLES
};

struct ledger_table {
	uint64_t offset;   /* bytes from the start of the file */
	uint64_t capacity; /* elements that fit */
	uint64_t count;    /* elements in use (LG1) */
	uint32_t element;  /* bytes per element */
	uint32_t reserved;
};
_Static_assert(sizeof(struct ledger_table) == 32, "LEDGER_VERSION");

/* What the shim could not record. Each kind is counted here and printed by the report. */
enum ledger_missed {
	MISSED_NESTED,       /* events inside a hook (signal handlers): charged to site LEDGER_SITE_NESTED */
	MISSED_EARLY,        /* events before the ledger existed */
	MISSED_SITES_FULL,   /* events charged to LEDGER_SITE_OVERFLOW: table full */
	MISSED_THREADS_FULL, /* threads without a record of their own */
	MISSED_BLOCKS,       /* blocks not entered in the block map: no memory for it */
	MISSED_FREES, /* blocks whose free was not seen: the address came back while still in the block map */
	MISSED_FOREIGN_FREES, /* frees of blocks that were never in the block map */
	MISSED_TRUNCATED,     /* walks that ended before the stack did: no rule, bad frame */
	MISSED_MODULES_FULL,  /* modules without a record: table full */
	MISSED_STRINGS_FULL,  /* strings not stored: table full */
	MISSED_MAPPINGS_FULL, /* mappings of the program not listed: table full */
	MISSED_TIMELINE,      /* points of the timeline for which there was no memory */
	MISSED_NO_MEMORY,     /* the ledger could not grow */
	MISSED_SNAPSHOTS,     /* snapshots requested but not taken */
	MISSED_FORK_TABLES,   /* a forked child could not make its own ledger */
	MISSED_SECCOMP,       /* work left out because a seccomp filter is in place */
	MISSED_ROUNDS,        /* (round, site) pairs not recorded: table full, or two marks at once */
	MISSED_ERRORS,        /* errors of the program not recorded: table full */
	MISSED_FOLDED,        /* stacks that were folded (shim/fold.h): there were too many */
	MISSED_COUNT
};

enum ledger_state {
	LEDGER_STARTING = 1,
	LEDGER_RUNNING,
	LEDGER_EXITING,  /* the exit snapshot is being taken */
	LEDGER_FINISHED, /* the exit snapshot was taken (or refused: see snapshots) */
	LEDGER_EXECED,   /* the process image was replaced */
};

/* Values of ledger_header.flags. */
#define LEDGER_FLAG_PRIVATE 1u     /* private memory, not a file: nothing survives a kill */
#define LEDGER_FLAG_FOREIGN 2u     /* the allocator underneath is not glibc's */
#define LEDGER_FLAG_FORKED 4u      /* the process was forked: it holds inherited blocks */
#define LEDGER_FLAG_SECCOMP 8u     /* a seccomp filter was installed */
#define LEDGER_FLAG_SAMPLED 16u    /* counters are estimates (sample_bytes > 0) */
#define LEDGER_FLAG_THREADED 32u   /* more than one thread was seen */
#define LEDGER_FLAG_LEAKS_OFF 128u /* the program has turned leak checks off (__lsan_is_turned_off) */
#define LEDGER_FLAG_OWN_MALLOC 64u /* the program brings an allocator of its own */
#define LEDGER_FLAG_SETTLED 256u   /* the process ended with no block of its own (shim/settle.h) */

/* Why a snapshot is taken: request_reason, and the collector's --reason. */
enum ledger_reason {
	LEDGER_REASON_EXIT = 1,
	LEDGER_REASON_EXEC,        /* exec is about to replace the program (--at-exec) */
	LEDGER_REASON_ABORT,       /* abort() */
	LEDGER_REASON_SIGNAL,      /* a deadly signal */
	LEDGER_REASON_MARK,        /* a mark of the program */
	LEDGER_REASON_API,         /* tide_snapshot, and the calls that ask about references */
	LEDGER_REASON_TIMER,       /* --every */
	LEDGER_REASON_CONDITION,   /* --when */
	LEDGER_REASON_REQUEST,     /* `tidemark snap` */
	LEDGER_REASON_POST_MORTEM, /* the process was killed: made from the ledger */
	LEDGER_REASON_PYTHON,      /* an interpreter is about to be finalized, and the program goes on */
};

/* The snapshot protocol: freeze.h shows who writes which word when. */
enum ledger_request {
	REQUEST_NONE,
	REQUEST_SNAPSHOT, /* collector to process: the next event takes a snapshot */
	REQUEST_REAP,     /* collector to process: an image waits to be reaped */
	REQUEST_MARK,     /* the same, of a snapshot that no event has answered, so that none has marked it */
};
enum ledger_freeze {
	FREEZE_NONE,
	FREEZE_ASKED,   /* process to collector: this thread waits, stop the others */
	FREEZE_STOPPED, /* collector to process: the others are stopped, make the image */
	FREEZE_IMAGE,   /* process to collector: image_pid is the image */
	FREEZE_DONE,    /* collector to process: go on */
	FREEZE_PARK,    /* collector to process: ptrace is refused, stop the others by signal */
	FREEZE_PARKED,  /* process to collector: the threads that react are stopped */
	FREEZE_OVER,    /* server's collector to process: request_result says how it ended */
	FREEZE_LEFT, /* server's collector to process: you may end, the collector owns the image and the ledger now */
};

#define LEDGER_KEPT_ROOM 512

struct ledger_header {
	char magic[8];
	uint32_t version;
	uint32_t header_bytes; /* sizeof(struct ledger_header) of the writer */
	uint32_t state;        /* enum ledger_state */
	uint32_t flags;        /* LEDGER_FLAG_* */
	int32_t pid;
	int32_t parent_pid;
	uint32_t uid;
	uint32_t depth_limit;     /* frames kept per stack */
	uint64_t sample_bytes;    /* mean bytes between samples; 0 = every event */
	uint64_t file_bytes;      /* length of the (sparse) file */
	uint64_t started_wall_ns; /* CLOCK_REALTIME */
	uint64_t started_mono_ns; /* CLOCK_MONOTONIC */
	uint64_t started_tsc;
	uint64_t tsc_per_second; /* 0 until known */
	uint64_t ended_mono_ns;  /* set when state becomes FINISHED */
	int32_t exit_status;     /* status given to exit(); -1 when unknown */
	uint32_t generation;     /* fork generation: 0, or 1 + the parent's */
	uint32_t birth_now;      /* current birth number: see birth_of_ns */
	uint32_t query_kind;     /* enum ledger_query, for REQUEST_FLAG_QUERY */
	uint64_t query_address;
	/* Process counters, written by the thread that publishes: shim/count.h. */
	int64_t live_bytes;
	int64_t live_blocks;
	int64_t peak_bytes;
	uint32_t peak_version; /* counts the peaks (CN1 of shim/count.h) */
	uint32_t peak_birth;   /* birth number of the latest peak */
	uint64_t events;       /* allocations published so far */
	uint64_t own_bytes;    /* bytes of address space that the shim has mapped in the target */
	uint64_t missed[MISSED_COUNT];
	/* Places in the target's memory, for the collector. */
	uint64_t block_root;  /* address of the block map's root (blockmap.h) */
	uint64_t spill_table; /* address of struct spill_entry[] (blockmap.h) */
	uint64_t spill_capacity;
	uint64_t shim_lo, shim_hi;    /* where the library itself is mapped */
	uint64_t exit_function;       /* address of exit() */
	uint64_t syscall_instruction; /* address of a `syscall; int3` in the shim */
	uint64_t freeze_place;        /* address of struct freeze_place (shim/freeze.h) */
	/* Control words: the only ones another process may change. */
	uint32_t request; /* enum ledger_request */
	uint32_t freeze;  /* enum ledger_freeze; futex */
	int32_t collector_pid;
	int32_t image_pid;
	uint32_t requested_by;   /* LEDGER_THREADS index of the thread that waits */
	uint32_t request_reason; /* enum ledger_reason */
	uint32_t request_result; /* 0 = success, else errno: set before FREEZE_OVER */
	uint32_t request_flags;  /* REQUEST_FLAG_* */
	uint32_t request_serial; /* counts requests: a reply names its serial */
	/* Strings (LEDGER_STRINGS indices). */
	uint32_t exe, command, directory, output, libc, options;
	uint32_t allocator; /* path of the module that holds the malloc underneath */
	/* Rounds (shim/rounds.h). */
	uint32_t rounds_name;  /* LEDGER_STRINGS: the mark that ends a round; 0 = none */
	uint32_t rounds;       /* marks of that name so far */
	uint32_t rounds_width; /* rounds per bucket of LEDGER_ROUNDS: 1, 2, 4 ... */
	uint32_t rounds_busy;  /* a thread is writing LEDGER_ROUNDS */
	/* Control words too: images made from outside, for their parent to reap (REQUEST_REAP). */
	int32_t ended_images[LEDGER_ENDED_IMAGES];
	uint32_t abort_message; /* LEDGER_STRINGS: the message of libc or of an assertion before the end */
	uint32_t lsan_suppressions; /* LEDGER_STRINGS: the result of __lsan_default_suppressions */
	uint32_t python_version;    /* PY_VERSION_HEX of the interpreter; 0: not found */
	uint32_t python_flags;      /* LEDGER_PYTHON_* */
	uint64_t python_runtime;    /* address of _PyRuntime */
	/* Birth number of the last fork that left threads behind which had run Python: what they held keeps its count for
	 * ever. 0: there was none. */
	uint32_t python_left;
	uint32_t pad;
	uint64_t pid_namespace; /* the namespace of `pid`: inode of /proc/self/ns/pid; 0 unknown */
	/* Also a control word: the snapshot that REQUEST_FLAG_EARLY requested. "": not taken. */
	char kept[LEDGER_KEPT_ROOM];
	struct ledger_table table[LEDGER_TABLES];
};
_Static_assert(sizeof(struct ledger_header) == 1624, "LEDGER_VERSION");

#define LEDGER_PYTHON_FRAMES 1u  /* the frame offsets were proved: stacks have Python frames */
#define LEDGER_PYTHON_REFUSED 2u /* the offsets do not hold: stacks are native */
#define LEDGER_PYTHON_OBJECTS 4u /* small objects are blocks */

#define REQUEST_FLAG_NO_REFERENCES 1u /* no image: counters only */
#define REQUEST_FLAG_STANDING 2u      /* no image: the stopped process itself is read */
/* No file: the collector answers query_kind about query_address in LEDGER_ANSWERS. */
#define REQUEST_FLAG_QUERY 16u
/* The final snapshot, taken before an interpreter is finalized (shim/python_end.c). The process
 * then goes on to its end. */
#define REQUEST_FLAG_EARLY 32u
/* The end itself: the early snapshot is kept, and the exit status is added to it. */
#define REQUEST_FLAG_KEPT 64u
enum ledger_query {
	QUERY_COLLECT = 1, /* [0..9]: blocks, bytes of unreferenced, cycle, indirect, possible, reachable */
	QUERY_REFCOUNT,    /* [0]: references from roots, [1]: from blocks, [2]: 1 = lost */
	QUERY_REFERRERS,   /* [0]: how many; [1...]: address of each word that refers to it, 0 = register */
	QUERY_REFERENTS,   /* [0]: how many; [1...]: addresses of the blocks that it refers to */
};

struct ledger_module {
	uint64_t lo, hi;         /* load range [lo, hi) */
	uint64_t bias;           /* address = bias + ELF virtual address */
	uint32_t path;           /* LEDGER_STRINGS */
	uint32_t build_id_bytes; /* 0..20 */
	uint8_t build_id[20];
	uint32_t closed; /* birth number at which it was unloaded; 0 = loaded */
	uint32_t opened; /* birth number at which it was first seen */
	uint32_t flags;  /* LEDGER_MODULE_* */
};
_Static_assert(sizeof(struct ledger_module) == 64, "LEDGER_VERSION");
#define LEDGER_MODULE_MAIN 1u /* the executable */
#define LEDGER_MODULE_SHIM 2u /* this library */
#define LEDGER_MODULE_VDSO 4u
#define LEDGER_MODULE_REPLACED 0x80000000u /* unloaded, and other code has been loaded there since */

/* A node of the trie of stacks. A child points to its parent, which is the caller.
 * `address` is a return address, to be looked up at address - 1, or the interrupted
 * pc itself where LEDGER_NODE_SIGNAL is set. */
struct ledger_node {
	uint32_t parent; /* 0: outermost frame kept */
	uint16_t module; /* LEDGER_MODULES; 0 = no module (JIT, unknown) */
	uint16_t flags;  /* LEDGER_NODE_* */
	uint64_t address;
};
_Static_assert(sizeof(struct ledger_node) == 16, "LEDGER_VERSION");
#define LEDGER_NODE_SIGNAL 1u           /* interrupted frame: exact pc */
#define LEDGER_NODE_BY_FRAME_POINTER 2u /* found without unwind rules */
/* A frame of CPython: `address` is a PYTHON_PLACE. */
#define LEDGER_NODE_PYTHON 4u
#define LEDGER_NODE_REPLACED                                                                                 \
	0x8000u /* its module, or that of an outer frame, is replaced: no new stack has it */

/* A place in a code object: its number in LEDGER_CODES, the instruction in units of 2 bytes, the
 * line (0: it does not have one). A number that does not fit is stored as the greatest one that
 * does. */
#define PYTHON_PLACE_CODE_MOST ((1u << 22) - 1)
#define PYTHON_PLACE_INSTRUCTION_MOST ((1u << 21) - 1)
#define PYTHON_PLACE_LINE_MOST ((1u << 21) - 1)
static inline uint64_t python_place(uint32_t code, uint64_t instruction, uint32_t line)
{
	if (instruction > PYTHON_PLACE_INSTRUCTION_MOST)
		instruction = PYTHON_PLACE_INSTRUCTION_MOST;
	return (uint64_t)code << 42 | instruction << 21 | line;
}
static inline uint32_t python_place_code(uint64_t place) { return (uint32_t)(place >> 42); }
static inline uint32_t python_place_line(uint64_t place) { return (uint32_t)place & PYTHON_PLACE_LINE_MOST; }

/* Element 0 is reserved. */
struct ledger_code {
	uint32_t name,
		qualified; /* LEDGER_STRINGS; qualified 0: unknown, as before 3.11: report/python/python_qualified.c */
	uint32_t file, first_line;
	uint32_t interpreter; /* number of the interpreter in which it was first seen */
	uint32_t shared;      /* 1: several code objects have had this number */
	uint64_t address;     /* of the last one that got it, which may be gone */
};
_Static_assert(sizeof(struct ledger_code) == 32, "LEDGER_VERSION");

#define LEDGER_SITE_NESTED 1u   /* events inside hooks, from signal handlers */
#define LEDGER_SITE_OVERFLOW 2u /* events whose site did not fit */
#define LEDGER_SITE_BOOT 3u     /* reserved: no event is charged to it */
#define LEDGER_SITE_FIRST 4u

struct ledger_site {
	uint64_t hash;
	uint32_t node;  /* LEDGER_NODES: the caller of the allocator */
	uint16_t depth; /* frames kept */
	uint16_t flags; /* LEDGER_SITE_* flags below */
};
_Static_assert(sizeof(struct ledger_site) == 16, "LEDGER_VERSION");
#define LEDGER_SITE_DEPTH_CUT 1u /* deeper than depth_limit: the innermost frames are kept */
#define LEDGER_SITE_BROKEN 2u    /* the walk ended early: the outer frames are unknown */
#define LEDGER_SITE_MAPPING 4u   /* charges mappings, not blocks */
#define LEDGER_SITE_INHERITED 8u /* had blocks that were inherited by fork */
#define LEDGER_SITE_TRACKED 16u  /* charges a tide_track domain */
#define LEDGER_SITE_ERROR 32u    /* an erroneous call: nothing is charged to it */
#define LEDGER_SITE_FOLDED 128u  /* stands for several stacks: shim/fold.h */
/* The function that allocates here (enum ledger_function) has been looked up (shim/callee.h). */
#define LEDGER_SITE_ASKED 64u
#define LEDGER_SITE_FUNCTION_SHIFT 8u

/* What one thread did at one site. Signed values are deltas: a block freed by
 * another thread makes that thread's value negative. */
struct ledger_counter {
	int64_t live_bytes;
	uint64_t total_bytes;
	int64_t peak_bytes; /* live_bytes when the process was at its peak (version rule) */
	uint64_t total_blocks;
	int32_t live_blocks;
	int32_t peak_blocks;
	uint32_t version; /* peak_* hold when version == peak_version; else live_* is the value at the peak */
	uint32_t reallocations;
	uint32_t temporary;
	uint32_t lifetimes;  /* LEDGER_LIFETIMES index; 0 = none yet; or the first few: see below */
	uint32_t sizes;      /* LEDGER_SIZES index; 0 = all in size_class */
	uint32_t size_class; /* class of all allocations + 1; 0 = none yet, or see sizes */
};
_Static_assert(sizeof(struct ledger_counter) == 64, "LEDGER_VERSION");

/* Size class c holds requests r with bit_length(r) == c: 0 | 1 | 2-3 | 4-7 ... */
#define LEDGER_SIZE_CLASSES 48
struct ledger_sizes {
	uint32_t count[LEDGER_SIZE_CLASSES];
};
_Static_assert(sizeof(struct ledger_sizes) == 192, "LEDGER_VERSION");

/* Lifetime class c holds lifetimes of [2^(c+9), 2^(c+10)) ns; class 0 also all shorter
 * ones, class 31 all longer ones. Counts are weighted so that they estimate all frees. */
#define LEDGER_LIFETIME_CLASSES 32
struct ledger_lifetimes {
	uint32_t count[LEDGER_LIFETIME_CLASSES];
};
_Static_assert(sizeof(struct ledger_lifetimes) == 128, "LEDGER_VERSION");
/* Most sites have few measured frees: the counter itself holds up to four, seven bits each
 * from the low end, class 5 | slot_timed 2 (0: end). */
#define LEDGER_LIFETIMES_FEW (1u << 31)
#define LEDGER_LIFETIMES_FEW_COUNT 4u
#define LEDGER_LIFETIME_FEW(class, timed) ((class) | (uint32_t)(timed) << 5)
static inline unsigned ledger_lifetime_class(uint32_t few) { return few & 31u; }
/* How many frees one measured lifetime represents. */
static inline unsigned ledger_lifetime_weight(unsigned timed) { return timed == 1 ? 1 : timed == 2 ? 64 : 0; }

#define LEDGER_PAGE_COUNTERS 64u /* struct ledger_counter per page */
_Static_assert(LEDGER_PAGE_COUNTERS * sizeof(struct ledger_counter) == LEDGER_PAGE, "a page of counters");
struct ledger_page {
	uint32_t thread;     /* LEDGER_THREADS index + 1; 0 = free */
	uint32_t first_site; /* multiple of LEDGER_PAGE_COUNTERS */
};
_Static_assert(sizeof(struct ledger_page) == 8, "LEDGER_VERSION");

struct ledger_thread {
	int32_t tid;
	uint32_t state;              /* LEDGER_THREAD_* */
	char name[16];               /* when it was last read; may be empty */
	uint32_t born, died;         /* birth numbers; died 0 = alive */
	uint64_t control_block;      /* thread pointer (fs base) */
	uint64_t stack_lo, stack_hi; /* 0 = unknown */
	uint64_t signal_stack_lo, signal_stack_hi;
	uint64_t allocations; /* blocks made by this thread */
};
_Static_assert(sizeof(struct ledger_thread) == 80, "LEDGER_VERSION");
#define LEDGER_THREAD_ALIVE 1u
#define LEDGER_THREAD_EXITED 2u
#define LEDGER_THREAD_PYTHON 4u /* has run code of Python */

/* Callee-saved registers of the thread that waits inside the shim: freeze.c. */
struct ledger_registers {
	uint64_t rbx, rbp, r12, r13, r14, r15, rsp, rip;
};
_Static_assert(sizeof(struct ledger_registers) == 64, "LEDGER_VERSION");

struct ledger_point {
	uint64_t mono_ns; /* since started_mono_ns */
	int64_t live_bytes, live_blocks;
	uint64_t rss_bytes; /* 0 = not read */
	uint64_t total_blocks;
	uint64_t private_bytes; /* of rss_bytes, without files and shared memory; 0 = not read */
};
_Static_assert(sizeof(struct ledger_point) == 48, "LEDGER_VERSION");

struct ledger_mark {
	uint64_t mono_ns; /* since started_mono_ns */
	uint32_t birth;   /* blocks with a greater birth number were born after it */
	uint32_t name;    /* LEDGER_STRINGS */
	uint32_t kind;    /* enum ledger_mark_kind */
	uint32_t thread;
	int64_t live_bytes, live_blocks; /* of the process, as published */
};
_Static_assert(sizeof(struct ledger_mark) == 40, "LEDGER_VERSION");
enum ledger_mark_kind {
	LEDGER_MARK_USER = 1, /* tide_mark */
	LEDGER_MARK_SNAPSHOT, /* a snapshot was taken */
	LEDGER_MARK_TICK,     /* --every */
	LEDGER_MARK_FORK,     /* everything before is inherited */
	LEDGER_MARK_FREEZE,   /* tide_freeze: baseline */
	LEDGER_MARK_SCOPE_BEGIN,
	LEDGER_MARK_SCOPE_END,
	LEDGER_MARK_START, /* tide_start */
	LEDGER_MARK_STOP,  /* tide_stop */
};

struct ledger_mapping {
	uint64_t address, bytes; /* bytes 0: slot free */
	uint32_t site, birth;
	uint32_t thread;
	uint32_t flags; /* low 16: mmap flags; high 16: protection */
};
_Static_assert(sizeof(struct ledger_mapping) == 32, "LEDGER_VERSION");

/* Memory that the program charges to a domain (tide_track). An entry whose domain is
 * one of these is a note about the block at `address`, if that was born at or before
 * `birth`. */
#define TRACKED_IGNORED 0xffffffffu     /* neither the block nor what it refers to is a leak */
#define TRACKED_WEAK 0xfffffffeu        /* its references keep nothing alive */
#define TRACKED_ROOT_REGION 0xfffffffdu /* [address, +bytes) is a root */
struct ledger_tracked {
	uint64_t address, bytes; /* bytes 0: slot free */
	uint32_t site, birth;
	uint32_t domain, thread;
};
_Static_assert(sizeof(struct ledger_tracked) == 32, "LEDGER_VERSION");

struct ledger_range {
	uint64_t lo, hi;
};
_Static_assert(sizeof(struct ledger_range) == 16, "LEDGER_VERSION");

/* The floor of a site: least[b] is the least number of its live blocks at the
 * marks that ended rounds [b * rounds_width, (b + 1) * rounds_width). Memory is
 * bounded although the number of rounds is not: when all buckets are in use,
 * pairs are merged (the lesser value is kept) and rounds_width doubles. A row
 * that was never written is all zero, which is correct: the site had no blocks. */
#define LEDGER_ROUND_BUCKETS 126u
struct ledger_rounds {
	uint32_t least[LEDGER_ROUND_BUCKETS];
	uint32_t spare[2];
};
_Static_assert(sizeof(struct ledger_rounds) == 512, "LEDGER_VERSION");

/* A function that makes or frees blocks. */
enum ledger_function {
	FUNCTION_UNKNOWN,
	FUNCTION_MALLOC, /* and all of its family */
	FUNCTION_NEW,
	FUNCTION_NEW_ARRAY,
	FUNCTION_NEW_ALIGNED,
	FUNCTION_NEW_ARRAY_ALIGNED,
	FUNCTION_FREE,
	FUNCTION_REALLOC,
	FUNCTION_DELETE,
	FUNCTION_DELETE_ARRAY,
	FUNCTION_DELETE_ALIGNED,
	FUNCTION_DELETE_ARRAY_ALIGNED,
};

enum ledger_error_kind {
	ERROR_DOUBLE_FREE = 1,
	ERROR_FOREIGN,  /* malloc never returned this pointer */
	ERROR_INNER,    /* into a live block, but not to its start */
	ERROR_MISMATCH, /* freed by a function that does not belong to the one that allocated */
};

/* What a pointer that malloc never returned points to. */
enum ledger_error_place { PLACE_UNKNOWN, PLACE_STACK, PLACE_STATIC, PLACE_UNMAPPED, PLACE_MAPPING };

/* One error, and how often it happened: the same kind, free and allocation. Numbers of
 * sites are 0 where they are not known. */
struct ledger_error {
	uint64_t address;                /* the pointer passed to free, the first time */
	uint64_t block, bytes;           /* the block it belongs to or belonged to; 0: unknown */
	uint32_t kind, flags;            /* enum ledger_error_kind, LEDGER_ERROR_* */
	uint32_t free_site;              /* the call that is wrong */
	uint32_t allocation_site;        /* of the block */
	uint32_t first_site;             /* the first free */
	uint32_t thread;                 /* LEDGER_THREADS index of the first one */
	uint32_t count;                  /* stored last; 0: not complete */
	uint32_t birth;                  /* birth number of the first one */
	uint16_t allocated_by, freed_by; /* enum ledger_function */
	uint32_t place;                  /* enum ledger_error_place */
};
_Static_assert(sizeof(struct ledger_error) == 64, "LEDGER_VERSION");
/* After the PID, in the folder of the run: the snapshot taken before a call that might be the last one. */
#define LEDGER_LAST_SUFFIX ".last.tide"
#define LEDGER_ERROR_UNSURE 1u /* counts only if the process dies in this call */
#define LEDGER_ERROR_INSIDE 2u /* the real free is under way */

/* Birth numbers: a clock that fits in 22 bits. The number grows by one per unit
 * of time. The unit starts at 16.384 us and doubles every 2^18 numbers, so that
 * the relative error of an age stays below 2^-17. Each mark adds one, so that no
 * block shares its number with an earlier mark. The 16 steps last 76 hours; all
 * later births have the last number. */
#define BIRTH_BITS 22
#define BIRTH_MAX ((1u << BIRTH_BITS) - 1)
#define BIRTH_STEP_BITS 18
#define BIRTH_UNIT_SHIFT 14 /* first unit: 2^14 ns */

static inline uint32_t birth_of_ns(uint64_t ns)
{
	uint64_t u = (ns >> BIRTH_UNIT_SHIFT) + (1u << BIRTH_STEP_BITS);
	unsigned step = 63u - BIRTH_STEP_BITS - (unsigned)__builtin_clzll(u);
	uint64_t n = ((uint64_t)step << BIRTH_STEP_BITS) + (u >> step) - (1u << BIRTH_STEP_BITS);
	return n > BIRTH_MAX ? BIRTH_MAX : (uint32_t)n;
}

static inline uint64_t birth_to_ns(uint32_t birth)
{
	unsigned step = birth >> BIRTH_STEP_BITS;
	uint64_t u = ((uint64_t)(birth & ((1u << BIRTH_STEP_BITS) - 1)) + (1u << BIRTH_STEP_BITS)) << step;
	return (u - (1u << BIRTH_STEP_BITS)) << BIRTH_UNIT_SHIFT;
}

#endif
