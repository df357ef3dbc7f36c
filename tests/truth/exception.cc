/* Exceptions: one in flight at exit (inside its handler), one stored in a
 * global exception_ptr, both held by pointers into the block; one whose
 * exception_ptr is lost.
 *
 * cases: flight stored lost
 * truth[lost]: unreferenced blocks=1 bytes=8 site=make_holder
 * truth[lost]: indirect blocks=1 bytes=192 site=make_exception
 */
#include "truth.h"
#include <exception>

struct Big { char text[64]; };

alignas(std::exception_ptr) unsigned char stored[sizeof(std::exception_ptr)];

static NOINLINE std::exception_ptr make_exception()
{
	try {
		throw Big();
	} catch (...) {
		return std::current_exception();
	}
}

static NOINLINE std::exception_ptr *make_holder()
{
	return new std::exception_ptr(make_exception());
}

static NOINLINE void flight()
{
	try {
		throw Big();
	} catch (Big &) {
		exit(0);
	}
}

static void scenario(void)
{
	if (is_case("flight"))
		flight();
	else if (is_case("stored"))
		new (stored) std::exception_ptr(make_exception());
	else
		make_holder();
}
