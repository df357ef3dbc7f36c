/* pager.c - the end of a screen: straight out, or through a pager; and progress. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "screen.h"

#define LOOK_EVERY 4096			/* steps between two looks at the clock */
#define PATIENCE_NS 500000000u		/* silence before the first line of progress */
#define REPAINT_NS 100000000u

static bool longer_than(const char *text, unsigned lines)
{
	for (; lines; lines--) {
		text = strchr(text, '\n');
		if (!text || !*++text)
			return false;
	}
	return true;
}

/* 0 when the pager has had the text; the reader may leave it early. */
static int page(const char *text, size_t bytes)
{
	const char *command = getenv("PAGER");
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	FILE *pipe;
	int status;

	if (!command)
		command = "less -FRX";
	if (!*command || !strcmp(command, "cat"))
		return -1;
	setenv("LESS", "FRX", 0);
	fflush(stdout);
	sigaction(SIGPIPE, &ignore, &before);
	pipe = popen(command, "w");
	if (pipe) {
		fwrite(text, 1, bytes, pipe);
		status = pclose(pipe);
	}
	sigaction(SIGPIPE, &before, NULL);
	/* 126, 127: the shell could not run it. */
	return !pipe || status < 0 || (WIFEXITED(status) && WEXITSTATUS(status) >= 126) ? -1 : 0;
}

int screen_close(struct screen *s)
{
	int bad = 0;

	if (s->out != stdout) {
		bad = ferror(s->out);
		if (fclose(s->out))
			bad = 1;
		s->out = stdout;
		if (!bad && !(longer_than(s->text, s->height - 1) && !page(s->text, s->text_bytes)))
			fwrite(s->text, 1, s->text_bytes, stdout);
		free(s->text);
		s->text = NULL;
	}
	errno = 0;
	if (fflush(stdout) || ferror(stdout))
		bad = 1;
	if (bad)
		fprintf(stderr, "tidemark: cannot write the output: %s\n", strerror(errno ? errno : EIO));
	return bad ? -1 : 0;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void progress_start(struct progress *p, const struct options *o, const char *what, uint64_t total)
{
	*p = (struct progress){ .what = what, .total = total };
	p->on = !o->quiet && isatty(STDERR_FILENO);
	if (p->on)
		p->started_ns = now();
}

void progress_step(struct progress *p, uint64_t steps)
{
	uint64_t t;

	p->done += steps;
	if (!p->on || p->done < p->next_look)
		return;
	p->next_look = p->done + (p->total && p->total < 100 * LOOK_EVERY ? p->total / 100 : LOOK_EVERY);
	t = now();
	if (t - p->started_ns < PATIENCE_NS || t - p->shown_ns < REPAINT_NS)
		return;
	p->shown_ns = t;
	p->shown = true;
	if (p->total)
		fprintf(stderr, "\r%s: %u%% \033[K", p->what, (unsigned)(p->done * 100 / p->total));
	else
		fprintf(stderr, "\r%s ... \033[K", p->what);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->on = p->shown = false;
}
