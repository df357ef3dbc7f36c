/* format.h - the snapshot file (.tide): what is on disk. FORMAT.md describes it
 * byte by byte; this header is its C form. These numbers never change meaning.
 *
 *   +-------------+---------------+------------------------------------+
 *   | file header | section table | sections, each at a multiple of 64 |
 *   +-------------+---------------+------------------------------------+
 *
 * The table may be anywhere (table_offset); it is written first, so it survives a cut.
 *
 * Little-endian, fixed width. A section is an array of one element type (or of
 * bytes). Unknown sections are skipped; an element longer than the reader knows
 * is read by its prefix, a shorter one (older) is widened with zeros. No length
 * in a file is trusted (report/model/snapshot_read.c).
 *
 * Strings are byte offsets into SECTION_STRINGS (NUL-terminated); 0 is "".
 */
#ifndef TIDEMARK_FORMAT_H
#define TIDEMARK_FORMAT_H

#include <stdint.h>
#include "format_types.h"

#define TIDE_MAGIC "\x89TIDE\r\n\x1a" /* 8 bytes, in the manner of PNG */
#define TIDE_VERSION 1u

struct tide_file_header {
	char magic[8];
	uint32_t version;
	uint32_t section_count;
	uint64_t table_offset; /* of struct tide_section[section_count] */
	uint64_t file_bytes;
	uint64_t table_checksum;  /* XXH3-64 of the section table */
	uint64_t header_checksum; /* XXH3-64 of the bytes before this field */
};

struct tide_section {
	uint32_t kind; /* enum tide_section_kind */
	uint32_t element_bytes;
	uint64_t offset;
	uint64_t stored_bytes;
	uint64_t plain_bytes; /* == stored_bytes unless encoded */
	uint32_t encoding;    /* 0 plain, 1 zstd */
	uint32_t flags;       /* 0 */
	uint64_t checksum;    /* XXH3-64 of the stored bytes */
};

enum tide_section_kind {
	SECTION_STRINGS = 1,        /* bytes */
	SECTION_PROCESS = 2,        /* struct tide_process, one */
	SECTION_COVERAGE = 3,       /* struct tide_value: name -> number */
	SECTION_OPTIONS = 4,        /* struct tide_option: name -> text */
	SECTION_MODULES = 5,        /* struct tide_module */
	SECTION_FRAMES = 6,         /* struct tide_frame: trie */
	SECTION_SITES = 7,          /* struct tide_site */
	SECTION_SIZES = 8,          /* struct tide_bin: size histograms */
	SECTION_LIFETIMES = 9,      /* struct tide_bin: lifetime histograms */
	SECTION_BIRTHS = 10,        /* struct tide_birth: live blocks of a site between marks */
	SECTION_THREADS = 11,       /* struct tide_thread */
	SECTION_TIMELINE = 12,      /* struct tide_point */
	SECTION_MARKS = 13,         /* struct tide_mark */
	SECTION_THREAD_SITES = 14,  /* struct tide_thread_site */
	SECTION_BLOCKS = 15,        /* struct tide_block, by address */
	SECTION_ROOTS = 16,         /* struct tide_root: an object that holds references */
	SECTION_ROOT_EDGES = 17,    /* struct tide_root_edge, by root */
	SECTION_EDGE_STARTS = 18,   /* uint64: block i's references are edges [starts[i], starts[i+1]) */
	SECTION_EDGES = 19,         /* struct tide_edge */
	SECTION_WARNINGS = 20,      /* struct tide_warning */
	SECTION_PERF_MAP = 21,      /* struct tide_jit: JIT code from perf map files */
	SECTION_SYMBOLS = 22,       /* struct tide_symbol: stored by `symbolize` */
	SECTION_DIGESTS = 23,       /* struct tide_digest, one per block */
	SECTION_MAPPINGS = 24,      /* struct tide_mapping: /proc/PID/smaps at the snapshot */
	SECTION_ROUNDS = 25,        /* struct tide_rounds: floors of sites over the rounds of the run */
	SECTION_COUNTS = 26,        /* struct tide_count: words that may be reference counts */
	SECTION_COUNT_VALUES = 27,  /* bytes: see struct tide_count */
	SECTION_ERRORS = 28,        /* struct tide_misuse: what the program did wrong with its memory */
	SECTION_CODES = 29,         /* struct tide_code: code objects of Python frames */
	SECTION_TYPES = 32,         /* struct tide_type */
	SECTION_BLOCK_TYPES = 33,   /* struct tide_block_type, one a block */
	SECTION_OWNERS = 34,        /* struct tide_owner, by block */
	SECTION_PYTHON = 35,        /* struct tide_value: name -> number */
	SECTION_OBJECTS = 36,       /* struct tide_python_object, by block */
	SECTION_TEXTS = 37,         /* struct tide_python_text */
	SECTION_POOL_ARENAS = 38,   /* struct tide_python_arena, by address */
	SECTION_PLACES = 39,        /* struct tide_python_place, by address, kind and number */
	SECTION_ARENAS = 40,        /* struct tide_arena: of glibc's malloc, the main one first */
	SECTION_REGIONS = 41,       /* struct tide_region, by address: what each address is for */
	SECTION_PAGES = 42,         /* struct tide_pages, by address: of heap regions */
	SECTION_CHUNKS = 43,        /* struct tide_chunk, by address: of heaps, what is not a block */
	SECTION_THREAD_ARENAS = 44, /* struct tide_thread_arena */
	SECTION_DUPLICATES = 45,    /* struct tide_duplicate */
	SECTION_SPARE = 46,         /* struct tide_spare, by block */
	SECTION_NATIVE_TYPES = 47, /* struct tide_native_type, one a block; by `symbolize`, as what follows */
	SECTION_SCANNED_TYPES = 48, /* struct tide_scanned_type, by block */
	SECTION_LAYOUTS = 49,       /* struct tide_layout */
	SECTION_MEMBERS = 50,       /* struct tide_member, by layout and offset */
	SECTION_VARIABLES = 51,     /* struct tide_variable, by root and address */
};

