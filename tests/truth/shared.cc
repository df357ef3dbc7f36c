/* shared_ptr: a cycle of two, made by make_shared (one block for count and
 * object) and by new (two blocks); the same with a weak_ptr is not a leak; a
 * weak_ptr in a global keeps the block of make_shared, not lost.
 *
 * cases: leak fixed
 * truth[leak]: cycle blocks=2 bytes=112 site=make_joined
 * truth[leak]: cycle blocks=4 bytes=128 site=make_apart
 * root-cycles[leak]: 2
 * held: make_watched root=global name=watch blocks=1
 */
#include "truth.h"
#include <memory>

struct Node {
	std::shared_ptr<Node> other;
	std::weak_ptr<Node> back;
	long pad = 1;
};
struct Plain { std::shared_ptr<Plain> other; long pad[3] = {}; };

/* Without a destructor at exit. */
alignas(std::weak_ptr<Node>) unsigned char watch[sizeof(std::weak_ptr<Node>)];

static NOINLINE std::shared_ptr<Node> make_joined() { return std::make_shared<Node>(); }
static NOINLINE std::shared_ptr<Node> make_watched() { return std::make_shared<Node>(); }
static NOINLINE std::shared_ptr<Plain> make_apart() { return std::shared_ptr<Plain>(new Plain); }

static void scenario(void)
{
	{
		auto a = make_joined(), b = make_joined();
		a->other = b;
		if (is_case("leak"))
			b->other = a;
		else
			b->back = a;
	}
	{
		auto a = make_apart(), b = make_apart();
		a->other = b;
		if (is_case("leak"))
			b->other = a;
	}
	new (watch) std::weak_ptr<Node>(make_watched());
}
