/* Fuzzes the Rust demangler and the plain names: any bytes as a symbol. The C++
 * demangler is libstdc++'s and has its own tests. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report/symbol/demangle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

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
	name = demangle(symbol);
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
