/* doctor_program.c - what this program allows. */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor.h"
#include "elf_probe.h"
#include "error.h"

#define NAMES_SHOWN 4u

char **doctor_libraries(const char *loader, const char *preload, const char *program, size_t *count,
	char **complaint)
{
	char **list = NULL, *line = NULL;
	size_t room = 0;
	int out[2];

	*count = 0;
	*complaint = NULL;
	if (pipe2(out, O_CLOEXEC))
		return NULL;
	pid_t child = fork();
	if (child == 0) {
		const char *words[8] = { loader };
		int n = 1;

		unsetenv("LD_PRELOAD");
		unsetenv("LD_DEBUG");
		if (preload) {
			words[n++] = "--preload";
			words[n++] = preload;
		}
		words[n++] = "--list";
		words[n++] = program;
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		execv(loader, (char **)words);
		_exit(127);
	}
	close(out[1]);
	FILE *f = fdopen(out[0], "r");
	while (f && getline(&line, &room, f) > 0) {
		/* "\tlibc.so.6 => /lib/libc.so.6 (0x...)", "\t/lib64/ld.so (0x...)", "ERROR: ..." */
		char *slash = strchr(line, '/'), *end = slash ? strstr(slash, " (0x") : NULL;
		bool listed = line[0] == '\t' && end;

		line[strcspn(line, "\n")] = 0;
		if (listed) {
			*end = 0;
			list = memory_resize(list, (*count + 1) * sizeof(*list));
			list[(*count)++] = memory_string(slash);
		} else if (!*complaint && (strstr(line, "ERROR") || strstr(line, "error") || strstr(line, "not found"))) {
			char *text = line;

			while (isspace((unsigned char)*text))
				text++;
			*complaint = memory_string(text);
		}
	}
	free(line);
	if (f)
		fclose(f);
	else
		close(out[0]);
	if (child > 0)
		waitpid(child, NULL, 0);
	return list;
}

/* "a, b, c and 5 more" */
struct names {
	char text[512];
	size_t count;
};

static void name_add(struct names *n, const char *path)
{
	const char *base = strrchr(path, '/');
	size_t used = strlen(n->text);

	if (n->count++ < NAMES_SHOWN)
		snprintf(n->text + used, sizeof(n->text) - used, "%s%.100s", used ? ", " : "", base ? base + 1 : path);
}

static const char *names_end(struct names *n)
{
	size_t used = strlen(n->text);

	if (n->count > NAMES_SHOWN)
		snprintf(n->text + used, sizeof(n->text) - used, " and %zu more", n->count - NAMES_SHOWN);
	return n->text;
}

static void check_names(struct doctor *d, const struct elf_probe *program, char *const *library, size_t count)
{
	struct names bare = { .count = 0 }, unwalkable = { .count = 0 };
	char *debug = elf_probe_debug_file(program, NULL);
	bool fetched = getenv("DEBUGINFOD_URLS") && *getenv("DEBUGINFOD_URLS");

	if (debug)
		doctor_say(d, "debug-info", DOCTOR_OK, "%s has debug information: functions, files and lines", program->path);
	else if (fetched && *program->build_id)
		doctor_say(d, "debug-info", DOCTOR_OK, "debug information of %s will be looked for by its build id", program->path);
	else
		doctor_say(d, "debug-info", DOCTOR_WARNING, "%s has no debug information%s|compile it with -g, or install its "
			"-dbgsym package, or set DEBUGINFOD_URLS", program->path,
			program->symbols ? ": functions, but no files, lines and inlined calls" :
			", and no symbol table: most of its functions will have no names");
	free(debug);
	if (!program->unwind_table)
		name_add(&unwalkable, program->path);
	for (size_t i = 0; i < count; i++) {
		struct elf_probe p;

		elf_probe_file(library[i], &p);
		if (p.elf) {
			debug = elf_probe_debug_file(&p, NULL);
			if (!debug && !p.symbols && !(fetched && *p.build_id))
				name_add(&bare, library[i]);
			if (!p.unwind_table)
				name_add(&unwalkable, library[i]);
			free(debug);
		}
		elf_probe_free(&p);
	}
	if (bare.count)
		doctor_say(d, "library-debug-info", DOCTOR_OK, "%zu of its %zu libraries have exported names only: %s",
			bare.count, count, names_end(&bare));
	if (unwalkable.count)
		doctor_say(d, "unwind", DOCTOR_WARNING, "no unwind table in %s: stacks may end there|compile without "
			"-fno-asynchronous-unwind-tables, or with -fno-omit-frame-pointer", names_end(&unwalkable));
}

void doctor_program(struct doctor *d, const char *program)
{
	struct elf_probe p;
	struct tide_error e;
	char **library = NULL, *complaint = NULL;
	size_t count = 0;

	if (elf_probe(program, &p, &e)) {
		doctor_say(d, "program", DOCTOR_PROBLEM, "%s: %s|%s", e.what, e.why, e.hint);
		elf_probe_free(&p);
		return;
	}
	if (p.script)
		doctor_say(d, "script", DOCTOR_OK, "%s is a script: what runs is %s, and programs that it starts", p.script, p.path);
	if (elf_probe_obstacle(&p)) {
		char *line = memory_string(elf_probe_obstacle(&p)), *hint = strrchr(line, ';');

		if (hint)
			*hint++ = 0;
		while (hint && *hint == ' ')
			hint++;
		doctor_say(d, "program", DOCTOR_PROBLEM, "%s|%s", line, hint ? hint : "");
		free(line);
		elf_probe_free(&p);
		return;
	}
	library = doctor_libraries(p.loader, d->library, p.path, &count, &complaint);
	if (complaint)
		doctor_say(d, "program", DOCTOR_PROBLEM, "the loader cannot start %s with the library: %s|check it with `ldd %s`",
			p.path, complaint, p.path);
	else
		doctor_say(d, "program", DOCTOR_OK, "%s is dynamically linked, 64 bits, glibc", p.path);
	if (p.linked_allocator)
		doctor_say(d, "allocator", DOCTOR_WARNING, "it uses %s: blocks are counted as always, but slack and fragmentation "
			"of that allocator are not known|run it without the library to see glibc's", p.linked_allocator);
	else if (p.inner_allocator)
		doctor_say(d, "allocator", DOCTOR_WARNING, "%s is linked inside: what the program allocates from it directly is not "
			"seen|build without it for the profile", p.inner_allocator);
	if (p.go)
		doctor_say(d, "allocator", DOCTOR_WARNING, "it is written in Go, whose heap is its own: only what C code in it "
			"allocates is seen|use runtime/pprof for the Go part");
	check_names(d, &p, library, count);
	for (size_t i = 0; i < count; i++)
		free(library[i]);
	free(library);
	free(complaint);
	elf_probe_free(&p);
}
