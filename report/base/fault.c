/* fault.c - see fault.h. All that the handler calls is safe in a signal handler. */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "error.h"
#include "text.h"

#define PAGE 4096u
#define PATH_SHOWN 512u

static struct fault_range *ranges;
static volatile sig_atomic_t seen;

static void say(const char *path, const char *rest)
{
	const char *const parts[] = { "tidemark: ", *path ? path : "a file", rest };
	char text[PATH_SHOWN + 256];
	size_t used = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t n = strnlen(parts[i], PATH_SHOWN);

		if (n > sizeof(text) - 2 - used)
			n = sizeof(text) - 2 - used;
		memcpy(text + used, parts[i], n);
		used += n;
	}
	text[used] = '\0';
	text_clean(text);
	text[used = strlen(text)] = '\n';
	(void)!write(STDERR_FILENO, text, used + 1);
}

/* Makes [from, end) zeros. */
static bool fill(uintptr_t from, uintptr_t end)
{
	return mmap((void *)from, end - from, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0)
		== (void *)from;
}

/* A line of /proc/self/maps as its bytes come: proc(5). */
struct line {
	uintptr_t number[2]; /* where the mapping begins and ends */
	unsigned field;      /* 0 and 1: these numbers; then permissions, offset, device, inode, path */
	size_t length;
	char path[PATH_SHOWN];
};

static void take(struct line *l, char c)
{
	if (l->field < 2 && (c == '-' || c == ' '))
		l->field++;
	else if (l->field < 2)
		l->number[l->field] =
			l->number[l->field] << 4 | (uintptr_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	else if (c == ' ' && l->field < 6)
		l->field++;
	else if (l->field == 6 && (l->length || c != ' ') && l->length + 1 < sizeof(l->path))
		l->path[l->length++] = c;
}

/* The mapping that holds the address. Without /proc: its page, and no path. */
static void find_mapping(uintptr_t at, struct line *found)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	struct line l = { .field = 0 };
	char buffer[4096];
	ssize_t got;

	*found = (struct line){ .number = { at / PAGE * PAGE, at / PAGE * PAGE + PAGE } };
	while (fd >= 0 && (got = read(fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t i = 0; i < got; i++) {
			if (buffer[i] != '\n') {
				take(&l, buffer[i]);
				continue;
			}
			if (at >= l.number[0] && at < l.number[1])
				*found = l;
			l = (struct line){ .field = 0 };
		}
	}
	if (fd >= 0)
		close(fd);
}

/* false: not a mapping of a file, as far as that can be seen. */
static bool fill_mapping(uintptr_t at)
{
	struct line mapping;

	find_mapping(at, &mapping);
	if (*mapping.path == '[' || !fill(at / PAGE * PAGE, mapping.number[1]))
		return false;
	seen = 1;
	say(mapping.path,
		" was cut off while it was read: names may be missing; wait until it is written, and repeat");
	return true;
}

static void handle_fault(int number, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;
	int error = errno;

	(void)context;
	for (struct fault_range *r = ranges; r; r = r->next) {
		if (at < (uintptr_t)r->at || at >= (uintptr_t)r->at + r->bytes)
			continue;
		if (r->path) {
			say(r->path,
				" was cut off while it was read: take the snapshot again, or wait until it is copied");
			_exit(EXIT_UNMEASURED);
		}
		r->cut = 1;
		if (!fill((uintptr_t)r->at, (uintptr_t)r->at + r->bytes))
			signal(number, SIG_DFL);
		errno = error;
		return;
	}
	/* BUS_ADRERR: the address has no memory behind it. Other causes are faults of the machine or our own, and come
	 * again without a handler. */
	if (info->si_code != BUS_ADRERR || !fill_mapping(at))
		signal(number, SIG_DFL);
	errno = error;
}

void fault_start(void)
{
	struct sigaction a = { .sa_sigaction = handle_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGBUS, &a, NULL);
}

void fault_add(struct fault_range *r)
{
	r->cut = 0;
	r->next = ranges;
	ranges = r;
	fault_start();
}

void fault_remove(struct fault_range *r)
{
	for (struct fault_range **p = &ranges; *p; p = &(*p)->next)
		if (*p == r) {
			*p = r->next;
			return;
		}
}

bool fault_seen(void) { return seen; }
