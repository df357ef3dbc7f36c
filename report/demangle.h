/* demangle.h - names for people from names for linkers.
 *
 * D1  demangle never returns NULL: a name it does not know comes back as it
 *     was, without the suffixes compilers and linkers add to clones
 *     (.constprop.0, .part.1, .isra.2, .cold, .lto_priv.0, .llvm.123,
 *     @@GLIBC_2.2.5).
 * D2  The text demangle_rust makes is bounded (DEMANGLE_MAX_BYTES), however
 *     the symbol repeats itself; the recursion too.
 * D3  Both are pure: no state, any thread.
 */
#ifndef TIDEMARK_DEMANGLE_H
#define TIDEMARK_DEMANGLE_H

#include <stddef.h>

#define DEMANGLE_MAX_BYTES 16384u

/* The caller frees. C++ (Itanium), Rust legacy and v0. */
char *demangle(const char *symbol);

/* Rust only, `bytes` of `symbol`: the caller frees; NULL when it is none. */
char *demangle_rust(const char *symbol, size_t bytes);

/* Bytes of `symbol` before the suffixes of D1. */
size_t demangle_stem(const char *symbol);

/* The function's own name: no return type, parameters, template or generic
 * arguments, qualifiers: "void ns::C<int>::f<long>(int) const" -> "ns::C::f",
 * "<alloc::vec::Vec<T> as Drop>::drop" -> "alloc::vec::Vec::drop". Filters
 * and SITE arguments compare these. Returns the length, which is
 * cut to capacity - 1; `out` ends with NUL. */
size_t demangle_plain(const char *function, char *out, size_t capacity);

/* The same with the first template argument of each list: what the key of a
 * site is made of (site_key.h): "std::vector<int, A>::push_back(int)" ->
 * "std::vector<int>::push_back". */
size_t demangle_stable(const char *function, char *out, size_t capacity);

#endif
