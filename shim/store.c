/* store.c - see store.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "config.h"
#include "leftovers.h"
#include "memory.h"
#include "raw.h"
#include "server.h"
#include "store.h"
#include "table.h"
#include "text.h"
#include "thread.h"

static char path[512];

/* Elements of each table. The file is sparse: a capacity costs only addresses. */
static const struct {
	uint32_t element;
	uint64_t capacity;
} shape[LEDGER_TABLES] = {
	[LEDGER_STRINGS] = { 1, 4 << 20 },
	[LEDGER_MODULES] = { sizeof(struct ledger_module), 16384 },
	[LEDGER_NODES] = { sizeof(struct ledger_node), 8 << 20 },
	[LEDGER_SITES] = { sizeof(struct ledger_site), 1 << SLOT_SITE_BITS },
	[LEDGER_THREADS] = { sizeof(struct ledger_thread), 16384 },
	[LEDGER_TIMELINE] = { sizeof(struct ledger_point), 4096 },
	[LEDGER_MARKS] = { sizeof(struct ledger_mark), 65536 },
	[LEDGER_SIZES] = { sizeof(struct ledger_sizes), 65536 },
	[LEDGER_LIFETIMES] = { sizeof(struct ledger_lifetimes), 65536 },
	[LEDGER_MAPPINGS] = { sizeof(struct ledger_mapping), 65536 },
	[LEDGER_OWN] = { sizeof(struct ledger_range), 65536 },
	[LEDGER_PAGES] = { sizeof(struct ledger_page), 131072 },
	[LEDGER_COUNTERS] = { LEDGER_PAGE, 131072 },
	[LEDGER_TRACKED] = { sizeof(struct ledger_tracked), 65536 },
	[LEDGER_ROUNDS] = { sizeof(struct ledger_rounds), 65536 },
	[LEDGER_ANSWERS] = { sizeof(uint64_t), 65536 },
	[LEDGER_ERRORS] = { sizeof(struct ledger_error), 64 },
	[LEDGER_CODES] = { sizeof(struct ledger_code), 1 << 20 },
};

const char *store_path(void) { return path; }