enum tide_reason {
	REASON_EXIT = 1,
	REASON_EXEC,
	REASON_ABORT,
	REASON_SIGNAL,
	REASON_MARK,
	REASON_API,
	REASON_TIMER,
	REASON_CONDITION,
	REASON_REQUEST,
	REASON_POST_MORTEM,
	REASON_PYTHON, /* an interpreter was about to be torn down, and the program went on */
};

struct tide_process {
	int32_t pid, parent_pid;
	uint32_t uid;
	uint32_t reason;                           /* enum tide_reason */
	uint32_t complete;                         /* 1: everything asked for is here, nothing is unsure */
	uint32_t references;                       /* 1: blocks, roots and edges are here */
	uint32_t sequence;                         /* 1, 2 ... within the process */
	int32_t exit_status;                       /* -1 unknown */
	uint32_t exit_signal;                      /* 0 none */
	uint32_t threads_stopped, threads_unknown; /* threads whose registers are (not) known */
	uint32_t depth_limit;
	uint64_t sample_bytes;
	uint64_t started_wall_ns, taken_wall_ns;
	uint64_t elapsed_ns; /* monotonic, start to snapshot */
	uint64_t pause_ns;   /* all threads stopped */
	uint64_t live_bytes, live_blocks;
	uint64_t peak_bytes, peak_elapsed_ns;
	uint64_t total_bytes, total_blocks;
	uint64_t reallocations, temporary;
	uint64_t rss_bytes, pss_bytes, virtual_bytes;
	uint64_t own_bytes; /* what is resident of the profiler in the process; 0 = unknown */
	uint32_t birth_now;
	uint32_t flags; /* PROCESS_* */
	uint32_t exe, command, directory, libc, kernel, machine, tool, allocator;
	uint32_t incomplete_why; /* text; "" when complete */
	uint32_t abort_message;  /* text: what libc, or an assertion, said before the end; "" nothing */
};

