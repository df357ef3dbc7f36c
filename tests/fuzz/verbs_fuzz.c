/* Fuzzes the verbs with snapshots: an input is a file, and its hash says which verb
 * reads it. The mutator knows the format: it changes fields of elements to numbers that
 * matter (indices of other sections, their neighbours, extremes), entries of the section
 * table, and texts; so nearly every input gets past the reader.
 *
 * Besides what the sanitizers find, an input must not take more memory or processor time
 * than a constant and a share of its length.
 */
#include <fcntl.h>
#include <sanitizer/allocator_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "report/model/format.h"
#include "report/print/options.h"
#include "report/verbs/verb.h"
#include "verbs_forms.h"

#define FIXED_BYTES (64u << 20)
#define BYTES_PER_BYTE 256u /* the reader alone takes 64 (FORMAT.md); verbs work with what it gives */
#define FIXED_SECONDS 4.0   /* with sanitizers, on a busy machine */
#define SECONDS_PER_BYTE 50e-6
#define WORDS_MAX 32
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t max_bytes, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t max_bytes);

static char folder[128], input[64], whole[160];
static int input_fd, report_fd;

/* --- bounds ----------------------------------------------------------------- */

static int64_t live_bytes, most_bytes;

static void note_malloc(const volatile void *p, size_t bytes)
{
	(void)p;
	live_bytes += (int64_t)bytes;
	if (live_bytes > most_bytes)
		most_bytes = live_bytes;
}

static void note_free(const volatile void *p) { live_bytes -= (int64_t)__sanitizer_get_allocated_size(p); }

static double seconds_used(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void stop_when(bool wrong, const char *what, const char *form, double is, double limit)
{
	if (!wrong)
		return;
	dprintf(report_fd, "ERROR: %s: %.1f, and %.1f is allowed: %s\n", what, is, limit, form);
	abort();
}

/* --- running ------------------------------------------------------------------ */

static void write_text(const char *name, const char *text)
{
	char path[192];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "we");
	if (!f || fputs(text, f) < 0 || fclose(f))
		exit(1);
}

static char *expand(const char *word, char *room, size_t bytes)
{
	if (!strcmp(word, "F") || !strcmp(word, "O"))
		snprintf(room, bytes, "%s", *word == 'F' ? input : whole);
	else if (*word == 'D' && (!word[1] || word[1] == '/'))
		snprintf(room, bytes, "%s%s", folder, word + 1);
	else
		snprintf(room, bytes, "%s", word);
	return room;
}

/* Runs a line of verbs_forms.h as the command would. */
static void run_form(const char *form)
{
	char line[256], room[WORDS_MAX][192], *words[WORDS_MAX + 1] = { "tidemark verb" }, *rest = NULL;
	const struct verb *v = verbs;
	int count = 0;

	snprintf(line, sizeof(line), "%s", form);
	for (char *word = strtok_r(line, " ", &rest); word && count < WORDS_MAX;
		word = strtok_r(NULL, " ", &rest), count++)
		if (!count)
			for (; v->name && strcmp(v->name, word) != 0; v++)
				;
		else
			words[count] = expand(word, room[count], sizeof(room[count]));
	if (!v->name) {
		dprintf(report_fd, "ERROR: no such verb: %s\n", form);
		abort();
	}
	v->run(count, words);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *other = getenv("FUZZ_WHOLE");    /* a snapshot that is whole */
	const char *scratch = getenv("FUZZ_FOLDER"); /* for what the verbs write */

	(void)argc, (void)argv;
	report_fd = dup(STDERR_FILENO); /* what the verbs print goes to nowhere */
	snprintf(folder, sizeof(folder), "%s", scratch ? scratch : ".");
	snprintf(whole, sizeof(whole), "%s", other ? other : "/dev/null");
	write_text("fuzz.gate",
		"[scenario s]\ncommand = true\nrounds = warm\nmin-rounds = 10\nbaseline = fuzz.base\n"
		"[limits]\ngrowth = 0\nlive = 1KiB\npeak = 1KiB\nmissed = 100%\n");
	write_text("fuzz.supp", "leak:make*\n{\n  one\n  Memcheck:Leak\n  fun:malloc\n  ...\n  obj:*\n}\n");
	input_fd = memfd_create("fuzz", MFD_CLOEXEC);
	snprintf(input, sizeof(input), "/proc/%d/fd/%d", (int)getpid(), input_fd);
	unsetenv("DEBUGINFOD_URLS");
	run_form("gate -c D/fuzz.gate --output D --accept --why first --snapshots O");
	__sanitizer_install_malloc_and_free_hooks(note_malloc, note_free);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const char *form = forms[XXH3_64bits(data, bytes) % COUNT(forms)];
	int64_t before = live_bytes;
	double started, used;

	if (ftruncate(input_fd, 0) || pwrite(input_fd, data, bytes, 0) != (ssize_t)bytes)
		return 0;
	most_bytes = before;
	started = seconds_used();
	run_form(form);
	used = seconds_used() - started;
	stop_when(most_bytes - before > FIXED_BYTES + BYTES_PER_BYTE * (int64_t)bytes, "MiB of memory", form,
		(double)(most_bytes - before) / (1 << 20),
		(double)(FIXED_BYTES + BYTES_PER_BYTE * (int64_t)bytes) / (1 << 20));
	stop_when(used > FIXED_SECONDS + SECONDS_PER_BYTE * (double)bytes, "seconds of the processor", form,
		used, FIXED_SECONDS + SECONDS_PER_BYTE * (double)bytes);
	return 0;
}

