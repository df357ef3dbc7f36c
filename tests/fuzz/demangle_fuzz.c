/* Fuzzes the Rust demangler, the plain names, what screens make of names, keys of types and lines of source: any
 * bytes as a symbol. The C++ demangler is libstdc++'s and has its own tests. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report/members/members_private.h"
#include "report/symbol/demangle.h"
#include "report/symbol/name.h"
#include "report/symbol/site_type.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void try_name(const char *name)
{
	free(name_without_inline(name));
	free(name_function(name, false));
	free(name_function(name, true));
	free(site_type_of_line(name, false));
	free(site_type_of_line(name, true));
	(void)name_behind_std(name);
	(void)members_key(name);
}

static void try_symbol(const char *prefix, const uint8_t *data, size_t bytes)
{
	size_t n = strlen(prefix);
	char *symbol = malloc(n + bytes + 1), *name, plain[256];

	memcpy(symbol, prefix, n);
	memcpy(symbol + n, data, bytes);
	symbol[n + bytes] = '\0';
	if (demangle_stem(symbol) > n + bytes)
		abort();
	name = demangle_rust(symbol, strlen(symbol));
	if (name && strlen(name) > DEMANGLE_MAX_BYTES)
		abort();
	if (demangle_plain(name ? name : symbol, plain, sizeof(plain)) != strlen(plain))
		abort();
	if (demangle_stable(name ? name : symbol, plain, sizeof(plain)) != strlen(plain))
		abort();
	free(name);
	try_name(symbol);
	name = demangle(symbol);
	try_name(name);
	if (strlen(name) > n + bytes && strlen(name) > DEMANGLE_CXX_MAX_BYTES)
		abort();
	free(name);
	free(symbol);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	try_symbol("", data, bytes);
	try_symbol("_R", data, bytes);
	try_symbol("_ZN", data, bytes);
	return 0;
}