/* Bytes that a thread may count for itself before the process's live and peak figures have them. */
#define PROCESS_HELD_BACK (64 * 1024)
#define PROCESS_PRIVATE 1u      /* its ledger is not a file: nothing survives a kill */
#define PROCESS_FOREIGN 2u      /* the allocator underneath is not glibc's */
#define PROCESS_FORKED 4u       /* started by fork: holds inherited blocks */
#define PROCESS_SECCOMP 8u      /* a seccomp filter was installed */
#define PROCESS_SAMPLED 16u     /* counters are estimates (sample_bytes > 0) */
#define PROCESS_THREADED 32u    /* more than one thread was seen */
#define PROCESS_OWN_MALLOC 64u  /* the program brings an allocator of its own */
#define PROCESS_WALKED 128u     /* blocks are from a walk of the heap: their bytes are usable bytes */
#define PROCESS_UNPREPARED 256u /* the library was not in the process: no stacks, no history */
#define PROCESS_CORE 512u       /* read from a core: what its kernel knew is not in it */
#define PROCESS_EARLY 1024u     /* taken before the interpreter of Python was torn down */
#define PROCESS_BRIEF 2048u     /* a child that ended soon after its fork: no map of its memory */
#define PROCESS_SETTLED 4096u   /* a child that had freed all it allocated: its blocks are not listed */

struct tide_value {
	uint32_t name;
	uint32_t pad;
	uint64_t value;
}; /* "missed.nested" ... */
struct tide_option {
	uint32_t name, value;
};
struct tide_warning {
	uint32_t text, hint;
};

struct tide_module {
	uint64_t lo, hi, bias;
	uint32_t path, build_id; /* build_id: hex text, may be "" */
	uint32_t opened, closed; /* birth numbers; closed 0 = loaded at the snapshot */
	uint32_t flags;          /* MODULE_* */
	uint32_t pad;
};
#define MODULE_MAIN 1u /* the executable */
#define MODULE_SHIM 2u /* libtidemark.so */
#define MODULE_VDSO 4u
#define MODULE_PYTHON 8u /* holds the interpreter whose frames are in stacks */

/* Frame 0 is reserved: "no frame". */
struct tide_frame {
	uint32_t parent;  /* the caller; 0 = outermost kept */
	uint32_t module;  /* 0 = none */
	uint64_t address; /* in the process; address - module.bias = ELF address */
	uint32_t flags;   /* FRAME_* */
	uint32_t pad;
};
#define FRAME_SIGNAL 1u /* exact pc, else a return address: look up address - 1 */
#define FRAME_BY_FRAME_POINTER 2u
#define FRAME_PYTHON                                                                                         \
	4u /* a function of CPython; address: code 22 bits | instruction 21 | line 21, from the top */
static inline uint32_t frame_code(uint64_t address) { return (uint32_t)(address >> 42); }
static inline uint32_t frame_line(uint64_t address) { return (uint32_t)address & ((1u << 21) - 1); }

/* Element 0 is reserved. */
struct tide_code {
	uint32_t name, qualified; /* qualified "": unknown */
	uint32_t file, first_line;
	uint32_t interpreter; /* 0: the main one */
	uint32_t pad;
};

/* Site i of SECTION_SITES is `site i` everywhere; site 0 is reserved and empty, and
 * the next few have no stack by design. */
#define SITE_NESTED 1u   /* events inside hooks, from signal handlers */
#define SITE_OVERFLOW 2u /* events for which no site could be made */
#define SITE_BOOT 3u     /* before the first walk was possible */
#define SITE_FIRST 4u    /* the first site with a stack */
struct tide_site {
	uint32_t frame; /* innermost: the caller of the allocator */
	uint32_t depth;
	uint32_t flags; /* SITE_DEPTH_CUT ... */
	uint32_t reallocations;
	int64_t live_bytes, live_blocks;
	int64_t peak_bytes, peak_blocks; /* at the process's peak */
	uint64_t total_bytes, total_blocks;
	uint64_t temporary;
};
#define SITE_DEPTH_CUT 1u /* deeper than depth_limit: the leaf end is kept */
#define SITE_BROKEN 2u    /* the walk could not go on: outer frames are unknown */
#define SITE_MAPPING 4u   /* charges mappings, not blocks */
#define SITE_ERROR 32u    /* a call that did something wrong (struct tide_misuse): nothing is charged to it */
#define SITE_INHERITED 8u /* had blocks that were inherited by fork */
#define SITE_TRACKED 16u  /* charges a tide_track domain */
#define SITE_FOLDED 128u  /* stands for several stacks: there were too many, and recursion is left out */
#define SITE_OF_SIZE 64u  /* all blocks of depth * 8 bytes whose stack nobody knows; frame 0 */

