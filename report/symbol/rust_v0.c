/* rust_v0.c - Rust's v0 mangling: RFC 2603 with the constants of later
 * compilers. Names are printed as rustc prints them, without crate hashes.
 * Every symbol may be hostile: depth, steps and output are bounded.
 */
#include "rust.h"

#define DEPTH_MAX 300u
#define STEPS_MAX 100000u /* back references can make a short symbol long work */

static void print_path(struct rust *r, bool in_value);
static void print_type(struct rust *r);
static void print_constant(struct rust *r, bool in_value);

static bool enter_level(struct rust *r)
{
	if (r->failed || ++r->depth > DEPTH_MAX || ++r->steps > STEPS_MAX)
		r->failed = true;
	return !r->failed;
}

static void print_identifier(struct rust *r, struct rust_identifier id)
{
	if (id.punycode)
		rust_punycode(r, id);
	else
		rust_put(r, id.s, id.n);
}

/* Continues at an earlier place of the symbol; returns the place to come back to, or 0. */
static size_t follow_back(struct rust *r)
{
	size_t from = r->at - 1, here;
	uint64_t to = rust_base62(r);

	if (r->failed || to >= from) {
		r->failed = true;
		return 0;
	}
	here = r->at;
	r->at = (size_t)to;
	return here;
}

/* A back reference within a part that is not printed need not be followed. */
static bool is_followed(struct rust *r, size_t here)
{
	if (here && r->quiet)
		r->at = here;
	return here && !r->quiet;
}

static void print_lifetime(struct rust *r, uint64_t index)
{
	if (index == 0) {
		rust_text(r, "'_");
		return;
	}
	if (index > r->lifetimes) {
		r->failed = true;
		return;
	}
	uint64_t depth = r->lifetimes - index;
	char c = (char)('a' + depth % 26);

	rust_text(r, "'");
	rust_put(r, &c, 1);
	if (depth >= 26)
		rust_number(r, depth / 26);
}

/* The optional binder "G", as for<'a, 'b>; returns how many lifetimes it binds. */
static unsigned print_binder(struct rust *r)
{
	uint64_t n = rust_optional62(r, 'G');

	if (r->failed || n == 0)
		return 0;
	if (n > 100) {
		r->failed = true;
		return 0;
	}
	rust_text(r, "for<");
	for (uint64_t i = 0; i < n; i++) {
		if (i)
			rust_text(r, ", ");
		r->lifetimes++;
		print_lifetime(r, 1);
	}
	rust_text(r, "> ");
	return (unsigned)n;
}

static void print_generic_arguments(struct rust *r)
{
	for (bool first = true; !r->failed && !rust_eat(r, 'E'); first = false) {
		if (!first)
			rust_text(r, ", ");
		if (rust_eat(r, 'L'))
			print_lifetime(r, rust_base62(r));
		else if (rust_eat(r, 'K'))
			print_constant(r, false);
		else
			print_type(r);
	}
}

static void print_nested(struct rust *r, bool in_value)
{
	char space = rust_next(r);
	struct rust_identifier id;
	uint64_t number;

	print_path(r, in_value);
	number = rust_optional62(r, 's');
	id = rust_name(r);
	if (space >= 'A' && space <= 'Z') {
		rust_text(r, "::{");
		if (space == 'C')
			rust_text(r, "closure");
		else if (space == 'S')
			rust_text(r, "shim");
		else
			rust_put(r, &space, 1);
		if (id.n) {
			rust_text(r, ":");
			print_identifier(r, id);
		}
		rust_text(r, "#");
		rust_number(r, number);
		rust_text(r, "}");
	} else if (space >= 'a' && space <= 'z') {
		if (id.n) {
			rust_text(r, "::");
			print_identifier(r, id);
		}
	} else {
		r->failed = true;
	}
}

static void print_path(struct rust *r, bool in_value)
{
	size_t here;

	if (!enter_level(r))
		return;
	switch (rust_next(r)) {
	case 'C':
		rust_optional62(r, 's');
		print_identifier(r, rust_name(r));
		break;
	case 'M':
	case 'X':
		here = r->at - 1;
		rust_optional62(r, 's');
		r->quiet++;
		print_path(r, false);
		r->quiet--;
		rust_text(r, "<");
		print_type(r);
		if (r->s[here] == 'X') {
			rust_text(r, " as ");
			print_path(r, false);
		}
		rust_text(r, ">");
		break;
	case 'Y':
		rust_text(r, "<");
		print_type(r);
		rust_text(r, " as ");
		print_path(r, false);
		rust_text(r, ">");
		break;
	case 'N': print_nested(r, in_value); break;
	case 'I':
		print_path(r, in_value);
		rust_text(r, in_value ? "::<" : "<");
		print_generic_arguments(r);
		rust_text(r, ">");
		break;
	case 'B':
		here = follow_back(r);
		if (is_followed(r, here)) {
			print_path(r, in_value);
			r->at = here;
		}
		break;
	default: r->failed = true;
	}
	r->depth--;
}

