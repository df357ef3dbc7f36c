/* object.c - see object.h.
 *
 * Another thread may unload an object while it is examined here, and the loader
 * unmaps an object before it removes it from its list. So neither list entries
 * nor objects are read in place: the kernel copies them, and reports what is not
 * mapped.
 */
#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/uio.h>
#include "lookup.h"
#include "mix.h"
#include "object.h"
#include "raw.h"
#include "state.h"

#define PAGE 4096u
#define RECORDS 1024u     /* objects beyond these are searched for each time */
#define LINKS_MAX 65536u  /* a longer list is changing while it is read */
#define SEARCHES_MAX 64u  /* searches of a list that changes during each of them */
#define HEADERS_MAX 64u   /* program headers of an object */
#define HEADERS_COPIED 8u /* program headers copied at a time: the stack may be small */
#define PAGES_BACK 65536u /* how far the dynamic section may lie from the file header */

/* The answer of _dl_find_object (glibc 2.35, dlfcn.h), which older headers do not declare. */
struct loader_answer {
	unsigned long long flags;
	void *lo, *hi;
	struct link_map *link;
	void *unwind;
	unsigned long long reserved[7];
};

static int (*loader_find)(void *, struct loader_answer *);

/* An object of the table: `version` is odd while the rest is being written. */
struct record {
	uint32_t version, headers_count;
	const Elf64_Phdr *headers;
	uint64_t digest; /* of the headers and of the head of the unwind table */
	struct object object;
};

static struct record records[RECORDS];
static uint32_t record_count;
static uint32_t writing; /* a thread is writing records; a second one does not record */

/* Copies memory that may be unmapped at any moment; false if it is. */
static bool copy_memory(void *to, const void *from, size_t bytes)
{
	struct iovec local = { to, bytes }, remote = { (void *)from, bytes };
	if (!state.no_syscalls) {
		long got = raw6(SYS_process_vm_readv, raw0(SYS_getpid), &local, 1, &remote, 1, 0);
		if (got == (long)bytes)
			return true;
		if (got >= 0 || got == -EFAULT)
			return false;
		/* The call is not allowed here. Another call reads its second argument before it
		 * rejects the first one. */
		uintptr_t first = (uintptr_t)from & ~(uintptr_t)7,
			  last = ((uintptr_t)from + bytes - 1) & ~(uintptr_t)7;
		if (raw4(SYS_rt_sigprocmask, -1, first, NULL, 8) == -EFAULT
			|| raw4(SYS_rt_sigprocmask, -1, last, NULL, 8) == -EFAULT)
			return false;
	}
	__builtin_memcpy(to, from, bytes);
	return true;
}

static uint64_t add_to_digest(uint64_t h, const void *from, size_t bytes)
{
	const uint32_t *word = from;
	for (size_t i = 0; i < bytes / sizeof *word; i++)
		h = (h ^ word[i]) * MIX_FNV;
	return h;
}

/* Identifies the object of a record; 0 if it is not loaded. */
static uint64_t digest(const struct record *r)
{
	Elf64_Phdr h[HEADERS_COPIED];
	uint32_t head[3];
	uint64_t d = MIX_FNV_START;
	for (uint32_t i = 0; i < r->headers_count; i += HEADERS_COPIED) {
		uint32_t n = r->headers_count - i < HEADERS_COPIED ? r->headers_count - i : HEADERS_COPIED;
		if (!copy_memory(h, r->headers + i, n * sizeof *h))
			return 0;
		d = add_to_digest(d, h, n * sizeof *h);
	}
	if (r->object.unwind) {
		if (!copy_memory(head, r->object.unwind, sizeof head))
			return 0;
		d = add_to_digest(d, head, sizeof head);
	}
	return d | 1;
}

/* --- the loader's list ---------------------------------------------------- */

/* A walk along the list: `at` is the loader's entry, `link` a copy of it. An entry that was
 * unloaded after its predecessor was read may already hold something else, so that the walk
 * ends early. Links that do not lead both ways show this (`is_torn`), but the loader may
 * also be between its two stores, so the walk goes on. */
struct walker {
	const struct link_map *at;
	struct link_map link;
	uint32_t steps;
	bool is_torn;
};