/* --- mutating ----------------------------------------------------------------- */

static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static uint64_t random_below(uint64_t limit) { return limit ? random_next() % limit : 0; }

/* A file while it is mutated. The table is always where the header says, or nothing is done. */
struct file {
	uint8_t *data;
	size_t bytes, room;
	struct tide_file_header *header;
	struct tide_section *table;
};

static bool file_view(struct file *f)
{
	f->header = (struct tide_file_header *)f->data;
	if (f->bytes < sizeof(*f->header) || memcmp(f->data, TIDE_MAGIC, 8)
		|| f->header->table_offset > f->bytes || f->header->table_offset % 8
		|| !f->header->section_count
		|| f->header->section_count > (f->bytes - f->header->table_offset) / sizeof(*f->table))
		return false;
	f->table = (struct tide_section *)(f->data + f->header->table_offset);
	return true;
}

static struct tide_section *any_section(const struct file *f)
{
	return &f->table[random_below(f->header->section_count)];
}

static bool section_inside(const struct file *f, const struct tide_section *t)
{
	return t->offset <= f->bytes && t->stored_bytes <= f->bytes - t->offset && t->element_bytes
		&& t->stored_bytes >= t->element_bytes;
}

/* Numbers that are near to what the reader compares with. */
static uint64_t any_value(const struct file *f, uint64_t was)
{
	static const uint64_t chosen[] = { 0, 1, 2, 3, 7, 8, 125, 126, 127, 255, 4095, 4096, 65535, 65536,
		0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 1ull << 32, 1ull << 47, INT64_MAX, 1ull << 63,
		UINT64_MAX - 1, UINT64_MAX };
	const struct tide_section *t = any_section(f);
	uint64_t count = t->element_bytes ? t->plain_bytes / t->element_bytes : 0;

	switch (random_below(6)) {
	case 0: return chosen[random_below(COUNT(chosen))];
	case 1: return count;
	case 2: return count - 1 + random_below(3);
	case 3: return random_below(count + 1);
	case 4: return was + random_below(5) - 2;
	default: return random_next() >> random_below(64);
	}
}

static void mutate_word(const struct file *f, uint8_t *at, size_t bytes)
{
	uint64_t was = 0, now;

	memcpy(&was, at, bytes);
	now = any_value(f, was);
	memcpy(at, &now, bytes);
}

static void mutate_field(struct file *f)
{
	struct tide_section *t = any_section(f);
	uint64_t element, offset, size = random_below(2) ? 4 : 8;

	if (!section_inside(f, t) || t->encoding || t->element_bytes < size)
		return;
	element = random_below(t->stored_bytes / t->element_bytes);
	offset = random_below(t->element_bytes / size) * size;
	mutate_word(f, f->data + t->offset + element * t->element_bytes + offset, size);
}

/* The same field of all elements, or of a run of them: what one element cannot reach, a column can. */
static void mutate_column(struct file *f)
{
	struct tide_section t = *any_section(f); /* a copy: sections may lie over the table */
	uint64_t count, from, offset, value, step = random_below(3);

	if (!section_inside(f, &t) || t.encoding || t.element_bytes < 4)
		return;
	count = t.stored_bytes / t.element_bytes;
	from = random_below(count);
	offset = random_below(t.element_bytes / 4) * 4;
	value = any_value(f, 0);
	for (uint64_t i = from, n = random_below(64); i < count && n--; i++, value += step)
		memcpy(f->data + t.offset + i * t.element_bytes + offset, &value, 4);
}

