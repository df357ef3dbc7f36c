/* members_name.c - full names of types, and keys of them.
 *
 * Demanglers and compilers spell names differently: "std::array<int, 3ul>" and
 * "std::array<int, 3>", "A<B >" and "A<B>"; the key is the same.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "members_private.h"
#include "symbol/symbol_scopes.h"

#define PARTS 16u

/* --- keys ----------------------------------------------------------------------- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Letters are those of ASCII: names are spelled alike in each locale. */
static bool is_word(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? true : is_digit(c) || c == '_';
}

static uint64_t add_to_key(uint64_t key, char c) { return (key ^ (unsigned char)c) * 0x100000001b3u; }

/* Behind the parameters of a function in a name, "main(int)::Local"; else `at`. */
static const char *skip_parameters(const char *at)
{
	unsigned depth = 0;
	const char *end = at;

	if (!strncmp(at, "(anonymous", 10))
		return at;
	do {
		/* Names of a file may end anywhere. */
		if (!*end)
			return at;
		depth += *end == '(';
		depth -= *end == ')';
		end++;
	} while (depth);
	if (!strncmp(end, " const::", 8))
		end += 6;
	return !strncmp(end, "::", 2) ? end : at;
}

uint64_t members_key(const char *name)
{
	uint64_t key = 0xcbf29ce484222325u;
	char last = 0;

	for (const char *at = name; *at; at++) {
		if (*at == '(')
			at = skip_parameters(at);
		if (*at == '[' && !strncmp(at, "[abi:", 5) && strchr(at, ']')) {
			at = strchr(at, ']');
			continue;
		}
		/* Only between two words does a blank mean anything. */
		if (*at == ' ' && !(is_word(last) && is_word(at[1])))
			continue;
		/* "3ul" */
		if (is_digit(*at) && !is_word(last)) {
			while (is_digit(*at))
				key = add_to_key(key, *at++);
			at += strspn(at, "uUlL");
			last = '0';
			at--;
			continue;
		}
		key = add_to_key(key, last = *at);
	}
	return index_hash(key);
}

uint64_t members_key_pointer(uint64_t target) { return index_hash(target + 1); }

/* --- scopes ----------------------------------------------------------------------- */

const char *members_part_name(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	if (name && *name)
		return name;
	return dwarf_tag(die) == DW_TAG_namespace ? "(anonymous namespace)" : NULL;
}

char *members_full_name(struct members *m, Dwarf_Die *type)
{
	const char *name = dwarf_diename(type), *part;
	Dwarf_Die die = *type, around;
	char *text, *longer;

	if (!name || !*name)
		return NULL;
	text = alloc_string(name);
	for (unsigned parts = 0; parts < PARTS; parts++) {
		/* Functions and types of C++ may be defined elsewhere than in their scope, which declares them. */
		symbol_scopes_declaration(&die);
		if (!symbol_scopes_around(&m->scopes, &die, &around))
			break;
		die = around;
		symbol_scopes_declaration(&die);
		part = members_part_name(&die);
		if (!part)
			continue;
		longer = alloc_printf("%s::%s", part, text);
		free(text);
		text = longer;
	}
	return text;
}
