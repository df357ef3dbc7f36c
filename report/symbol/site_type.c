/* site_type.c - see site_type.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/intern.h"
#include "base/ordinary.h"
#include "name.h"
#include "site_type.h"

#define LINE_MOST 1000u /* bytes of a line of source that is looked at */
#define LVALUE_MOST 128u
#define SOURCES_MOST (64u << 20) /* bytes of all files of source */

/* The first of the arguments that begin at `open`, after the '<'. NULL: the list does not end. */
static char *find_first_argument(const char *open)
{
	int depth = 0;

	for (const char *at = open; *at; at++) {
		if (*at == '<' || *at == '(' || *at == '[')
			depth++;
		else if (depth && (*at == '>' || *at == ')' || *at == ']'))
			depth--;
		else if (!depth && (*at == '>' || *at == ',')) {
			while (at > open && at[-1] == ' ')
				at--;
			return at > open ? alloc_printf("%.*s", (int)(at - open), open) : NULL;
		}
	}
	return NULL;
}

/* The same; of an array its elements. */
static char *find_element(const char *open)
{
	char *type = find_first_argument(open);
	size_t length = type ? strlen(type) : 0;

	if (length > 3 && !strcmp(type + length - 3, " []"))
		type[length - 3] = 0;
	return type;
}

/* Where the argument list that begins at `open` ends, after its '>'. NULL: it does not end. */
static const char *skip_arguments(const char *open)
{
	int depth = 1;

	for (const char *at = open; *at; at++) {
		depth += *at == '<';
		depth -= *at == '>' && at[-1] != '-';
		if (!depth)
			return at + 1;
	}
	return NULL;
}

/* A function of C++ may be shown with its return type in front. */
static const char *find_start(const char *function, const char *name)
{
	const char *at = strstr(function, name);

	return at && (at == function || at[-1] == ' ' || at[-1] == '<') ? at : NULL;
}

/* The first argument of the template `class` of libc++, whose member the function begins with: "allocator<". NULL: it
 * is another function. */
static const char *find_llvm(const char *function, const char *class, const char *member)
{
	size_t length = strlen(class);

	for (const char *at = function; (at = find_start(at, "std::")); at++) {
		const char *name = name_behind_std(at), *end;

		if (name == at + strlen("std::") || strncmp(name, class, length) != 0
			|| !(end = skip_arguments(name + length))
			|| strncmp(end, member, strlen(member)) != 0)
			continue;
		end += strlen(member);
		/* The tags of its ABI: "allocate[abi:v15007](unsigned long)". */
		if (member[2] == 0 || *end == '(' || *end == '[' || *end == ' ')
			return name + length;
	}
	return NULL;
}

/* Functions of C whose result is a text, whichever library they belong to: "g_strdup", "xstrndup". */
static const char *find_text_type(const char *function)
{
	static const struct {
		const char *end, *type;
	} made[] = { { "strdup", "char" }, { "strndup", "char" }, { "strdup_printf", "char" },
		{ "strdup_vprintf", "char" }, { "asprintf", "char" }, { "psprintf", "char" },
		{ "wcsdup", "wchar_t" } };
	size_t length = strcspn(function, "(<:");

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]) && !function[length]; i++) {
		size_t end = strlen(made[i].end);

		if (length >= end && !strcmp(function + length - end, made[i].end))
			return made[i].type;
	}
	return NULL;
}