static bool walk_to_next(struct walker *w)
{
	const struct link_map *before = w->at;
	w->at = before ? w->link.l_next : _r_debug.r_map;
	if (!w->at)
		return false;
	const struct link_map *again = w->at;
	bool is_read = w->steps++ < LINKS_MAX && copy_memory(&w->link, w->at, sizeof w->link)
		&& (!before || copy_memory(&again, &before->l_next, sizeof again));
	if (!is_read || again != w->at || w->link.l_prev != before)
		w->is_torn = true;
	return is_read && !(w->is_torn && state.no_syscalls);
}

/* Range and unwind table of the object of an entry, by its program headers. They must
 * be those of the object: its dynamic section is where they say. */
static bool read_headers(
	const struct link_map *link, const Elf64_Phdr *headers, size_t count, struct record *r)
{
	Elf64_Phdr h[HEADERS_COPIED];
	uintptr_t lo = UINTPTR_MAX, hi = 0;
	bool is_own = false;
	if (!count || count > HEADERS_MAX)
		return false;
	*r = (struct record){ .headers = headers, .headers_count = (uint32_t)count };
	for (size_t i = 0; i < count; i++) {
		size_t k = i % HEADERS_COPIED, left = count - i;
		if (!k
			&& !copy_memory(
				h, headers + i, (left < HEADERS_COPIED ? left : HEADERS_COPIED) * sizeof *h))
			return false;
		uintptr_t at = link->l_addr + h[k].p_vaddr;
		switch (h[k].p_type) {
		case PT_LOAD:
			if ((at & ~(uintptr_t)(PAGE - 1)) < lo)
				lo = at & ~(uintptr_t)(PAGE - 1);
			if (at + h[k].p_memsz > hi)
				hi = at + h[k].p_memsz;
			break;
		case PT_DYNAMIC: is_own = at == (uintptr_t)link->l_ld; break;
		case PT_GNU_EH_FRAME: r->object.unwind = (const void *)at; break;
		}
	}
	r->object.lo = lo;
	r->object.hi = hi;
	return is_own && lo < hi;
}

static bool read_file_header(const struct link_map *link, uintptr_t at, struct record *r)
{
	Elf64_Ehdr e;
	return at && at % PAGE == 0 && copy_memory(&e, (const void *)at, sizeof e)
		&& __builtin_memcmp(e.e_ident, ELFMAG, SELFMAG) == 0 && e.e_phentsize == sizeof(Elf64_Phdr)
		&& read_headers(link, (const void *)(at + e.e_phoff), e.e_phnum, r);
}

static bool read_object(const struct walker *w, struct record *r)
{
	const struct link_map *link = &w->link;
	char first;
	if (w->steps == 1 && read_headers(link, (const void *)getauxval(AT_PHDR), getauxval(AT_PHNUM), r))
		return true;
	if (read_file_header(link, link->l_addr, r))
		return true;
	/* A prelinked object does not lie at its bias. */
	uintptr_t at = (uintptr_t)link->l_ld & ~(uintptr_t)(PAGE - 1);
	for (unsigned n = 0; n < PAGES_BACK && at && copy_memory(&first, (const void *)at, 1);
		n++, at -= PAGE)
		if (read_file_header(link, at, r))
			return true;
	return false;
}

static bool search_list(uintptr_t address, struct record *r)
{
	for (unsigned n = 0; n < SEARCHES_MAX; n++) {
		struct walker w = { 0 };
		while (walk_to_next(&w))
			if (read_object(&w, r) && address >= r->object.lo && address < r->object.hi)
				return true;
		if (!w.is_torn)
			break;
	}
	return false;
}

/* Where system calls are forbidden, only the list shows what is mapped. */
static bool is_listed(const struct object *o)
{
	struct walker w = { 0 };
	while (walk_to_next(&w))
		if ((uintptr_t)w.link.l_ld >= o->lo && (uintptr_t)w.link.l_ld < o->hi)
			return true;
	return false;
}

/* --- the table ------------------------------------------------------------ */