static void mutate_elements(struct file *f)
{
	struct tide_section *t = any_section(f);
	uint64_t count;

	if (!section_inside(f, t) || t->encoding)
		return;
	count = t->stored_bytes / t->element_bytes;
	memmove(f->data + t->offset + random_below(count) * t->element_bytes,
		f->data + t->offset + random_below(count) * t->element_bytes, t->element_bytes);
}

static void mutate_entry(struct file *f)
{
	struct tide_section *t = any_section(f);
	uint64_t count;

	switch (random_below(6)) {
	case 0: t->kind = (uint32_t)random_below(64); break;
	case 1: t->element_bytes = (uint32_t)any_value(f, t->element_bytes); break;
	case 2: t->offset = any_value(f, t->offset); break;
	case 3: t->encoding ^= 1; break;
	case 4: /* fewer elements */
		count = t->element_bytes && !t->encoding ? random_below(t->plain_bytes / t->element_bytes + 1)
							 : 0;
		t->plain_bytes = t->stored_bytes = count * t->element_bytes;
		break;
	default: mutate_word(f, (uint8_t *)t + 4 * random_below(sizeof(*t) / 4), 4);
	}
}

/* One more entry: the table moves to the end of the file. */
static void add_entry(struct file *f)
{
	size_t at = (f->bytes + 7) & ~(size_t)7, count = f->header->section_count;
	struct tide_section added = *any_section(f);

	if (at + (count + 1) * sizeof(added) > f->room)
		return;
	if (random_below(2))
		added.plain_bytes = added.stored_bytes = 0;
	memset(f->data + f->bytes, 0, at - f->bytes);
	memmove(f->data + at, f->table, count * sizeof(added));
	memcpy(f->data + at + count * sizeof(added), &added, sizeof(added));
	f->bytes = at + (count + 1) * sizeof(added);
	f->header->table_offset = at;
	f->header->section_count++;
	f->header->file_bytes = f->bytes;
}

/* A section, or zeros without end, as a compressed frame at the end of the file. */
static void compress_section(struct file *f)
{
	size_t at = (f->bytes + 63) & ~(size_t)63, plain, stored;
	struct tide_section *t = any_section(f);
	uint8_t *zeros;

	if (!section_inside(f, t) || t->encoding || at >= f->room)
		return;
	plain = random_below(8) ? t->stored_bytes : t->element_bytes * random_below(2000);
	zeros = plain > t->stored_bytes ? calloc(1, plain) : NULL;
	memset(f->data + f->bytes, 0, at - f->bytes);
	stored = ZSTD_compress(f->data + at, f->room - at, zeros ? zeros : f->data + t->offset, plain, 1);
	free(zeros);
	if (ZSTD_isError(stored))
		return;
	t->offset = at;
	t->stored_bytes = stored;
	t->plain_bytes = plain;
	t->encoding = 1;
	f->bytes = at + stored;
	f->header->file_bytes = f->bytes;
}

/* Only one: strings may lie over the table. */
static void mutate_strings(struct file *f)
{
	for (uint32_t i = 0; i < f->header->section_count; i++) {
		const struct tide_section *t = &f->table[i];

		if (t->kind == SECTION_STRINGS && section_inside(f, t)) {
			uint64_t at = random_below(t->stored_bytes), n = t->stored_bytes - at;

			LLVMFuzzerMutate(f->data + t->offset + at, n < 64 ? n : 64, n < 64 ? n : 64);
			return;
		}
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t max_bytes, unsigned seed)
{
	static void (*const ways[])(struct file *) = { mutate_field, mutate_field, mutate_field, mutate_field,
		mutate_column, mutate_column, mutate_elements, mutate_entry, add_entry, compress_section,
		mutate_strings };
	struct file f = { .data = data, .bytes = bytes, .room = max_bytes };

	random_state = seed * 0x9e3779b97f4a7c15ull + 1;
	if (!file_view(&f) || !random_below(50))
		return LLVMFuzzerMutate(data, bytes, max_bytes);
	for (uint64_t n = 1 + random_below(6); n-- && file_view(&f);)
		ways[random_below(COUNT(ways))](&f);
	return f.bytes;
}
