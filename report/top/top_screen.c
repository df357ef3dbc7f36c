/* top_screen.c - the live view on a terminal: keys, what is selected, time.
 *
 * Drawing is in top_draw.c. One thread: the wait for a key ends when the next
 * update is due. A lost terminal (SIGHUP) or a broken input ends the view.
 */
#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/alloc.h"
#include "top_draw.h"

static volatile sig_atomic_t asked_to_end;

static void handle_end(int number) { asked_to_end = number; }

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The selection stays at its row's key, wherever that is sorted to. */
static void make_rows(struct top_view *v)
{
	struct top *t = v->top;
	uint32_t key = v->at < v->count ? v->row[v->at].key : 0;
	bool had = v->at < v->count && v->held;

	free(v->row);
	v->row = top_session_rows(t, &v->count);
	if (had)
		for (size_t i = 0; i < v->count; i++)
			if (v->row[i].key == key) {
				v->at = i;
				break;
			}
	if (v->at >= v->count)
		v->at = v->count ? v->count - 1 : 0;
}

static void show_message(struct top_view *v, const char *text)
{
	free(v->message);
	v->message = alloc_string(text);
}

static void restart_rows(struct top_view *v)
{
	v->at = v->first = 0;
	v->held = false;
	make_rows(v);
}

static void move_to(struct top_view *v, long to)
{
	v->at = to < 0 || !v->count ? 0 : (size_t)to >= v->count ? v->count - 1 : (size_t)to;
	v->held = v->at > 0;
}

static void choose_sort(struct top_view *v, int step)
{
	struct top *t = v->top;

	do
		t->sort = (enum top_sort)(((int)t->sort + step + TOP_SORTS) % TOP_SORTS);
	while (t->group == TOP_THREAD && (t->sort == TOP_PEAK || t->sort == TOP_TEMPORARY));
	restart_rows(v);
}

static void choose_group(struct top_view *v)
{
	struct top *t = v->top;

	t->group = (enum top_group)((t->group + 1) % TOP_GROUPS);
	if (t->group == TOP_THREAD && (t->sort == TOP_PEAK || t->sort == TOP_TEMPORARY))
		t->sort = TOP_LIVE;
	restart_rows(v);
}

static void write_snapshot(struct top_view *v)
{
	show_message(v, "taking a snapshot ...");
	top_draw(v);
	free(v->message);
	v->message = top_session_snap(v->top);
}

/* Keys while text is typed after '/'. */
static void type_search(struct top_view *v, int key)
{
	size_t n = strlen(v->search);

	if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		v->typing = false;
	} else if (key == 27) {
		v->typing = false;
		v->search[0] = '\0';
	} else if (key == KEY_BACKSPACE || key == 127 || key == 8) {
		while (n && ((unsigned char)v->search[--n] & 0xc0) == 0x80) /* all bytes of a character */
			;
		v->search[n] = '\0';
	} else if (key >= 32 && key < 256 && n + 1 < sizeof(v->search)) {
		v->search[n] = (char)key;
		v->search[n + 1] = '\0';
	} else {
		return;
	}
	restart_rows(v);
}

static void press_sort_or_mark(struct top_view *v, int key)
{
	switch (key) {
	case '<': choose_sort(v, -1); break;
	case '>':
	case 's': choose_sort(v, 1); break;
	case 'g': choose_group(v); break;
	case 'm':
		top_model_mark(&v->top->model);
		v->marked = true;
		show_message(v, "marked: growth counts from now");
		make_rows(v);
		break;
	case 'd':
		v->top->sort = v->top->sort == TOP_GROWTH ? TOP_LIVE : TOP_GROWTH;
		restart_rows(v);
		break;
	case '+': v->top->interval = v->top->interval < 30 ? v->top->interval * 2 : 60; break;
	case '-': v->top->interval = v->top->interval > 0.2 ? v->top->interval / 2 : 0.1; break;
	default: break;
	}
}

/* False: the user has seen enough. */
static bool press_key(struct top_view *v, int key)
{
	/* A change of size is not a key: the message and the help stay. */
	if (key == KEY_RESIZE)
		return true;
	free(v->message);
	v->message = NULL;
	if (v->help) {
		v->help = false;
		return key != 'q';
	}
	if (v->typing) {
		type_search(v, key);
		return true;
	}
	switch (key) {
	case 'q': return false;
	case KEY_UP:
	case 'k': move_to(v, (long)v->at - 1); break;
	case KEY_DOWN:
	case 'j':
		move_to(v, (long)v->at + 1);
		v->held = true;
		break;
	case KEY_PPAGE: move_to(v, (long)v->at - (long)v->page); break;
	case KEY_NPAGE: move_to(v, (long)v->at + (long)v->page); break;
	case KEY_HOME: move_to(v, 0); break;
	case KEY_END: move_to(v, (long)v->count); break;
	case '\n':
	case '\r':
	case KEY_ENTER: v->stack = !v->stack; break;
	case 27:
		v->search[0] = '\0';
		restart_rows(v);
		break;
	case '/': v->typing = true; break;
	case ' ':
	case 'p': v->paused = !v->paused; break;
	case 'w': write_snapshot(v); break;
	case 'h':
	case '?': v->help = true; break;
	case 12: /* control-L: what others wrote over the screen goes */ clearok(stdscr, TRUE); break;
	default: press_sort_or_mark(v, key);
	}
	return true;
}

static bool watch_process(struct top_view *v)
{
	uint64_t due = now_ms() + (uint64_t)(v->top->interval * 1000), now;
	int key;

	while (!asked_to_end) {
		struct pollfd input = { STDIN_FILENO, POLLIN, 0 };

		top_draw(v);
		now = now_ms();
		if (!v->top->live || v->paused)
			timeout(1000);
		else
			timeout(due > now ? (int)(due - now) : 0);
		key = getch();
		/* A terminal that went away always has something to read, and no key. */
		if (key == ERR && poll(&input, 1, 0) > 0 && input.revents & (POLLHUP | POLLERR | POLLNVAL))
			return false;
		if (key != ERR && !press_key(v, key))
			return true;
		if (now_ms() >= due) {
			if (!v->paused && v->top->live) {
				top_session_look(v->top);
				make_rows(v);
			}
			due = now_ms() + (uint64_t)(v->top->interval * 1000);
		}
	}
	return true;
}

int top_screen(struct top *t)
{
	struct top_view v = { .top = t };
	struct sigaction end = { .sa_handler = handle_end };
	const char *searched = t->search;
	SCREEN *terminal;

	t->common.no_pager = true;
	screen_open(&v.screen, &t->common);
	if (searched)
		snprintf(v.search, sizeof(v.search), "%s", searched);
	t->search = v.search;
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGHUP, &end, NULL);
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal) {
		struct tide_error e;

		error_set(&e, EXIT_USAGE,
			"cannot use this terminal|TERM=%s is unknown|set TERM, or print "
			"with --batch 1",
			getenv("TERM") ? getenv("TERM") : "");
		error_print(&e);
		t->search = searched;
		return e.code;
	}
	set_escdelay(50);
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	top_draw_start(&v);
	make_rows(&v);
	watch_process(&v);
	endwin();
	delscreen(terminal);
	t->search = searched;
	free(v.row);
	free(v.message);
	if (asked_to_end == SIGTERM || asked_to_end == SIGHUP)
		return 128 + asked_to_end;
	return EXIT_FINE;
}
