/* unseen.c - see unseen.h. */
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include "config.h"
#include "raw.h"
#include "state.h"
#include "text.h"
#include "unseen.h"

#define FILE_MOST 65536  /* most bytes of notes; further ones would repeat earlier ones */
#define HEAD_BYTES 1024u /* the headers of a program are at its beginning */
#define SCRIPTS 4        /* a script's interpreter may be a script (fs/exec.c) */

extern char **environ;

/* Capabilities of the file are additional privileges for every user but root (security/commoncap.c). */
static bool gains_privileges(const char *path, const struct stat *s)
{
	if (raw5(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return false;
	if (raw0(SYS_getuid) && raw4(SYS_getxattr, path, "security.capability", NULL, 0) > 0)
		return true;
	return (s->st_mode & S_ISUID && s->st_uid != (uint32_t)raw0(SYS_geteuid))
		|| ((s->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP)
			&& s->st_gid != (uint32_t)raw0(SYS_getegid));
}

/* NULL: a program like any other, or one whose headers do not say what it is. */
static const char *kind_of_program(const unsigned char *head, long bytes)
{
	const Elf64_Ehdr *e = (const void *)head;
	if (bytes < (long)sizeof *e || __builtin_memcmp(head, ELFMAG, SELFMAG) != 0)
		return NULL;
	if (head[EI_CLASS] == ELFCLASS32)
		return "32-bit";
	if (e->e_phentsize != sizeof(Elf64_Phdr) || e->e_phoff > (uint64_t)bytes
		|| e->e_phnum > ((uint64_t)bytes - e->e_phoff) / sizeof(Elf64_Phdr))
		return NULL;
	const Elf64_Phdr *p = (const void *)(head + e->e_phoff);
	for (unsigned i = 0; i < e->e_phnum; i++)
		if (p[i].p_type == PT_INTERP)
			return NULL;
	return "static";
}

/* The interpreter that a script names, in place; NULL when it is not a script. */
static char *interpreter_of(char *head, long bytes)
{
	if (bytes < 4 || head[0] != '#' || head[1] != '!')
		return NULL;
	char *from = head + 2, *end = head + bytes - 1, *to;
	while (from < end && (*from == ' ' || *from == '\t'))
		from++;
	for (to = from; to < end && *to && *to != ' ' && *to != '\t' && *to != '\n'; to++)
		;
	*to = 0;
	return *from == '/' ? from : NULL;
}

/* Does the environment name us, for the loader to find the library and the library to find the run? */
static bool names_us(char *const *environment)
{
	bool preloads = false, session = false;
	for (char *const *e = environment; *e; e++) {
		const char *list = text_after(*e, "LD_PRELOAD=");
		for (; list && *list && !preloads; list++)
			preloads = text_after(list, "libtidemark");
		session |= text_after(*e, "TIDEMARK_SESSION=") != NULL;
	}
	return preloads && session;
}

static void write_note(const char *kind, const char *path)
{
	char line[PATH_MAX / 4], *at = line, *end = line + sizeof line - 1;
	struct stat s;
	text_append(&at, end, config.session);
	text_append(&at, end, "/unseen");
	long fd = raw3(SYS_open, line, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0);
	if (raw_failed(fd))
		return;
	at = line;
	text_append(&at, end, kind);
	text_append(&at, end, " ");
	text_append(&at, end, path);
	text_append(&at, end + 1, "\n");
	if (!raw_failed(raw2(SYS_fstat, fd, &s)) && s.st_size < FILE_MOST)
		raw3(SYS_write, fd, line, (size_t)(at - line));
	raw1(SYS_close, fd);
}

/* The next program to look at is written to `next`, of `bytes` bytes: a script's interpreter, or "". */
static bool look_at(const char *path, bool named, char *next, size_t bytes)
{
	uint64_t head[HEAD_BYTES / 8]; /* aligned for the headers */
	char *text = (char *)head;
	struct stat s;
	*next = 0;
	if (raw_failed(raw2(SYS_stat, path, &s)) || !S_ISREG(s.st_mode) || !(s.st_mode & 0111))
		return false;
	long fd = raw3(SYS_open, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	/* A file may be executable but not readable. */
	long got = raw_failed(fd) ? 0 : raw3(SYS_read, fd, text, sizeof head);
	if (!raw_failed(fd))
		raw1(SYS_close, fd);
	const char *interpreter = interpreter_of(text, got);
	const char *kind = interpreter       ? NULL
		: gains_privileges(path, &s) ? "privileged"
					     : kind_of_program((const unsigned char *)text, got);
	if (!interpreter && !kind && !named)
		kind = "environment";
	if (interpreter)
		text_append(&next, next + bytes, interpreter);
	if (kind && config_follows(path))
		write_note(kind, path);
	return true;
}

/* Follows scripts as the kernel does; a script cannot gain privileges, so its interpreter decides. */
static bool look_through(const char *path, bool named)
{
	char one[PATH_MAX / 8], other[PATH_MAX / 8];
	if (!look_at(path, named, one, sizeof one))
		return false;
	for (unsigned n = 0; n < SCRIPTS && *one; n++) {
		if (!look_at(one, named, other, sizeof other))
			break;
		__builtin_memcpy(one, other, sizeof one);
	}
	return true;
}

static void look_by_path(const char *file, bool named)
{
	const char *list = "/bin:/usr/bin";
	char path[PATH_MAX / 4];
	for (char **e = environ; e && *e; e++)
		if (text_after(*e, "PATH="))
			list = text_after(*e, "PATH=");
	for (bool more = true; more; list++) {
		char *at = path, *end = path + sizeof path;
		for (; *list && *list != ':'; list++)
			if (at < end - 1)
				*at++ = *list;
		*at = 0;
		more = *list;
		text_append(&at, end, at > path ? "/" : "./");
		text_append(&at, end, file);
		if (at < end - 1 && look_through(path, named))
			return;
	}
}

void unseen_note(const char *file, bool search, char *const *environment)
{
	if (!config.session[0] || !file || !*file || !state.ledger || state.no_syscalls)
		return;
	const bool named = environment && names_us(environment);
	for (const char *s = file; *s && search; s++)
		search = *s != '/';
	if (search)
		look_by_path(file, named);
	else
		look_through(file, named);
}
