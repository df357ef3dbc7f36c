/* demangle.h - readable names from linkers' names.
 *
 * DN1  demangle never returns NULL: a name that it cannot read is returned
 *     unchanged, without the suffixes that compilers and linkers add to clones
 *     (.constprop.0, .part.1, .isra.2, .cold, .lto_priv.0, .llvm.123,
 *     @@GLIBC_2.2.5).
 * DN2  Texts are bounded (DEMANGLE_MAX_BYTES for Rust, DEMANGLE_CXX_MAX_BYTES for
 *     C++), however the symbol repeats itself, and so is the recursion. A symbol
 *     whose name would be longer is returned unchanged.
 * DN3  The time for a C++ name is bounded, too (demangle_cxx.c): one that takes longer is returned unchanged.
 * DN4  Any thread may call these at any time.
 */
#ifndef TIDEMARK_DEMANGLE_H
#define TIDEMARK_DEMANGLE_H

#include <stddef.h>

#define DEMANGLE_MAX_BYTES 16384u
#define DEMANGLE_CXX_MAX_BYTES 65536u

/* The caller frees. C++ (Itanium), Rust legacy and v0. */
char *demangle(const char *symbol);

/* C++ only: the caller frees. NULL: not a C++ symbol, or one that DN2 excludes. */
char *demangle_cxx(const char *symbol);

/* Rust only, of `bytes` of `symbol`: the caller frees. NULL: not a Rust symbol. */
char *demangle_rust(const char *symbol, size_t bytes);

/* Bytes of `symbol` before the suffixes of DN1. */
size_t demangle_stem(const char *symbol);

/* The function's own name: no return type, parameters, template or generic
 * arguments, qualifiers: "void ns::C<int>::f<long>(int) const" -> "ns::C::f",
 * "<alloc::vec::Vec<T> as Drop>::drop" -> "alloc::vec::Vec::drop". Filters
 * and SITE arguments compare these. Returns the length, which is
 * cut to capacity - 1; `out` ends with NUL. */
size_t demangle_plain(const char *function, char *out, size_t capacity);

/* As demangle_plain, but with the first template argument of each list; keys of
 * sites are made of these names (site_key.h): "std::vector<int, A>::push_back(int)" ->
 * "std::vector<int>::push_back". */
size_t demangle_stable(const char *function, char *out, size_t capacity);

#endif