static const char *name_basic_type(char c)
{
	static const char *const names[26] = {
		"i8",
		"bool",
		"char",
		"f64",
		"str",
		"f32",
		NULL,
		"u8",
		"isize",
		"usize",
		NULL,
		"i32",
		"u32",
		"i128",
		"u128",
		"_",
		NULL,
		NULL,
		"i16",
		"u16",
		"()",
		"...",
		NULL,
		"i64",
		"u64",
		"!",
	};

	return c >= 'a' && c <= 'z' ? names[c - 'a'] : NULL;
}

static void print_function_type(struct rust *r)
{
	unsigned bound = print_binder(r);

	if (rust_eat(r, 'U'))
		rust_text(r, "unsafe ");
	if (rust_eat(r, 'K')) {
		rust_text(r, "extern \"");
		if (rust_eat(r, 'C')) {
			rust_text(r, "C");
		} else {
			struct rust_identifier abi = rust_name(r);

			for (size_t i = 0; i < abi.n; i++)
				rust_put(r, abi.s[i] == '_' ? "-" : abi.s + i, 1);
		}
		rust_text(r, "\" ");
	}
	rust_text(r, "fn(");
	for (bool first = true; !r->failed && !rust_eat(r, 'E'); first = false) {
		if (!first)
			rust_text(r, ", ");
		print_type(r);
	}
	rust_text(r, ")");
	if (!rust_eat(r, 'u')) {
		rust_text(r, " -> ");
		print_type(r);
	}
	r->lifetimes -= bound;
}

/* A trait of dyn. True when its generic list is still open, for associated types. */
static bool print_open_path(struct rust *r)
{
	bool open = false;

	if (!enter_level(r))
		return false;
	if (rust_eat(r, 'B')) {
		size_t here = follow_back(r);

		if (is_followed(r, here)) {
			open = print_open_path(r);
			r->at = here;
		}
	} else if (rust_eat(r, 'I')) {
		print_path(r, false);
		rust_text(r, "<");
		print_generic_arguments(r);
		open = true;
	} else {
		print_path(r, false);
	}
	r->depth--;
	return open;
}

static void print_dyn_type(struct rust *r)
{
	unsigned bound;
	uint64_t l;

	rust_text(r, "dyn ");
	bound = print_binder(r);
	for (bool first = true; !r->failed && !rust_eat(r, 'E'); first = false) {
		bool open;

		if (!first)
			rust_text(r, " + ");
		open = print_open_path(r);
		while (rust_eat(r, 'p')) {
			rust_text(r, open ? ", " : "<");
			open = true;
			print_identifier(r, rust_name(r));
			rust_text(r, " = ");
			print_type(r);
		}
		if (open)
			rust_text(r, ">");
	}
	r->lifetimes -= bound;
	if (!rust_eat(r, 'L')) {
		r->failed = true;
		return;
	}
	l = rust_base62(r);
	if (l) {
		rust_text(r, " + ");
		print_lifetime(r, l);
	}
}

static void print_type(struct rust *r)
{
	char c;
	size_t here, n;
	uint64_t l;

	if (!enter_level(r))
		return;
	c = rust_next(r);
	if (name_basic_type(c)) {
		rust_text(r, name_basic_type(c));
		r->depth--;
		return;
	}
	switch (c) {
	case 'A':
	case 'S':
		rust_text(r, "[");
		print_type(r);
		if (c == 'A') {
			rust_text(r, "; ");
			print_constant(r, true);
		}
		rust_text(r, "]");
		break;
	case 'T':
		rust_text(r, "(");
		for (n = 0; !r->failed && !rust_eat(r, 'E'); n++) {
			if (n)
				rust_text(r, ", ");
			print_type(r);
		}
		rust_text(r, n == 1 ? ",)" : ")");
		break;
	case 'R':
	case 'Q':
		rust_text(r, "&");
		if (rust_eat(r, 'L') && (l = rust_base62(r)) != 0) {
			print_lifetime(r, l);
			rust_text(r, " ");
		}
		rust_text(r, c == 'Q' ? "mut " : "");
		print_type(r);
		break;
	case 'P':
	case 'O':
		rust_text(r, c == 'P' ? "*const " : "*mut ");
		print_type(r);
		break;
	case 'F': print_function_type(r); break;
	case 'D': print_dyn_type(r); break;
	case 'B':
		here = follow_back(r);
		if (is_followed(r, here)) {
			print_type(r);
			r->at = here;
		}
		break;
	default: r->at--; print_path(r, false);
	}
	r->depth--;
}

/* {hex} "_": the digits; a value above 64 bits is printed in hexadecimal. */
static struct rust_identifier read_hex_digits(struct rust *r)
{
	struct rust_identifier id = { r->s + r->at, 0, false };

	while (!r->failed) {
		char c = rust_next(r);

		if (c == '_')
			break;
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			r->failed = true;
		id.n++;
	}
	return id;
}

static bool read_hex(struct rust_identifier id, uint64_t *v)
{
	*v = 0;
	while (id.n && *id.s == '0')
		id.s++, id.n--;
	if (id.n > 16)
		return false;
	for (size_t i = 0; i < id.n; i++)
		*v = *v << 4 | (uint64_t)(id.s[i] <= '9' ? id.s[i] - '0' : id.s[i] - 'a' + 10);
	return true;
}

