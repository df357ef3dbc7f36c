/* Containers of the standard library, lost with their owners. A list and a map
 * are components by nature: the nodes point back at the owner. A vector is an
 * owner and an array.
 *
 * cases: leak held fixed
 * truth[leak]: cycle blocks=11 bytes=264 site=make_list
 * truth[leak]: cycle blocks=21 bytes=848 site=make_map
 * truth[leak]: unreferenced blocks=1 bytes=24 site=make_vector
 * truth[leak]: indirect blocks=1 bytes=400 site=make_vector
 * truth[leak]: unreferenced blocks=1 bytes=32 site=make_string
 * truth[leak]: indirect blocks=1 bytes=101 site=make_string
 * held[held]: make_list root=global name=list blocks=11
 * held[held]: make_map root=global name=map blocks=21
 */
#include "truth.h"
#include <list>
#include <map>
#include <string>
#include <vector>

std::list<int> *list;
std::map<int, int> *map;
std::vector<int> *vector;
std::string *text;

static NOINLINE std::list<int> *make_list()
{
	auto *l = new std::list<int>;
	for (int i = 0; i < 10; i++)
		l->push_back(i);
	HIDE(l);
	return l;
}

static NOINLINE std::map<int, int> *make_map()
{
	auto *m = new std::map<int, int>;
	for (int i = 0; i < 20; i++)
		(*m)[i] = i;
	HIDE(m);
	return m;
}

static NOINLINE std::vector<int> *make_vector()
{
	auto *v = new std::vector<int>(100);
	HIDE(v);
	return v;
}

static NOINLINE std::string *make_string()
{
	auto *s = new std::string(100, 'x');
	HIDE(s);
	return s;
}

static void scenario(void)
{
	list = make_list();
	map = make_map();
	vector = make_vector();
	text = make_string();
	if (is_case("held"))
		return;
	if (is_case("fixed")) {
		delete list;
		delete map;
		delete vector;
		delete text;
	}
	list = nullptr;
	map = nullptr;
	vector = nullptr;
	text = nullptr;
}
