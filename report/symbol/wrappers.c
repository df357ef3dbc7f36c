/* wrappers.c - the table of allocator wrappers: exact names, and families. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "demangle.h"
#include "base/alloc.h"
#include "base/array.h"
#include "base/error.h"
#include "wrappers.h"

/* In strcmp order. Allocators' own entry points, and what libraries and well
 * known programs put around them. A function that makes a thing with a meaning
 * of its own (fopen, PyList_New) is not a wrapper. */
/* clang-format off */
static const char *const exact[] = {
	"AllocSetAlloc", "AllocSetAllocLarge", "AllocSetRealloc", "BUF_memdup", "BUF_strdup",
	"CRYPTO_aligned_alloc", "CRYPTO_clear_realloc", "CRYPTO_malloc", "CRYPTO_memdup",
	"CRYPTO_realloc", "CRYPTO_secure_malloc", "CRYPTO_secure_zalloc", "CRYPTO_strdup",
	"CRYPTO_strndup", "CRYPTO_zalloc", "MemoryContextAlloc", "MemoryContextAllocExtended",
	"MemoryContextAllocZero", "MemoryContextStrdup", "OPENSSL_malloc", "Perl_av_create_and_push",
	"Perl_calloc", "Perl_get_arena", "Perl_malloc", "Perl_more_bodies", "Perl_realloc",
	"Perl_safesyscalloc", "Perl_safesysmalloc", "Perl_safesysrealloc", "Perl_savepv",
	"Perl_savepvn", "Perl_savesharedpv", "Perl_savesharedpvn", "Perl_savesvpv", "Perl_sv_grow",
	"Perl_sv_grow_fresh", "PyMem_Calloc", "PyMem_Malloc", "PyMem_New", "PyMem_RawCalloc",
	"PyMem_RawMalloc", "PyMem_RawRealloc", "PyMem_Realloc", "PyObject_Calloc", "PyObject_Malloc",
	"PyObject_Realloc", "PyType_GenericAlloc", "QArrayData::allocate", "QArrayData::allocate1",
	"QArrayData::allocate2", "QArrayData::reallocateUnaligned", "QListData::detach",
	"QListData::realloc", "SDL_calloc", "SDL_malloc", "SDL_realloc", "SDL_strdup", "S_more_sv",
	"S_new_body", "T::clone_into", "T::to_owned", "T::to_string", "T::to_vec", "_IO_getdelim",
	"_PyMem_ArenaAlloc", "_PyMem_DebugCalloc", "_PyMem_DebugMalloc", "_PyMem_DebugRawAlloc",
	"_PyMem_DebugRawCalloc", "_PyMem_DebugRawMalloc", "_PyMem_DebugRawRealloc",
	"_PyMem_DebugRealloc", "_PyMem_MiMalloc", "_PyMem_RawCalloc", "_PyMem_RawMalloc",
	"_PyMem_RawRealloc", "_PyMem_RawStrdup", "_PyMem_RawWcsdup", "_PyMem_Strdup",
	"_PyObject_ArenaMalloc", "_PyObject_ArenaMmap", "_PyObject_Calloc", "_PyObject_GC_Alloc",
	"_PyObject_GC_Calloc", "_PyObject_GC_Malloc", "_PyObject_GC_New", "_PyObject_GC_NewVar",
	"_PyObject_GC_Resize", "_PyObject_Malloc", "_PyObject_MiMalloc", "_PyObject_New",
	"_PyObject_NewVar", "_PyObject_Realloc", "_PyType_AllocNoTrack", "__GI___strdup",
	"__GI___strndup", "___asprintf_chk", "___vasprintf_chk", "__asprintf", "__asprintf_chk",
	"__cxa_allocate_dependent_exception", "__cxa_allocate_exception", "__cxa_vec_new",
	"__cxa_vec_new2", "__cxa_vec_new3", "__getdelim", "__getline", "__libc_alloc_buffer_allocate",
	"__libc_calloc", "__libc_dynarray_emplace_enlarge", "__libc_dynarray_resize", "__libc_malloc",
	"__libc_memalign", "__libc_realloc", "__libc_reallocarray", "__libc_scratch_buffer_grow",
	"__rdl_alloc", "__rdl_alloc_zeroed", "__rdl_realloc", "__rg_alloc", "__rg_alloc_zeroed",
	"__rg_realloc", "__rust_alloc", "__rust_alloc_zeroed", "__rust_realloc", "__strdup",
	"__strndup", "__vasprintf", "__vasprintf_chk", "__vasprintf_internal", "__wcsdup",
	"__zend_calloc", "__zend_malloc", "__zend_realloc", "_ecalloc", "_emalloc", "_erealloc",
	"_erealloc2", "_estrdup", "_estrndup", "_obstack_begin", "_obstack_begin_1",
	"_obstack_newchunk", "_safe_emalloc", "_safe_malloc", "_sdsMakeRoomFor", "_sdsnewlen",
	"aligned_alloc", "alloc_clear", "allocate_from_new_pool", "allocator_add_slab",
	"allocator_alloc", "allocator_memalign", "apr_palloc", "apr_pcalloc", "apr_pmemdup",
	"apr_psprintf", "apr_pstrdup", "apr_pstrndup", "apr_pvsprintf", "asprintf", "av_asprintf",
	"av_calloc", "av_fast_malloc", "av_malloc", "av_malloc_array", "av_mallocz",
	"av_mallocz_array", "av_realloc", "av_realloc_array", "av_strdup", "av_strndup",
	"base_pool_allocator::allocate", "bitmap_element_allocate", "cJSON_malloc", "calloc",
	"dbMallocRawFinish", "dbReallocFinish", "do_xmalloc", "ecalloc", "emalloc", "erealloc",
	"estrdup", "g_aligned_alloc", "g_aligned_alloc0", "g_malloc", "g_malloc0", "g_malloc0_n",
	"g_malloc_n", "g_memdup", "g_memdup2", "g_realloc", "g_realloc_n", "g_slice_alloc",
	"g_slice_alloc0", "g_slice_copy", "g_strconcat", "g_strdup", "g_strdup_printf",
	"g_strdup_vprintf", "g_strdupv", "g_strjoin", "g_strjoinv", "g_strndup", "g_try_malloc",
	"g_try_malloc0", "g_try_malloc0_n", "g_try_malloc_n", "g_try_realloc", "g_try_realloc_n",
	"g_vasprintf", "gc_alloc", "getdelim", "getline", "ggc_alloc_string", "ggc_internal_alloc",
	"ggc_internal_cleared_alloc", "ggc_realloc", "hi_calloc", "hi_malloc", "hi_realloc",
	"hi_strdup", "json_malloc", "jsonp_malloc", "jsonp_strdup", "jsonp_strndup", "l_alloc",
	"lalloc", "lalloc_clear", "llvm::SmallVectorBase::grow_pod",
	"llvm::SmallVectorBase::mallocForGrow", "llvm::allocate_buffer", "llvm::safe_calloc",
	"llvm::safe_malloc", "llvm::safe_realloc", "luaM_growaux_", "luaM_malloc_", "luaM_realloc_",
	"luaM_saferealloc_", "luaM_shrinkvector_", "magazine_cache_pop_magazine", "malloc",
	"mallocWithAlarm", "mem_pool_alloc", "mem_pool_calloc", "mem_pool_strdup", "memalign",
	"memory_block_pool::allocate", "mempool_obstack_newchunk", "new_arena", "ngx_alloc",
	"ngx_calloc", "ngx_create_pool", "ngx_memalign", "ngx_palloc", "ngx_palloc_block",
	"ngx_palloc_large", "ngx_palloc_small", "ngx_pcalloc", "ngx_pnalloc", "node::Calloc",
	"node::Malloc", "node::Realloc", "node::UncheckedCalloc", "node::UncheckedMalloc",
	"node::UncheckedRealloc", "object_allocator::allocate", "objspace_xcalloc",
	"objspace_xmalloc0", "objspace_xrealloc", "obstack_alloc", "palloc", "palloc0",
	"palloc_extended", "pcache1Alloc", "pcache1InitBulk", "pg_malloc", "pg_malloc0",
	"pg_malloc_extended", "pg_realloc", "pg_strdup", "pnstrdup", "posix_memalign", "psprintf",
	"pstrdup", "pvalloc", "pymalloc_alloc", "pymalloc_realloc", "qMallocAligned", "realloc",
	"reallocarray", "repalloc", "ruby_strdup", "ruby_xcalloc", "ruby_xmalloc", "ruby_xmalloc2",
	"ruby_xrealloc", "ruby_xrealloc2", "safe_calloc", "safe_malloc", "safe_realloc",
	"safe_strdup", "sdsMakeRoomFor", "sdsMakeRoomForNonGreedy", "sdsResize", "sdsnewlen",
	"sdstrynewlen", "sh_malloc", "sh_realloc", "sh_xmalloc", "sh_xrealloc",
	"slab_allocator_alloc_chunk", "sqlite3DbMallocRaw", "sqlite3DbMallocRawNN",
	"sqlite3DbMallocZero", "sqlite3DbRealloc", "sqlite3DbReallocOrFree", "sqlite3DbSpanDup",
	"sqlite3DbStrDup", "sqlite3DbStrNDup", "sqlite3MPrintf", "sqlite3Malloc", "sqlite3MallocZero",
	"sqlite3MemMalloc", "sqlite3MemRealloc", "sqlite3PageMalloc", "sqlite3Realloc",
	"sqlite3StrAccumEnlarge", "sqlite3StrAccumFinish", "sqlite3VMPrintf", "sqlite3_malloc",
	"sqlite3_malloc64", "sqlite3_mprintf", "sqlite3_realloc", "sqlite3_realloc64",
	"sqlite3_vmprintf", "str::to_owned", "str::to_string", "strAccumFinishRealloc", "strdup",
	"strndup", "thread_memory_magazine1_alloc", "thread_memory_magazine1_reload", "u8::to_vec",
	"uv__calloc", "uv__malloc", "uv__realloc", "uv__reallocf", "uv__strdup", "uv__strndup",
	"v8::base::Calloc", "v8::base::Malloc", "v8::internal::AlignedAlloc",
	"v8::internal::AlignedAllocWithRetry", "v8::internal::AllocAtLeastWithRetry",
	"v8::internal::AllocWithRetry", "v8::internal::NewArray", "va_gc::reserve",
	"va_gc_atomic::reserve", "va_heap::reserve", "valloc", "vasprintf", "vim_strnsave",
	"vim_strsave", "wcsdup", "x2nrealloc", "x2realloc", "xasprintf", "xcalloc", "xcharalloc",
	"xicalloc", "ximalloc", "ximemdup", "xirealloc", "xizalloc", "xmalloc", "xmallocz", "xmemdup",
	"xmemdup0", "xmemdupz", "xmlMallocLoc", "xmlMemStrdupLoc", "xmlReallocLoc", "xmlStrdup",
	"xmlStrndup", "xnmalloc", "xnrealloc", "xpalloc", "xrealloc", "xreallocarray", "xstrdup",
	"xstrfmt", "xstrndup", "xstrvfmt", "xvasprintf", "xzalloc", "zcalloc", "zcalloc_num",
	"zcalloc_usable", "zend_strndup", "zmalloc", "zmalloc_no_tcache", "zmalloc_usable",
	"zrealloc", "zrealloc_usable", "zstrdup", "ztrycalloc", "ztrycalloc_usable",
	"ztrycalloc_usable_internal", "ztrymalloc", "ztrymalloc_usable", "ztrymalloc_usable_internal",
	"ztryrealloc", "ztryrealloc_usable", "ztryrealloc_usable_internal",
};

