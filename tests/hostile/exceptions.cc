/* Exceptions and unwinders: thousands of throws from deep stacks, in threads,
 * across libraries of a C program, caught by nobody; backtrace() in handlers.
 * libraries: lib_thrower.cc
 * status[uncaught]: 134
 * status[out_of_noexcept]: 134
 */
#include "hostile.h"
#include <dlfcn.h>
#include <execinfo.h>
#include <memory>
#include <new>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <unwind.h>
#include <vector>

static NOINLINE int deep(int n)
{
	std::string keep(100, 'x');
	if (n == 0)
		throw std::runtime_error("from " + keep);
	int r = deep(n - 1);
	HIDE(r);
	return r + static_cast<int>(keep.size());
}

static void many()
{
	int caught = 0;
	for (int i = 0; i < 3000; i++) {
		try {
			deep(i % 40);
		} catch (const std::exception &e) {
			caught++;
			free(malloc(i));
		}
	}
	CHECK(caught == 3000);
}

static void in_threads()
{
	std::vector<std::thread> all;
	for (int i = 0; i < 8; i++)
		all.emplace_back(many);
	for (auto &t : all)
		t.join();
}

static void nested()
{
	for (int i = 0; i < 300; i++) {
		try {
			try {
				deep(10);
			} catch (...) {
				std::throw_with_nested(std::logic_error("outer"));
			}
		} catch (const std::exception &e) {
			try {
				std::rethrow_if_nested(e);
				CHECK(false);
			} catch (const std::runtime_error &) {
			}
		}
	}
}

static volatile size_t enormous = static_cast<size_t>(1) << 60;
static void no_memory()
{
	for (int i = 0; i < 100; i++) {
		try {
			char *p = new char[enormous];
			HIDE(p);
			CHECK(false);
		} catch (const std::bad_alloc &) {
		}
		char *none = new (std::nothrow) char[enormous];
		HIDE(none);
		CHECK(!none);
	}
	int called = 0;
	static int *counter;
	counter = &called;
	std::set_new_handler([] {
		if (++*counter == 3)
			throw std::bad_alloc();
	});
	try {
		char *p = new char[enormous];
		HIDE(p);
	} catch (const std::bad_alloc &) {
	}
	CHECK(called == 3);
}

/* Which library serves the unwinder's symbols must not change. */
static void binding()
{
	for (const char *name : { "_Unwind_RaiseException", "_Unwind_Resume", "_Unwind_Backtrace", "__cxa_throw",
				  "__gxx_personality_v0", "_Unwind_Find_FDE" }) {
		Dl_info info;
		void *s = dlsym(RTLD_DEFAULT, name);
		CHECK(s && dladdr(s, &info));
		const char *slash = strrchr(info.dli_fname, '/');
		printf("%s in %s\n", name, slash ? slash + 1 : info.dli_fname);
	}
}

static void in_library()
{
	void *l = dlopen("./lib_thrower.so", RTLD_NOW);
	CHECK(l);
	auto run = reinterpret_cast<int (*)(int)>(dlsym(l, "thrower_run"));
	CHECK(run(500) == 500);
	auto toss = reinterpret_cast<void (*)()>(dlsym(l, "thrower_throw"));
	try {
		toss();
		CHECK(false);
	} catch (const std::runtime_error &e) {
		CHECK(!strcmp(e.what(), "from the library"));
	}
	dlclose(l);
	many();
}

static void uncaught() { deep(5); }
static void inner() noexcept { deep(3); }
static void out_of_noexcept() { inner(); }

static _Unwind_Reason_Code count_frame(_Unwind_Context *context, void *n)
{
	(void)_Unwind_GetIP(context);
	free(malloc(16));
	++*static_cast<int *>(n);
	return _URC_NO_REASON;
}
static NOINLINE int frames(int n)
{
	if (n) {
		int r = frames(n - 1);
		HIDE(r);
		return r;
	}
	int seen = 0;
	_Unwind_Backtrace(count_frame, &seen);
	return seen;
}
static void unwinders()
{
	CHECK(frames(30) - frames(10) == 20);
	for (int i = 0; i < 500; i++) {
		void *a[64];
		int n = backtrace(a, 64);
		CHECK(n > 2);
		char **names = backtrace_symbols(a, n);
		CHECK(names);
		free(names);
		frames(i % 50);
	}
}

/* A cancelled thread unwinds by force, through frames that own memory. */
static void *cancelled(void *)
{
	std::string keep(200, 'k');
	std::vector<std::unique_ptr<std::string>> more;
	for (int i = 0;; i++) {
		more.push_back(std::make_unique<std::string>(50, 'm'));
		if (more.size() > 100)
			more.clear();
		if (i % 1000 == 0)
			pthread_testcancel();
	}
	return nullptr;
}
static void forced()
{
	for (int i = 0; i < 20; i++) {
		pthread_t t;
		void *result;
		CHECK(!pthread_create(&t, nullptr, cancelled, nullptr));
		usleep(1000);
		CHECK(!pthread_cancel(t));
		CHECK(!pthread_join(t, &result) && result == PTHREAD_CANCELED);
	}
}

MAIN(CASE(many), CASE(in_threads), CASE(nested), CASE(no_memory), CASE(binding), CASE(in_library), CASE(uncaught),
	CASE(out_of_noexcept), CASE(unwinders), CASE(forced))
