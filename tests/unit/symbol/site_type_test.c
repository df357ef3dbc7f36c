/* Unit tests of report/symbol/site_type.c: types by the names of allocators' frames and by lines of source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "report/symbol/site_type.h"

static void check(char *have, const char *wanted, const char *of)
{
	if (!wanted != !have || (wanted && strcmp(have, wanted)))
		fail_msg("%s: %s, expected %s", of, have ? have : "none", wanted ? wanted : "none");
	free(have);
}

static void frames_of_allocators_name_the_type(void **state)
{
	static const char *const pair[][2] = {
		{ "std::__new_allocator<Plain>::allocate(unsigned long, void const*)", "Plain" },
		{ "std::__new_allocator<std::_Rb_tree_node<std::pair<int const, Plain> > >::allocate(unsigned long, void const*)",
			"std::_Rb_tree_node<std::pair<int const, Plain> >" },
		{ "__gnu_cxx::new_allocator<net::Session*>::allocate(unsigned long, void const*)",
			"net::Session*" },
		{ "std::__new_allocator<void (*)(int, char)>::allocate(unsigned long, void const*)",
			"void (*)(int, char)" },
		{ "std::__new_allocator<std::_Sp_counted_ptr_inplace<Foo, std::allocator<void>, (__gnu_cxx::_Lock_policy)2> >::allocate(unsigned long, void const*)",
			"std::_Sp_counted_ptr_inplace<Foo, std::allocator<void>, (__gnu_cxx::_Lock_policy)2>" },
		{ "std::__detail::_MakeUniq<Plain>::__single_object std::make_unique<Plain>()", "Plain" },
		{ "std::__detail::_MakeUniq<Plain []>::__array std::make_unique<Plain []>(unsigned long)",
			"Plain" },
		{ "std::__1::allocator<std::__1::__list_node<Plain, void*> >::allocate(unsigned long)",
			"std::__1::__list_node<Plain, void*>" },
		{ "std::__1::allocator<int>::allocate[abi:v15007](unsigned long)", "int" },
		{ "std::__ndk1::allocator<int>::allocate(unsigned long)", "int" },
		{ "std::__Cr::allocator<int>::allocate[abi:ne180000](unsigned long)", "int" },
		{ "std::__1::__unique_if<Plain>::__unique_single std::__1::make_unique<Plain>()", "Plain" },
		{ "std::__1::__unique_if<Plain []>::__unique_array_unknown_bound std::__1::make_unique[abi:v160006]<Plain []>(unsigned long)",
			"Plain" },
		{ "std::__1::allocator<int>::allocate_at_least(unsigned long)", NULL },
		{ "std::__1::allocator_traits<std::__1::allocator<int> >::allocate(std::__1::allocator<int>&, unsigned long)",
			NULL },
		{ "std::__shared_count<(__gnu_cxx::_Lock_policy)2>::__shared_count<Foo*>(Foo*)",
			"std::_Sp_counted_ptr<Foo*>" },
		{ "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >::_M_create(unsigned long&, unsigned long)",
			"char" },
		{ "alloc::boxed::Box<app::Session>::new", "app::Session" },
		{ "<alloc::boxed::Box<app::Session>>::new", "app::Session" },
		{ "alloc::boxed::Box<T>::new", NULL },
		{ "alloc::raw_vec::RawVec<u8,alloc::alloc::Global>::reserve", "u8" },
		{ "std::vector<int, std::allocator<int> >::push_back(int&&)", NULL },
		{ "std::__new_allocator<int>::deallocate(int*, unsigned long)", NULL },
		{ "std::__new_allocator<Pl", NULL },
		{ "strdup", "char" },
		{ "g_strdup_printf", "char" },
		{ "__vasprintf", "char" },
		{ "wcsdup", "wchar_t" },
		{ "app::strdup(Name const&)", NULL },
		{ "strdup_all", NULL },
		{ "main", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++)
		check(site_type_of_function(pair[i][0]), pair[i][1], pair[i][0]);
}

static void lines_count_where_they_are_unambiguous(void **state)
{
	static const struct {
		const char *line;
		bool in_namespace;
		const char *type;
	} row[] = {
		{ "	struct node *n = malloc(sizeof(struct node));", false, "node" },
		{ "	struct node *n = calloc(1, sizeof (struct node));", true, "node" },
		{ "	p = realloc(p, n * sizeof(item_t));", false, "item_t" },
		{ "	p = malloc(sizeof(Item) * n);", false, "Item" },
		{ "	p = malloc(sizeof(*p));", false, NULL },
		{ "	p = malloc(sizeof(buffer));", false, NULL }, /* a variable, perhaps */
		{ "	p = malloc(sizeof(struct a) + sizeof(struct b));", false, NULL },
		{ "	p = malloc(sizeof(struct a)); q = malloc(sizeof(struct b));", false, NULL },
		{ "	p = malloc(n);", false, NULL },
		{ "	p = my_malloc(sizeof(struct a));", false, NULL },
		{ "	Node *n = g_new0(Node, 3);", false, "Node" },
		{ "	shapes.push_back(new Circle);", false, "Circle" },
		{ "	keep = new Circle(2);", false, "Circle" },
		{ "	keep = new net::Session{1};", false, "net::Session" },
		{ "	keep = new Plain[10];", false, "Plain" },
		{ "	keep = new Circle(2);", true, NULL },
		{ "	keep = new (place) Circle;", false, NULL },
		{ "	keep = new List<int>();", false, NULL },
		{ "	keep = new A(new B);", false, NULL },
		{ "	keep = new A; keep->next = new A(1);", false, "A" },
		{ "	keep = new A; keep->next = new A<int>;", false, NULL },
		{ "	keep = new A; p = malloc(sizeof(struct b));", false, NULL },
		{ "	keep = renew(Circle);", false, NULL },
		{ "", false, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		check(site_type_of_line(row[i].line, row[i].in_namespace), row[i].type, row[i].line);
}

