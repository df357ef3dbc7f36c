/* Arrays with a count in front, and objects held by their second base: the
 * only pointer is into the block, and it is an owner.
 *
 * cases: held leak
 * truth[leak]: unreferenced blocks=1 bytes=168 site=make_array
 * truth[leak]: unreferenced blocks=1 bytes=48 site=make_derived
 * truth[leak]: unreferenced blocks=1 bytes=8 site=make_empty
 * truth[leak]: unreferenced blocks=1 bytes=16 site=make_wide
 * held[held]: make_array root=global name=array blocks=1
 * held[held]: make_derived root=global name=second blocks=1
 * held[held]: make_empty root=global name=empty blocks=1
 * held[held]: make_wide root=global name=wide blocks=1
 */
#include "truth.h"

static int destroyed;
struct Thing { long a = 1, b = 2; ~Thing() { destroyed++; } };
struct alignas(16) Wide { long a = 1, b = 2; ~Wide() { destroyed++; } };
struct First { virtual ~First() {} long first = 1; };
struct Second { virtual ~Second() {} long second = 2; };
struct Derived : First, Second { long own = 3, pad = 4; };

Thing *array;
Second *second;
Thing *empty; /* one past the only word of its block: the count, 0 */
Wide *wide;
volatile int none;

static NOINLINE Thing *make_array() { Thing *t = new Thing[10]; HIDE(t); return t; }
static NOINLINE Second *make_derived() { Second *s = new Derived; HIDE(s); return s; }

static NOINLINE Thing *make_empty() { Thing *t = new Thing[none]; HIDE(t); return t; }
static NOINLINE Wide *make_wide() { Wide *w = new Wide[none]; HIDE(w); return w; }

static void scenario(void)
{
	empty = make_empty();
	wide = make_wide();
	array = make_array();
	second = make_derived();
	if (is_case("leak")) {
		array = nullptr;
		second = nullptr;
		empty = nullptr;
		wide = nullptr;
	}
}