char *site_type_of_function(const char *function)
{
	/* Class templates whose first argument is what `member` allocates. */
	static const struct {
		const char *class, *member;
	} made[] = {
		{ "std::__new_allocator<", "::allocate(" },
		{ "__gnu_cxx::new_allocator<", "::allocate(" },
		{ "std::__detail::_MakeUniq<", "::__single_object" },
		{ "std::__detail::_MakeUniq<", "::__array" },
		{ "std::_MakeUniq<", "::__single_object" },
		{ "alloc::boxed::Box<", "::new" },
		{ "alloc::rc::Rc<", "::new" },
		{ "alloc::sync::Arc<", "::new" },
		{ "alloc::raw_vec::RawVec<", "::" },
	};
	/* Those of libc++, where the result of std::make_unique is a member of a template. */
	static const struct {
		const char *class, *member;
	} made_llvm[] = {
		{ "allocator<", "::allocate" },
		{ "__unique_if<", "::__unique_single" },
		{ "__unique_if<", "::__unique_array_unknown_bound" },
	};
	const char *at, *end;
	char *type;

	for (size_t i = 0; i < sizeof(made_llvm) / sizeof(made_llvm[0]); i++)
		if ((at = find_llvm(function, made_llvm[i].class, made_llvm[i].member)))
			return find_element(at);
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		size_t length = strlen(made[i].class);

		if (!(at = find_start(function, made[i].class)) || !(end = skip_arguments(at + length)))
			continue;
		end += *end == '>'; /* <alloc::boxed::Box<T>>::new */
		if (strncmp(end, made[i].member, strlen(made[i].member)) != 0)
			continue;
		type = find_element(at + length);
		/* A type parameter that the compiler has not replaced. */
		if (type && isupper((unsigned char)type[0]) && !type[1]) {
			free(type);
			continue;
		}
		return type;
	}
	/* shared_ptr's block of counts for a pointer passed to it. */
	if (find_start(function, "std::__shared_count<") && (at = strstr(function, ">::__shared_count<"))) {
		type = find_first_argument(at + strlen(">::__shared_count<"));
		if (type && *type && type[strlen(type) - 1] == '*') {
			char *block = alloc_printf("std::_Sp_counted_ptr<%s>", type);

			free(type);
			return block;
		}
		free(type);
	}
	if (find_start(function, "std::__cxx11::basic_string<char,") && strstr(function, "::_M_"))
		return alloc_string("char");
	return find_text_type(function) ? alloc_string(find_text_type(function)) : NULL;
}

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* `word` as a whole in `text`; NULL: not there. */
static const char *find_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += length)
		if ((at == text || !is_word(at[-1])) && !is_word(at[length]))
			return at;
	return NULL;
}

static const char *skip_blanks(const char *at) { return at + strspn(at, " \t"); }

/* Names of C functions and macros that allocate what they are given the size or the type of. */
static const char *const by_size[] = { "malloc", "calloc", "realloc", "reallocarray", "aligned_alloc",
	"g_malloc", "g_malloc0", "xmalloc", "xcalloc", "zmalloc", "zcalloc", "kmalloc", "operator new" };
static const char *const by_type[] = { "g_new", "g_new0", "g_slice_new", "g_slice_new0", "g_try_new" };

/* A type in C: "struct node", or a name that reads like one. *end is after it. */
static char *read_c_type(const char *at, const char **end)
{
	bool named = false;
	size_t length;

	at = skip_blanks(at);
	if (!strncmp(at, "struct ", 7) || !strncmp(at, "union ", 6)) {
		at = skip_blanks(strchr(at, ' '));
		named = true;
	}
	for (length = 0; is_word(at[length]); length++)
		;
	*end = skip_blanks(at + length);
	if (!length || isdigit((unsigned char)*at))
		return NULL;
	if (!named && !isupper((unsigned char)*at) && (length < 3 || strncmp(at + length - 2, "_t", 2) != 0))
		return NULL;
	return alloc_printf("%.*s", (int)length, at);
}

/* new T(...), new T[n], new ns::T{...}; NULL for placement, and where template arguments follow. */
static char *read_new(const char *at)
{
	size_t length = 0;
	char after;

	at = skip_blanks(at);
	while (is_word(at[length]) || (at[length] == ':' && length))
		length++;
	after = *skip_blanks(at + length);
	if (!length || !isalpha((unsigned char)*at) || !strchr("([{;,)", after))
		return NULL;
	return alloc_printf("%.*s", (int)length, at);
}

static size_t count_words(const char *text, const char *const *word, size_t words, const char **found)
{
	size_t count = 0;

	for (size_t i = 0; i < words; i++)
		for (const char *at = text; (at = find_word(at, word[i])); at++) {
			*found = at + strlen(word[i]);
			count++;
		}
	return count;
}

static char *of_size(const char *call)
{
	const char *at = find_word(call, "sizeof"), *end;
	char *type;

	if (!at || find_word(at + 1, "sizeof"))
		return NULL;
	at = skip_blanks(at + strlen("sizeof"));
	if (*at++ != '(' || !(type = read_c_type(at, &end)))
		return NULL;
	if (*end == ')')
		return type;
	free(type);
	return NULL;
}

/* The type of each `new` on the line, if it is the same one; NULL. */
static char *read_news(const char *text)
{
	char *type = NULL;

	for (const char *at = text; (at = find_word(at, "new")); at++) {
		char *other = read_new(at + 3);

		if (!other || (type && strcmp(type, other) != 0)) {
			free(type);
			free(other);
			return NULL;
		}
		free(type);
		type = other;
	}
	return type;
}