/* All of a family: the C++ library's and Rust's own containers and allocators, and what pybind11 and
 * Cython put between Python and an extension's functions.
 * A stack's innermost lines of these are the container working for its user. */
static const char *const families[] = {
	"std::", "__gnu_cxx::", "alloc::", "core::", "hashbrown::", "__rustc::",
	"operator new", "boost::container::", "boost::make_shared", "llvm::BumpPtrAllocatorImpl::",
	"llvm::SmallVectorTemplateBase::", "pybind11::", "__Pyx_", "__pyx_tp_new_",
};
/* clang-format on */

static char **added;
static size_t added_count;
static bool environment_read;

void wrappers_add(const char *globs)
{
	while (*globs) {
		size_t n = strcspn(globs, ",");

		if (n) {
			*ARRAY_APPEND(added, added_count) = alloc_printf("%.*s", (int)n, globs);
		}
		globs += n;
		globs += *globs == ',';
	}
}

static int compare_names(const void *key, const void *entry)
{
	return strcmp(key, *(const char *const *)entry);
}

/* "<u8 as alloc::vec::spec_from_elem::SpecFromElem>::from_elem": what Rust's
 * library does for a type that is its own or the language's. */
static bool is_of_rust_library(const char *function)
{
	const char *as = *function == '<' ? strstr(function, " as alloc::") : NULL;
	const char *path = as ? strstr(function, "::") : NULL;

	return as
		&& (path > as || strncmp(function, "<alloc::", 8) == 0 || strncmp(function, "<core::", 7) == 0
			|| strncmp(function, "<std::", 6) == 0);
}

static bool is_of_family(const char *plain)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (strncmp(plain, families[i], strlen(families[i])) == 0)
			return true;
	return false;
}

bool wrappers_is_library(const char *function)
{
	char plain[512];

	demangle_plain(function, plain, sizeof(plain));
	return strncmp(plain, "operator new", 12) != 0
		&& (is_of_family(plain) || is_of_rust_library(function));
}

bool wrappers_has(const char *function)
{
	char plain[512];
	size_t n = demangle_plain(function, plain, sizeof(plain));

	if (!environment_read) {
		const char *text = getenv("TIDEMARK_WRAPPERS");

		environment_read = true;
		if (text)
			wrappers_add(text);
	}
	if (bsearch(plain, exact, sizeof(exact) / sizeof(*exact), sizeof(*exact), compare_names))
		return true;
	if (is_of_family(plain) || is_of_rust_library(function))
		return true;
	/* A class's own operator new. */
	if (n > 14 && strstr(plain, "::operator new"))
		return true;
	for (size_t i = 0; i < added_count; i++)
		if (fnmatch(added[i], plain, 0) == 0 || fnmatch(added[i], function, 0) == 0)
			return true;
	return false;
}