/* Size class c holds requests r with bit_length(r) == c: 0 | 1 | 2-3 | 4-7 ... Lifetime
 * class c holds lifetimes of [2^(c+9), 2^(c+10)) ns; 0 also all shorter, 31 all longer. */
#define SIZE_CLASSES 48u
#define LIFETIME_CLASSES 32u
struct tide_bin {
	uint32_t site;
	uint32_t class_;
	uint64_t count;
};
struct tide_birth {
	uint32_t site;
	uint32_t interval; /* 0: before the first mark, 1: after it ... */
	uint64_t live_blocks, live_bytes;
};
struct tide_thread {
	int32_t tid;
	uint32_t state; /* THREAD_* */
	uint32_t name;
	uint32_t born, died;
	uint32_t entry_frame; /* 0 unknown: SECTION_FRAMES index of the start routine */
	uint64_t allocations;
	uint64_t live_bytes; /* of blocks it made; 0 without a block list */
	uint32_t registers;  /* enum tide_registers */
	uint32_t pad;
};
#define THREAD_ALIVE 1u
#define THREAD_EXITED 2u
enum tide_registers { REGISTERS_UNKNOWN, REGISTERS_NONE, REGISTERS_GENERAL, REGISTERS_ALL };
struct tide_thread_site {
	uint32_t thread, site;
	uint64_t total_bytes, total_blocks;
	int64_t live_bytes, live_blocks;
};
struct tide_point {
	uint64_t elapsed_ns;
	int64_t live_bytes, live_blocks;
	uint64_t rss_bytes, total_blocks;
	uint64_t private_bytes; /* of rss_bytes, without files and shared memory; 0 = not known */
};
struct tide_mark {
	uint64_t elapsed_ns;
	uint32_t birth, name; /* blocks with a greater birth were born after it */
	uint32_t kind;        /* enum tide_mark_kind */
	uint32_t thread;
	int64_t live_bytes, live_blocks;
};

enum tide_mark_kind {
	MARK_USER = 1, /* tide_mark */
	MARK_SNAPSHOT, /* a snapshot was taken */
	MARK_TICK,     /* --every */
	MARK_FORK,     /* everything before is inherited */
	MARK_FREEZE,   /* tide_freeze: baseline */
	MARK_SCOPE_BEGIN,
	MARK_SCOPE_END,
	MARK_START, /* tide_start */
	MARK_STOP,  /* tide_stop */
};

struct tide_block {
	uint64_t address, bytes; /* requested bytes */
	uint32_t site, birth;
	uint32_t thread; /* SECTION_THREADS index; UINT32_MAX unknown */
	uint32_t flags;  /* BLOCK_* */
};
#define BLOCK_NEW 1u      /* being handed out while the image was made: taken as live */
#define BLOCK_IGNORED 2u  /* __lsan_ignore_object, tide_ignore */
#define BLOCK_WEAK 4u     /* references from it do not keep alive */
#define BLOCK_LEFT 8u     /* made by a thread that did not survive the fork: taken as live */
#define BLOCK_MANAGED 16u /* of an interpreter that knows when it is garbage, and we do not: taken as live */