static uint64_t limit(int resource)
{
	struct rlimit r;
	if (raw4(SYS_prlimit64, 0, resource, 0, &r) != 0 || r.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return r.rlim_cur;
}

/* Lays the tables out; `scale` halves the big ones that many times. */
static uint64_t lay_out(struct ledger_table *table, unsigned scale)
{
	uint64_t at = ledger_page_up(sizeof(struct ledger_header));
	for (unsigned i = 0; i < LEDGER_TABLES; i++) {
		uint64_t n = shape[i].capacity;
		if (i == LEDGER_ROUNDS && !config.rounds[0])
			n = 0;
		if (n > 512)
			n = n >> scale > 512 ? n >> scale : 512;
		table[i] = (struct ledger_table){ .offset = at, .capacity = n, .element = shape[i].element };
		at += ledger_page_up(n * shape[i].element);
	}
	return at;
}

/* Creates the folder for ledgers if needed; true if it is ours and closed to others. */
static bool folder_ready(const char *folder, uint32_t uid)
{
	raw2(SYS_mkdir, folder, 0700);
	struct stat s;
	if (raw4(SYS_newfstatat, AT_FDCWD, folder, &s, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	return S_ISDIR(s.st_mode) && s.st_uid == uid && (s.st_mode & 077) == 0;
}

static void name_folder(char *folder, char *end, uint32_t uid)
{
	if (config.session[0]) {
		text_append(&folder, end, config.session);
	} else {
		text_append(&folder, end, "/dev/shm/tidemark-");
		text_append_number(&folder, end, uid);
	}
}

static void name_file(const char *folder, unsigned n)
{
	char *at = path, *end = path + sizeof path;

	text_append(&at, end, folder);
	text_append(&at, end, "/");
	text_append_number(&at, end, (uint64_t)raw0(SYS_getpid));
	text_append(&at, end, ".");
	text_append_number(&at, end, n);
	text_append(&at, end, ".ledger");
}

static int create_file(const char *folder, uint32_t uid, uint64_t bytes)
{
	if (!folder_ready(folder, uid))
		return -1;
	for (unsigned n = 1; n < 10000; n++) {
		name_file(folder, n);
		int fd = (int)raw4(
			SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd == -EEXIST)
			continue;
		if (fd < 0)
			break;
		if (raw2(SYS_ftruncate, fd, bytes) == 0)
			return fd;
		raw1(SYS_unlink, path);
		raw1(SYS_close, fd);
		break;
	}
	return -1;
}

/* The ledger's file, mapped without access; NULL where there can be none. */
static struct ledger_header *map_file(uint64_t bytes)
{
	uint32_t uid = (uint32_t)raw0(SYS_geteuid), n;
	char folder[400];
	struct ledger_header *h;
	int fd;

	if (state.no_syscalls || limit(RLIMIT_FSIZE) < bytes)
		return NULL;
	name_folder(folder, folder + sizeof folder, uid);
	fd = create_file(folder, uid, bytes);
	if (fd >= 0) {
		h = raw_mmap(NULL, bytes, PROT_NONE, MAP_SHARED | MAP_NORESERVE, fd, 0);
		raw1(SYS_close, fd);
		if (!h)
			raw1(SYS_unlink, path);
		return h;
	}
	if (!config.session[0])
		return NULL;
	name_file(folder, 1);
	h = server_ledger(path, bytes, &n);
	if (h)
		name_file(folder, n);
	return h;
}

void store_shrink(uint64_t spare)
{
	struct ledger_header *h = state.ledger;
	table_shrink(spare);
	/* The program may now map what was given back. */
	for (unsigned i = 0; i < LEDGER_TABLES; i++)
		memory_note((char *)h + h->table[i].offset, h->table[i].capacity * h->table[i].element);
	memory_forget(h);
	memory_note(h, h->table[0].offset);
}

bool store_open(void)
{
	struct ledger_header shape_of = { 0 };
	uint64_t addresses = limit(RLIMIT_AS), bytes;
	unsigned scale = 0;
	do
		bytes = lay_out(shape_of.table, scale);
	while (bytes > addresses / 16 && scale++ < 16);

	struct ledger_header *h = map_file(bytes);
	table_start(path);
	if (h && !table_touchable(h, 0, shape_of.table[0].offset)) {
		raw2(SYS_munmap, h, bytes);
		raw1(SYS_unlink, path);
		h = NULL;
	}
	bool shared = h != NULL;
	if (!shared) {
		path[0] = 0;
		h = raw_mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (!h || raw3(SYS_mprotect, h, shape_of.table[0].offset, PROT_READ | PROT_WRITE) != 0)
			return false;
	}
	memory_no_dump(h, bytes);
	*h = shape_of;
	__builtin_memcpy(h->magic, LEDGER_MAGIC, sizeof h->magic);
	h->version = LEDGER_VERSION;
	h->header_bytes = sizeof *h;
	h->state = LEDGER_STARTING;
	h->flags = shared ? 0 : LEDGER_FLAG_PRIVATE;
	h->pid = (int32_t)raw0(SYS_getpid);
	h->parent_pid = (int32_t)raw0(SYS_getppid);
	h->uid = (uint32_t)raw0(SYS_geteuid);
	h->pid_namespace = state.no_syscalls ? 0 : leftovers_namespace();
	h->file_bytes = bytes;
	h->exit_status = -1;
	state.ledger = h;
	if (!table_reserve(LEDGER_OWN, 256) || !table_reserve(LEDGER_STRINGS, 1))
		return false;
	h->table[LEDGER_STRINGS].count = 1;
	memory_note(h, bytes);
	h->own_bytes = shape_of.table[0].offset;
	return true;
}

/* The number of this thread in the parent's ledger: the thread's own copy was wiped. */
static uint32_t number_before(void)
{
	const struct ledger_table *table = &state.ledger->table[LEDGER_THREADS];
	const struct ledger_thread *t = ledger_at(LEDGER_THREADS);
	uint64_t n = __atomic_load_n(&table->count, __ATOMIC_ACQUIRE), self = thread_control_block();
	if (n > table_reserved(LEDGER_THREADS))
		n = table_reserved(LEDGER_THREADS);
	for (uint64_t i = 0; i < n && i < SLOT_THREAD_MASK; i++)
		if (t[i].control_block == self && t[i].state & LEDGER_THREAD_ALIVE)
			return (uint32_t)i;
	return SLOT_THREAD_MASK;
}

bool store_fork(uint32_t *number)
{
	static const enum ledger_table_kind kept[] = {
		LEDGER_STRINGS,
		LEDGER_MODULES,
		LEDGER_NODES,
		LEDGER_SITES,
		LEDGER_MARKS,
		LEDGER_OWN,
		LEDGER_MAPPINGS,
		LEDGER_TRACKED,
		LEDGER_CODES,
	};
	struct ledger_header *old = state.ledger;
	/* The parent keeps growing its tables: its counts may exceed what is mapped in
	 * our copy of its address space. */
	uint64_t touchable_here[LEDGER_TABLES];
	for (unsigned i = 0; i < LEDGER_TABLES; i++)
		touchable_here[i] = table_reserved(i);
	*number = number_before();
	if (!store_open()) {
		state.ledger = old;
		return false;
	}
	struct ledger_header *h = state.ledger;
	for (unsigned i = 0; i < sizeof kept / sizeof kept[0]; i++) {
		struct ledger_table *from = &old->table[kept[i]], *to = &h->table[kept[i]];
		uint64_t n = __atomic_load_n(&from->count, __ATOMIC_ACQUIRE);
		if (n > touchable_here[kept[i]])
			n = touchable_here[kept[i]];
		if (!table_reserve(kept[i], n)) {
			state.ledger = old;
			return false;
		}
		__builtin_memcpy((char *)h + to->offset, (char *)old + from->offset, n * from->element);
		to->count = n;
	}
	/* The description of the program is copied from the parent; counters and control words are not. */
	h->depth_limit = old->depth_limit;
	h->sample_bytes = old->sample_bytes;
	h->started_wall_ns = old->started_wall_ns;
	h->started_mono_ns = old->started_mono_ns;
	h->started_tsc = old->started_tsc;
	h->birth_now = old->birth_now;
	h->generation = old->generation + 1;
	h->flags |= (old->flags & (LEDGER_FLAG_FOREIGN | LEDGER_FLAG_SAMPLED | LEDGER_FLAG_OWN_MALLOC))
		| LEDGER_FLAG_FORKED;
	h->exe = old->exe;
	h->command = old->command;
	h->directory = old->directory;
	h->output = old->output;
	h->libc = old->libc;
	h->options = old->options;
	h->allocator = old->allocator;
	h->rounds_name = old->rounds_name;
	h->shim_lo = old->shim_lo;
	h->shim_hi = old->shim_hi;
	h->exit_function = old->exit_function;
	h->python_version = old->python_version;
	h->python_flags = old->python_flags;
	h->python_left = old->python_left;
	h->python_runtime = old->python_runtime;
	h->syscall_instruction = old->syscall_instruction;
	uint64_t own = h->own_bytes;
	memory_note(h, h->file_bytes);
	h->own_bytes = own;
	memory_forget(old);
	raw2(SYS_munmap, old, old->file_bytes);
	return true;
}