char *site_type_of_line(const char *text, bool in_namespace)
{
	const char *call = NULL, *of_type = NULL, *end;
	size_t sizes, types;
	char *type;

	sizes = count_words(text, by_size, sizeof(by_size) / sizeof(by_size[0]), &call);
	types = count_words(text, by_type, sizeof(by_type) / sizeof(by_type[0]), &of_type);
	if (sizes + types + (find_word(text, "new") != NULL) != 1)
		return NULL;
	if (sizes)
		return of_size(call);
	if (types) {
		of_type = skip_blanks(of_type);
		type = *of_type == '(' ? read_c_type(of_type + 1, &end) : NULL;
		if (type && *end != ',' && *end != ')') {
			free(type);
			return NULL;
		}
		return type;
	}
	return in_namespace ? NULL : read_news(text);
}

/* A name of a pointer as `at` begins with it, without blanks, into `text`: "n", "list->items". Behind it; NULL. */
static const char *read_lvalue(const char *at, char text[LVALUE_MOST])
{
	size_t length = 0;

	for (;;) {
		at = skip_blanks(at);
		if (!is_word(*at) || isdigit((unsigned char)*at))
			return NULL;
		for (; is_word(*at) && length < LVALUE_MOST - 3; at++)
			text[length++] = *at;
		text[length] = 0;
		at = skip_blanks(at);
		if (length >= LVALUE_MOST - 3)
			return NULL;
		if (at[0] == '-' && at[1] == '>') {
			text[length++] = *at++;
			text[length++] = *at++;
		} else if (*at == '.') {
			text[length++] = *at++;
		} else {
			return at;
		}
	}
}

/* The pointer of "sizeof *p", "sizeof(*p)", "sizeof(p[0])", "sizeof p[0]". */
static bool read_sizeof(const char *at, char text[LVALUE_MOST])
{
	bool bracket, star;

	at = skip_blanks(at);
	bracket = *at == '(';
	at = skip_blanks(at + bracket);
	star = *at == '*';
	at = read_lvalue(at + star, text);
	if (!at)
		return false;
	if (!star && strncmp(at, "[0]", 3) != 0)
		return false;
	at = skip_blanks(at + (star ? 0 : 3));
	/* "sizeof(*p) * n", "sizeof *p * n"; never "sizeof(*p + 1)", "sizeof *p->q[3]". */
	return bracket ? *at == ')' : *at && strchr(");,*+", *at);
}

/* What is assigned to, before the call of an allocator at `call`. */
static bool read_assigned(const char *line, const char *call, char text[LVALUE_MOST])
{
	const char *equals = NULL, *start, *end;
	char *left;
	bool ok;

	for (const char *at = line; at < call; at++) {
		if (*at == '=' && (at == line || !strchr("=!<>+-*/|&^", at[-1])) && at[1] != '=')
			equals = at;
		if (*at == ';' || *at == '{' || *at == '}' || *at == '?' || *at == '"')
			equals = NULL;
	}
	if (!equals)
		return false;
	/* Between them there is nothing but a cast. */
	start = skip_blanks(equals + 1);
	if (*start == '(' && (end = strchr(start, ')')) && end < call)
		start = skip_blanks(end + 1);
	if (start != call)
		return false;
	end = equals;
	while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	start = end;
	while (start > line
		&& (is_word(start[-1]) || start[-1] == '.' || start[-1] == '>'
			|| (start[-1] == '-' && *start == '>')))
		start--;
	/* "struct node *n = ..." declares n; "*n = ..." is another thing. */
	if (start > line && start[-1] == '*') {
		const char *before = start;

		while (before > line && (before[-1] == '*' || before[-1] == ' ' || before[-1] == '\t'))
			before--;
		if (before == line || !is_word(before[-1]))
			return false;
	}
	left = alloc_printf("%.*s", (int)(end - start), start);
	ok = *left && (end = read_lvalue(left, text)) && !*end;
	free(left);
	return ok;
}

char *site_type_target_of_line(const char *line)
{
	char assigned[LVALUE_MOST], measured[LVALUE_MOST];
	const char *call = NULL, *unused, *start = NULL, *size;
	size_t calls = count_words(line, by_size, sizeof(by_size) / sizeof(by_size[0]), &call);

	if (calls != 1 || count_words(line, by_type, sizeof(by_type) / sizeof(by_type[0]), &unused)
		|| find_word(line, "new"))
		return NULL;
	for (start = call; start > line && is_word(start[-1]); start--)
		;
	size = find_word(call, "sizeof");
	if (!size || find_word(size + 1, "sizeof") || !read_sizeof(size + strlen("sizeof"), measured)
		|| !read_assigned(line, start, assigned) || strcmp(assigned, measured) != 0)
		return NULL;
	return alloc_string(assigned);
}