static bool read_record(uint32_t index, struct record *to)
{
	struct record *r = &records[index];
	uint32_t version = __atomic_load_n(&r->version, __ATOMIC_ACQUIRE);
	to->headers_count = __atomic_load_n(&r->headers_count, __ATOMIC_ACQUIRE);
	to->headers = __atomic_load_n(&r->headers, __ATOMIC_ACQUIRE);
	to->digest = __atomic_load_n(&r->digest, __ATOMIC_ACQUIRE);
	to->object.lo = __atomic_load_n(&r->object.lo, __ATOMIC_ACQUIRE);
	to->object.hi = __atomic_load_n(&r->object.hi, __ATOMIC_ACQUIRE);
	to->object.unwind = __atomic_load_n(&r->object.unwind, __ATOMIC_ACQUIRE);
	return !(version & 1) && version == __atomic_load_n(&r->version, __ATOMIC_RELAXED);
}

static void write_record(uint32_t index, const struct record *from)
{
	struct record *r = &records[index];
	uint32_t version = r->version | 1;
	__atomic_store_n(&r->version, version, __ATOMIC_RELAXED);
	__atomic_store_n(&r->headers_count, from->headers_count, __ATOMIC_RELEASE);
	__atomic_store_n(&r->headers, from->headers, __ATOMIC_RELEASE);
	__atomic_store_n(&r->digest, from->digest, __ATOMIC_RELEASE);
	__atomic_store_n(&r->object.lo, from->object.lo, __ATOMIC_RELEASE);
	__atomic_store_n(&r->object.hi, from->object.hi, __ATOMIC_RELEASE);
	__atomic_store_n(&r->object.unwind, from->object.unwind, __ATOMIC_RELEASE);
	__atomic_store_n(&r->version, version + 1, __ATOMIC_RELEASE);
}

/* Records that overlap the new one are of objects that are gone. */
static void remember(const struct record *fresh)
{
	static const struct record none;
	if (__atomic_exchange_n(&writing, 1, __ATOMIC_ACQUIRE))
		return;
	uint32_t place = record_count;
	for (uint32_t i = 0; i < record_count; i++) {
		struct object *o = &records[i].object;
		if (o->lo < fresh->object.hi && fresh->object.lo < o->hi)
			write_record(i, &none);
		if (!o->hi)
			place = i;
	}
	if (place < RECORDS) {
		write_record(place, fresh);
		if (place == record_count)
			__atomic_store_n(&record_count, place + 1, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&writing, 0, __ATOMIC_RELEASE);
}

static bool is_loaded(const struct record *r)
{
	return (!state.no_syscalls || is_listed(&r->object)) && digest(r) == r->digest;
}

static bool find_table(uintptr_t address, struct object *out)
{
	struct record r;
	uint32_t count = __atomic_load_n(&record_count, __ATOMIC_ACQUIRE);
	for (uint32_t i = 0; i < count; i++)
		if (read_record(i, &r) && address >= r.object.lo && address < r.object.hi && is_loaded(&r)) {
			*out = r.object;
			return true;
		}
	if (!search_list(address, &r))
		return false;
	r.digest = digest(&r);
	if (!r.digest)
		return false;
	remember(&r);
	*out = r.object;
	return true;
}

/* -------------------------------------------------------------------------- */

void object_start(void)
{
	void *found = lookup_next("_dl_find_object");
	__builtin_memcpy(&loader_find, &found, sizeof found);
}

bool object_find(uintptr_t address, struct object *out)
{
	struct loader_answer a;
	if (!loader_find)
		return find_table(address, out);
	if (loader_find((void *)address, &a) != 0)
		return false;
	*out = (struct object){ (uintptr_t)a.lo, (uintptr_t)a.hi, a.unwind };
	return true;
}

const struct link_map *object_link(const struct object *object)
{
	struct loader_answer a;
	struct walker w = { 0 };
	struct record r;
	if (loader_find)
		return loader_find((void *)object->lo, &a) == 0 ? a.link : NULL;
	while (walk_to_next(&w))
		if ((uintptr_t)w.link.l_ld >= object->lo && (uintptr_t)w.link.l_ld < object->hi
			&& read_object(&w, &r) && r.object.lo == object->lo)
			return w.at;
	return NULL;
}

void object_after_fork(void) { writing = 0; }