enum tide_root_kind { /* steadiest first: a path prefers the first */
	ROOT_GLOBAL = 1,
	ROOT_TLS,
	ROOT_PTHREAD_KEY,
	ROOT_STACK,
	ROOT_REGISTER,
	ROOT_MAPPING,
	ROOT_KERNEL,
};
struct tide_root {
	uint32_t kind;           /* enum tide_root_kind */
	uint32_t name;           /* "cache", "stack of thread 4 in thr", "epoll descriptor 5" */
	uint64_t address, bytes; /* of the object; 0 for registers and kernel */
	uint32_t module;         /* globals, TLS */
	uint32_t thread;         /* stacks, registers, TLS: SECTION_THREADS index; UINT32_MAX none */
	uint32_t frame; /* stacks: SECTION_FRAMES index of the frame that holds the words; 0 unknown */
	uint32_t flags; /* ROOT_FLAG_* */
};
#define ROOT_FLAG_WEAK_EVIDENCE 1u /* unknown anonymous mapping, coroutine stack, whole stack */

struct tide_root_edge {
	uint32_t root, block;
	uint64_t address;   /* of the word; for registers the register's number */
	uint32_t to_offset; /* where in the block it points, clipped to 2^32-1 */
	uint32_t flags;     /* EDGE_* */
};
struct tide_edge {
	uint32_t block;     /* target */
	uint32_t flags;     /* EDGE_* */
	uint32_t offset;    /* of the word in the source block, clipped */
	uint32_t to_offset; /* 0 = start */
};
#define EDGE_INTERIOR 1u
#define EDGE_EXPLAINED 2u /* interior, but a known layout explains it (roots/layout.h) */
#define EDGE_UNALIGNED 4u
#define EDGE_MASKED 8u
#define EDGE_UNCOUNTED 16u /* of Python: the word is not counted: borrowed, a link, left behind */
#define EDGE_STALE 32u     /* of Python: the word may be old, as on a stack */

struct tide_jit {
	uint64_t address, bytes;
	uint32_t name, pad;
};
struct tide_symbol { /* one line of the inline chain of a frame, innermost first */
	uint32_t frame, function, file, line, flags, pad;
};
#define SYMBOL_MADE_FROM_ADDRESS 1u /* no name was found: "module+0xOFFSET" */
struct tide_digest {
	uint64_t content, trailing_zeros;
	uint32_t resident_pages, pages;
};

/* least[b]: least number of live blocks of the site at the ends of rounds
 * [b * width, (b + 1) * width); 0 from the last round on. Rows of zeros are left out.
 * Beside it: coverage values "rounds" (how many) and "rounds.width", option
 * "rounds" (the name of the mark that ends one). Buckets: ceil(rounds / width). */
#define TIDE_ROUND_BUCKETS 126u
struct tide_rounds {
	uint32_t site, pad;
	uint32_t least[TIDE_ROUND_BUCKETS];
};

/* A small number lies at `offset` (32 bits) in most blocks of the site. Of the nth of its `blocks`
 * blocks, by address, it is values[first + n]: 0 .. 253; 254 more, below 65536; 255 no small number. */
struct tide_count {
	uint32_t site, offset;
	uint64_t first, blocks;
};

struct tide_mapping {
	uint64_t lo, hi, offset, rss_bytes, pss_bytes, dirty_bytes;
	uint32_t name, flags; /* flags: MAPPING_* */
};
#define MAPPING_READ 1u
#define MAPPING_WRITE 2u
#define MAPPING_EXECUTE 4u
#define MAPPING_SHARED 8u

enum tide_misuse_kind {
	MISUSE_DOUBLE_FREE = 1,
	MISUSE_FOREIGN,  /* freed, and malloc never gave it */
	MISUSE_INNER,    /* freed, and it lies inside of a live block */
	MISUSE_MISMATCH, /* freed by a function that does not belong to the one that allocated */
	MISUSE_KINDS
};

/* A function that makes or frees blocks. */
enum tide_function {
	TIDE_FUNCTION_UNKNOWN,
	TIDE_FUNCTION_MALLOC, /* and all of its family */
	TIDE_FUNCTION_NEW,
	TIDE_FUNCTION_NEW_ARRAY,
	TIDE_FUNCTION_NEW_ALIGNED,
	TIDE_FUNCTION_NEW_ARRAY_ALIGNED,
	TIDE_FUNCTION_FREE,
	TIDE_FUNCTION_REALLOC,
	TIDE_FUNCTION_DELETE,
	TIDE_FUNCTION_DELETE_ARRAY,
	TIDE_FUNCTION_DELETE_ALIGNED,
	TIDE_FUNCTION_DELETE_ARRAY_ALIGNED,
	TIDE_FUNCTIONS
};