char *site_type_new_of_line(const char *line)
{
	const char *fresh = find_word(line, "new"), *unused, *after;

	if (!fresh || find_word(fresh + 3, "new")
		|| count_words(line, by_size, sizeof(by_size) / sizeof(by_size[0]), &unused))
		return NULL;
	for (after = skip_blanks(fresh + 3); is_word(*after) || *after == ':'; after++)
		;
	return *skip_blanks(after) == '[' ? NULL : read_new(fresh + 3);
}

struct source {
	char *text; /* NULL: not to be used */
	size_t bytes;
};

struct site_types {
	struct symbols *symbols;
	struct intern files;
	struct source *source; /* as many as there are files */
	size_t room, bytes;
};

struct site_types *site_types_new(struct symbols *symbols)
{
	struct site_types *t = alloc_zeroed(1, sizeof(*t));

	t->symbols = symbols;
	return t;
}

void site_types_free(struct site_types *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->files.count; i++)
		free(t->source[i].text);
	free(t->source);
	intern_free(&t->files);
	free(t);
}

/* A regular file that has not changed since the program was built. */
static struct source read_source(const char *file, const char *module, size_t most)
{
	struct stat source, program;
	struct source s = { NULL, 0 };
	int fd = ordinary_open(file);
	ssize_t got;

	if (fd < 0)
		return s;
	if (!fstat(fd, &source) && (uint64_t)source.st_size <= most && !stat(module, &program)
		&& source.st_mtime <= program.st_mtime) {
		s.text = alloc_bytes((size_t)source.st_size + 1);
		got = read(fd, s.text, (size_t)source.st_size);
		s.bytes = got > 0 ? (size_t)got : 0;
		s.text[s.bytes] = 0;
	}
	close(fd);
	return s;
}

static const struct source *find_source(struct site_types *t, const char *file, const char *module)
{
	size_t known = t->files.count;
	uint32_t at = intern_text(&t->files, file);

	if (at == known) {
		ARRAY_RESERVE(t->source, t->room, (uint64_t)known + 1);
		t->source[at] = read_source(file, module, SOURCES_MOST - t->bytes);
		t->bytes += t->source[at].bytes;
	}
	return &t->source[at];
}

/* A line without its comment, to be freed. NULL: it is missing, too long, or contains string literals. */
static char *copy_line(const struct source *s, unsigned number)
{
	const char *at = s->text;
	size_t length;
	char *copy, *comment;

	for (unsigned n = 1; n < number && at; n++)
		at = (at = strchr(at, '\n')) ? at + 1 : NULL;
	if (!at || (length = strcspn(at, "\n")) > LINE_MOST || memchr(at, '"', length))
		return NULL;
	copy = alloc_printf("%.*s", (int)length, at);
	if ((comment = strstr(copy, "//")))
		*comment = 0;
	if ((comment = strstr(copy, "/*")))
		*comment = 0;
	return copy;
}

static char *find_line(struct site_types *t, const struct symbol_line *line)
{
	const struct source *source;

	if (!line->file || !line->line || !line->module)
		return NULL;
	source = find_source(t, line->file, line->module);
	return source->text ? copy_line(source, line->line) : NULL;
}

/* Texts of libc++ are allocated in the library itself, by members of std::string: the function that called `new`. */
static char *find_text(const char *function)
{
	const char *at = strncmp(function, "std::", 5) ? NULL : find_llvm(function, "basic_string<", "::");

	return at ? find_element(at) : NULL;
}

char *site_types_find(struct site_types *t, uint32_t site, enum site_evidence *evidence, char **text)
{
	size_t count, caller = symbols_allocated(t->symbols, site);
	const struct symbol_line *line = symbols_stack(t->symbols, site, &count);
	bool hidden = false, only_new = true;
	char *type;

	*evidence = SITE_EVIDENCE_NONE;
	*text = NULL;
	for (size_t i = 0; i < caller && i < count; i++) {
		type = line[i].has_symbol ? site_type_of_function(line[i].function) : NULL;
		if (!type && only_new && i && line[i].has_symbol)
			type = find_text(line[i].function);
		only_new &= !strncmp(line[i].function, "operator new", 12);
		if (type) {
			*evidence = SITE_EVIDENCE_ALLOCATOR;
			return type;
		}
		/* A container allocates something other than what the line that uses it names. */
		hidden |= strstr(line[i].function, "::") && !strstr(line[i].function, "operator new");
	}
	if (hidden || caller >= count || !(*text = find_line(t, &line[caller])))
		return NULL;
	type = site_type_of_line(*text, strstr(line[caller].function, "::") != NULL);
	if (type)
		*evidence = SITE_EVIDENCE_LINE;
	return type;
}
