/* Collectors that stay: who gets the next connection, who ends, and what is left when all is over. */
#include <errno.h>
#include <signal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "report/collect/workers.h"

/* Writes its number, and whether it may leave, to each connection that it gets. */
static void work(int socket)
{
	for (;;) {
		enum collect_leaving leaving = LEAVING_NOT;
		int connection = workers_next(socket, &leaving);
		int32_t answer[2];

		if (connection < 0)
			_exit(0);
		answer[0] = getpid();
		answer[1] = (int32_t)leaving;
		if (write(connection, answer, sizeof answer) != sizeof answer)
			_exit(1);
		close(connection);
	}
}

static int start(struct workers *w)
{
	int socket = workers_add(w), pid;

	assert_true(socket >= 0);
	pid = fork();
	if (!pid) {
		workers_close(w);
		work(socket);
	}
	workers_made(w, pid);
	close(socket);
	return pid;
}

/* Until `count` are left, of which `idle` wait. */
static void look_until(struct workers *w, unsigned count, unsigned idle)
{
	for (;;) {
		struct pollfd p[WORKERS_MOST];
		unsigned n = workers_poll(w, p), waiting = 0;

		for (unsigned i = 0; i < w->count; i++)
			waiting += w->list[i].idle;
		if (w->count == count && waiting == idle)
			return;
		assert_true(poll(p, n, -1) > 0 || errno == EINTR);
		workers_look(w, p);
	}
}

static int32_t ask(struct workers *w, enum collect_leaving leaving, int32_t *said)
{
	int32_t answer[2] = { 0, 0 };
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_true(workers_give(w, ends[1], leaving));
	close(ends[1]);
	if (read(ends[0], answer, sizeof answer) != sizeof answer)
		answer[0] = 0;
	close(ends[0]);
	*said = answer[1];
	return answer[0];
}

static void one_collector_serves_many(void **state)
{
	struct workers w = { .count = 0 };
	int pid = start(&w);
	int32_t said;

	(void)state;
	for (int i = 0; i < 20; i++) {
		look_until(&w, 1, 1);
		assert_int_equal(ask(&w, (enum collect_leaving)(i % 3), &said), pid);
		assert_int_equal(said, i % 3);
	}
	look_until(&w, 1, 1);
	workers_end(&w);
	assert_int_equal(waitpid(pid, NULL, 0), -1); /* its end has been waited for */
	assert_int_equal(errno, ECHILD);
}

static void a_busy_one_gets_nothing(void **state)
{
	struct workers w = { .count = 0 };
	int pid = start(&w), ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_false(workers_give(&w, ends[1], false)); /* it has not said that it is ready */
	look_until(&w, 1, 1);
	assert_true(workers_give(&w, ends[1], false));
	assert_false(workers_give(&w, ends[1], false));
	close(ends[0]);
	close(ends[1]);
	workers_end(&w);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void few_wait(void **state)
{
	struct workers w = { .count = 0 };
	unsigned ended = 0;

	(void)state;
	for (unsigned i = 0; i < WORKERS_IDLE + 3; i++)
		start(&w);
	look_until(&w, WORKERS_IDLE, WORKERS_IDLE);
	for (; ended < 3; ended++)
		assert_true(waitpid(-1, NULL, 0) > 0);
	workers_end(&w);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
}

static void a_dead_one_is_forgotten(void **state)
{
	struct workers w = { .count = 0 };
	int pid = start(&w), ends[2];

	(void)state;
	look_until(&w, 1, 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(pipe(ends), 0);
	assert_false(workers_give(&w, ends[1], false));
	assert_int_equal(w.count, 0);
	close(ends[0]);
	close(ends[1]);
}

static void no_more_than_there_is_room_for(void **state)
{
	struct workers w = { .count = 0 };
	int sockets[WORKERS_MOST];

	(void)state;
	for (unsigned i = 0; i < WORKERS_MOST; i++)
		assert_true((sockets[i] = workers_add(&w)) >= 0);
	assert_int_equal(workers_add(&w), -1);
	workers_made(&w, -1);
	assert_int_equal(w.count, WORKERS_MOST - 1);
	workers_close(&w);
	for (unsigned i = 0; i < WORKERS_MOST; i++)
		close(sockets[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_collector_serves_many),
		cmocka_unit_test(a_busy_one_gets_nothing),
		cmocka_unit_test(few_wait),
		cmocka_unit_test(a_dead_one_is_forgotten),
		cmocka_unit_test(no_more_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