static void print_integer(struct rust *r)
{
	struct rust_identifier id = read_hex_digits(r);
	uint64_t v;

	if (read_hex(id, &v)) {
		rust_number(r, v);
	} else {
		rust_text(r, "0x");
		rust_put(r, id.s, id.n);
	}
}

static void print_quoted(struct rust *r, uint32_t c, char quote)
{
	if (c == (unsigned char)quote || c == '\\')
		rust_text(r, "\\");
	if (c == '\n')
		rust_text(r, "\\n");
	else if (c == '\t')
		rust_text(r, "\\t");
	else if (c == '\r')
		rust_text(r, "\\r");
	else if (c < 32 || c == 127)
		rust_text(r, "\\u{"), rust_number(r, c), rust_text(r, "}");
	else
		rust_rune(r, c);
}

static void print_string(struct rust *r)
{
	struct rust_identifier id = read_hex_digits(r);

	rust_text(r, "\"");
	if (id.n % 2)
		r->failed = true;
	for (size_t i = 0; !r->failed && i + 1 < id.n; i += 2) {
		uint64_t v;

		read_hex((struct rust_identifier){ id.s + i, 2, false }, &v);
		if (v < 128) {
			print_quoted(r, (uint32_t)v, '"');
		} else { /* UTF-8 goes through byte by byte */
			char b = (char)v;

			rust_put(r, &b, 1);
		}
	}
	rust_text(r, "\"");
}

static void print_constant_list(struct rust *r, const char *open, const char *close, bool tuple)
{
	size_t n;

	rust_text(r, open);
	for (n = 0; !r->failed && !rust_eat(r, 'E'); n++) {
		if (n)
			rust_text(r, ", ");
		print_constant(r, true);
	}
	rust_text(r, tuple && n == 1 ? "," : "");
	rust_text(r, close);
}

static void print_structure(struct rust *r)
{
	char c = rust_next(r);

	print_path(r, true);
	if (c == 'T') {
		print_constant_list(r, "(", ")", false);
	} else if (c == 'S') {
		rust_text(r, " { ");
		for (bool first = true; !r->failed && !rust_eat(r, 'E'); first = false) {
			if (!first)
				rust_text(r, ", ");
			rust_optional62(r, 's');
			print_identifier(r, rust_name(r));
			rust_text(r, ": ");
			print_constant(r, true);
		}
		rust_text(r, " }");
	} else if (c != 'U') {
		r->failed = true;
	}
}

static void print_constant(struct rust *r, bool in_value)
{
	size_t here;
	uint64_t v;
	char c;

	if (!enter_level(r))
		return;
	c = rust_next(r);
	switch (c) {
	case 'p': rust_text(r, "_"); break;
	case 'h':
	case 't':
	case 'm':
	case 'y':
	case 'o':
	case 'j': print_integer(r); break;
	case 'a':
	case 's':
	case 'l':
	case 'x':
	case 'n':
	case 'i':
		if (rust_eat(r, 'n'))
			rust_text(r, "-");
		print_integer(r);
		break;
	case 'b':
		if (!read_hex(read_hex_digits(r), &v) || v > 1)
			r->failed = true;
		else
			rust_text(r, v ? "true" : "false");
		break;
	case 'c':
		if (!read_hex(read_hex_digits(r), &v) || v > 0x10ffff) {
			r->failed = true;
			break;
		}
		rust_text(r, "'");
		print_quoted(r, (uint32_t)v, '\'');
		rust_text(r, "'");
		break;
	case 'B':
		here = follow_back(r);
		if (is_followed(r, here)) {
			print_constant(r, in_value);
			r->at = here;
		}
		break;
	case 'e':
	case 'R':
	case 'Q':
	case 'A':
	case 'T':
	case 'V':
		if (!in_value)
			rust_text(r, "{");
		if (c == 'e') {
			rust_text(r, "*");
			print_string(r);
		} else if (c == 'R' && rust_eat(r, 'e')) {
			print_string(r);
		} else if (c == 'R' || c == 'Q') {
			rust_text(r, c == 'R' ? "&" : "&mut ");
			print_constant(r, true);
		} else if (c == 'A') {
			print_constant_list(r, "[", "]", false);
		} else if (c == 'T') {
			print_constant_list(r, "(", ")", true);
		} else {
			print_structure(r);
		}
		if (!in_value)
			rust_text(r, "}");
		break;
	default: r->failed = true;
	}
	r->depth--;
}

void rust_v0(struct rust *r)
{
	/* Places of back references count from after "_R". */
	r->s += 2;
	r->end -= 2;
	r->at = 0;
	if (rust_peek(r) >= '0' && rust_peek(r) <= '9') { /* a future version */
		r->failed = true;
		return;
	}
	print_path(r, true);
	if (!r->failed && r->at < r->end && rust_peek(r) != '.' && rust_peek(r) != '$') {
		r->quiet++; /* the crate that instantiated it */
		print_path(r, false);
		r->quiet--;
	}
	if (r->at < r->end && rust_peek(r) != '.' && rust_peek(r) != '$')
		r->failed = true;
}