static void lines_say_what_they_assign_to(void **state)
{
	static const char *const pair[][2] = {
		{ "	p = malloc(sizeof *p);", "p" },
		{ "	struct node *p = (struct node *)calloc(1, sizeof(*p));", "p" },
		{ "	list->items = realloc(list->items, n * sizeof(*list->items));", "list->items" },
		{ "	a.b->c = malloc(n * sizeof a.b->c[0]);", "a.b->c" },
		{ "	if (!(p = malloc(sizeof *p)))", "p" },
		{ "	p = malloc(sizeof *q);", NULL },
		{ "	p = malloc(sizeof p);", NULL },
		{ "	p = malloc(sizeof *p * sizeof *p);", NULL },
		{ "	p = malloc(sizeof(*p + 1));", NULL },
		{ "	p = malloc(sizeof **p);", NULL },
		{ "	p = malloc(sizeof *p->q[3]);", NULL },
		{ "	p[0] = malloc(sizeof *p);", NULL },
		{ "	*p = malloc(sizeof *p);", NULL },
		{ "	p = wrap(malloc(sizeof *p));", NULL },
		{ "	p = n ? malloc(sizeof *p) : NULL;", NULL },
		{ "	ok = p == malloc(sizeof *p);", NULL },
		{ "	p = malloc(sizeof *p), q = malloc(4);", NULL },
		{ "	x(p).q = malloc(sizeof *q);", NULL },
		{ "	malloc(sizeof *p);", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++)
		check(site_type_target_of_line(pair[i][0]), pair[i][1], pair[i][0]);
	check(site_type_new_of_line("	Node *n = new Node(3);"), "Node", "new");
	check(site_type_new_of_line("	n = new net::Node;"), "net::Node", "new");
	check(site_type_new_of_line("	n = new Node(new Node);"), NULL, "two");
	check(site_type_new_of_line("	n = new Node[3];"), NULL, "array");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_of_allocators_name_the_type),
		cmocka_unit_test(lines_count_where_they_are_unambiguous),
		cmocka_unit_test(lines_say_what_they_assign_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
