/* vtable.c - the name of a class by its vtable, from the memory of a process.
 *
 * The layout is that of the Itanium C++ ABI: 2.5.2 (the address point has the offset to top and the type_info
 * in front), 2.9.4 (a type_info is a vtable pointer and a name), 2.9.5 (classes have a type_info of one of
 * three kinds, by whether and how they inherit).
 */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "native_private.h"
#include "symbol/demangle.h"

#define NAME_MOST 4096u /* bytes of a mangled name, as templates of templates make them */

bool vtable_may_be(struct remote *memory, uint64_t word)
{
	const struct remote_mapping *m;

	if (word & 7 || word < 4096)
		return false;
	m = remote_mapping_at(memory, word);
	return m && m->readable && !m->executable && !m->shared && *m->path == '/';
}

static bool read_words(struct remote *memory, uint64_t address, uint64_t *to, size_t count)
{
	return vtable_may_be(memory, address)
		&& remote_read(memory, address, to, count * sizeof(*to)) == count * sizeof(*to);
}

/* The name of a type_info: "3Foo". A leading '*' means that its address is not unique. */
static bool read_name(struct remote *memory, uint64_t address, char *name, size_t bytes)
{
	size_t length = 0;

	if (address < 4096 || !remote_text(memory, address, name, bytes))
		return false;
	if (*name == '*')
		memmove(name, name + 1, strlen(name));
	while (name[length] > ' ' && name[length] < 0x7f)
		length++;
	return length && !name[length] && length + 1 < bytes;
}

/* The class of a type_info is one of the ABI's own, whichever library provides it. */
static bool is_class_information(struct remote *memory, uint64_t vtable)
{
	static const char *const kind[] = { "N10__cxxabiv117__class_type_infoE",
		"N10__cxxabiv120__si_class_type_infoE", "N10__cxxabiv121__vmi_class_type_infoE" };
	uint64_t before[2], information[2];
	char name[64];

	if (!read_words(memory, vtable - sizeof(before), before, 2) || before[0]
		|| !read_words(memory, before[1], information, 2)
		|| !read_name(memory, information[1], name, sizeof(name)))
		return false;
	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++)
		if (!strcmp(name, kind[i]))
			return true;
	return false;
}

char *vtable_class(struct remote *memory, uint64_t address)
{
	uint64_t before[2], information[2];
	char name[NAME_MOST], *symbol, *demangled;

	if (!read_words(memory, address - sizeof(before), before, 2) || before[0]
		|| !read_words(memory, before[1], information, 2)
		|| !is_class_information(memory, information[0])
		|| !read_name(memory, information[1], name, sizeof(name)))
		return NULL;
	/* demangle knows symbols: the vtable's own reads "vtable for Foo". */
	symbol = alloc_printf("_ZTV%s", name);
	demangled = demangle(symbol);
	free(symbol);
	if (!strncmp(demangled, "vtable for ", 11)) {
		memmove(demangled, demangled + 11, strlen(demangled + 11) + 1);
		return demangled;
	}
	free(demangled);
	return NULL;
}