/* Where a pointer leads that malloc never gave. */
enum tide_misuse_place {
	MISUSE_PLACE_UNKNOWN,
	MISUSE_PLACE_STACK,
	MISUSE_PLACE_STATIC,
	MISUSE_PLACE_UNMAPPED,
	MISUSE_PLACE_MAPPING
};

/* One error, and how often it happened: the same kind, free and allocation. Sites are 0 where they
 * are not known; count is exact but for mismatches, of which the first of each site, all in slow
 * threads, and about one in 64 of the others are seen. */
struct tide_misuse {
	uint64_t address;      /* that was given to free, the first time */
	uint64_t block, bytes; /* the block it belongs to or belonged to; 0 unknown */
	uint64_t count;
	uint32_t kind;                   /* enum tide_misuse_kind */
	uint32_t flags;                  /* MISUSE_* */
	uint32_t free_site;              /* the call that is wrong */
	uint32_t allocation_site;        /* of the block */
	uint32_t first_site;             /* the first free */
	uint32_t thread;                 /* of the first one; UINT32_MAX unknown */
	uint32_t birth;                  /* birth number of the first one */
	uint32_t allocated_by, freed_by; /* enum tide_function */
	uint32_t place;                  /* enum tide_misuse_place */
};
#define MISUSE_INSIDE 1u /* the call was under way at the snapshot: it is where the process died */

/* Where the memory is: the whole address space as regions that do not overlap. Heap regions are tiled by
 * blocks, whose chunk begins 16 bytes before them and ends where the next one begins, and by the chunks of
 * SECTION_CHUNKS; their pages are in SECTION_PAGES. */
enum tide_region_kind {
	REGION_UNKNOWN,  /* of the heap, it seems; what it holds could not be found out */
	REGION_HEAP,     /* of an arena of glibc's malloc; item: its index */
	REGION_CHUNK,    /* a chunk of glibc's malloc with a mapping of its own */
	REGION_FOREIGN,  /* blocks lie in it, of an allocator that cannot be walked */
	REGION_STACK,    /* of a thread, or kept for the next one */
	REGION_TLS,      /* static thread-local data, and the thread's descriptor */
	REGION_GLOBALS,  /* writable segments of modules, first heap of the loader */
	REGION_FILE,     /* code, constants and other files */
	REGION_SHARED,   /* shared memory without a file on a disk */
	REGION_MAPPING,  /* made by the program, or nobody knows by whom; reserved addresses */
	REGION_PROFILER, /* its tables, its library, its ledger */
	REGION_KINDS
};
struct tide_region {
	uint64_t lo, hi;
	uint64_t resident_bytes, swapped_bytes, huge_bytes; /* huge: of the resident ones, in huge pages */
	uint32_t kind;                                      /* enum tide_region_kind */
	uint32_t item;                                      /* UINT32_MAX none */
};
struct tide_pages {
	uint64_t address;
	uint32_t pages; /* of 4096 bytes */
	uint32_t flags; /* PAGES_* */
};
#define PAGES_RESIDENT 1u
#define PAGES_SWAPPED 2u
#define PAGES_HUGE 4u

struct tide_arena {
	uint64_t address; /* of its struct malloc_state */
	uint64_t bytes;   /* that it has from the system now */
	uint64_t top;     /* its top chunk; 0 none */
	uint32_t kind;    /* enum tide_arena_kind */
	uint32_t flags;   /* ARENA_* */
	/* With ARENA_SETTINGS. */
	uint64_t trim_threshold, top_pad; /* M_TRIM_THRESHOLD, M_TOP_PAD */
	uint64_t huge_page;               /* the end of its memory is lowered in steps of it; 0: of pages */
};
enum tide_arena_kind { ARENA_MAIN = 1, ARENA_THREAD };
#define ARENA_AT_BREAK 1u /* its top ends at the program break: malloc_trim can lower that */
#define ARENA_SETTINGS 2u

enum tide_chunk_kind {
	CHUNK_BIN = 1, /* free, in a bin */
	CHUNK_FAST,    /* free, in a fast bin */
	CHUNK_CACHED,  /* free, in a thread's cache */
	CHUNK_TOP,
	CHUNK_OWN,      /* the allocator's: headers of heaps, caches, fence posts */
	CHUNK_UNLISTED, /* in use, and no block of the snapshot */
};
struct tide_chunk {
	uint64_t address, bytes; /* from its header on */
	uint32_t kind;           /* enum tide_chunk_kind */
	uint32_t arena;          /* UINT32_MAX: a mapped chunk */
};
/* The arena that a thread takes memory from. */
struct tide_thread_arena {
	uint32_t thread, arena;
};

/* Blocks whose content is, as it seems, that of another one. Digests of blocks of one length say whether it is. */
struct tide_duplicate {
	uint64_t content; /* equal for equal contents of this snapshot */
	uint32_t block, pad;
};

_Static_assert(sizeof(struct tide_file_header) == 48, TIDE_SIZE);
_Static_assert(sizeof(struct tide_section) == 48, TIDE_SIZE);
_Static_assert(sizeof(struct tide_process) == 232, TIDE_SIZE);
_Static_assert(sizeof(struct tide_value) == 16, TIDE_SIZE);
_Static_assert(sizeof(struct tide_option) == 8, TIDE_SIZE);
_Static_assert(sizeof(struct tide_warning) == 8, TIDE_SIZE);
_Static_assert(sizeof(struct tide_module) == 48, TIDE_SIZE);
_Static_assert(sizeof(struct tide_frame) == 24, TIDE_SIZE);
_Static_assert(sizeof(struct tide_code) == 24, TIDE_SIZE);
_Static_assert(sizeof(struct tide_site) == 72, TIDE_SIZE);
_Static_assert(sizeof(struct tide_bin) == 16, TIDE_SIZE);
_Static_assert(sizeof(struct tide_birth) == 24, TIDE_SIZE);
_Static_assert(sizeof(struct tide_thread) == 48, TIDE_SIZE);
_Static_assert(sizeof(struct tide_thread_site) == 40, TIDE_SIZE);
_Static_assert(sizeof(struct tide_point) == 48, TIDE_SIZE);
_Static_assert(sizeof(struct tide_mark) == 40, TIDE_SIZE);
_Static_assert(sizeof(struct tide_block) == 32, TIDE_SIZE);
_Static_assert(sizeof(struct tide_root) == 40, TIDE_SIZE);
_Static_assert(sizeof(struct tide_root_edge) == 24, TIDE_SIZE);
_Static_assert(sizeof(struct tide_edge) == 16, TIDE_SIZE);
_Static_assert(sizeof(struct tide_jit) == 24, TIDE_SIZE);
_Static_assert(sizeof(struct tide_symbol) == 24, TIDE_SIZE);
_Static_assert(sizeof(struct tide_digest) == 24, TIDE_SIZE);
_Static_assert(sizeof(struct tide_rounds) == 512, TIDE_SIZE);
_Static_assert(sizeof(struct tide_count) == 24, TIDE_SIZE);
_Static_assert(sizeof(struct tide_mapping) == 56, TIDE_SIZE);
_Static_assert(sizeof(struct tide_misuse) == 72, TIDE_SIZE);
_Static_assert(sizeof(struct tide_region) == 48, TIDE_SIZE);
_Static_assert(sizeof(struct tide_pages) == 16, TIDE_SIZE);
_Static_assert(sizeof(struct tide_arena) == 56, TIDE_SIZE);
_Static_assert(sizeof(struct tide_chunk) == 24, TIDE_SIZE);
_Static_assert(sizeof(struct tide_thread_arena) == 8, TIDE_SIZE);
_Static_assert(sizeof(struct tide_duplicate) == 16, TIDE_SIZE);

#endif
