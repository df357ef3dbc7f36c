/* json.c - a JSON reader that makes a tree, as programs do: one block per node,
 * one per string, arrays that grow by realloc; then frees it all.
 *
 *   json ROUNDS NODES      (default 24 100000)
 *
 * The text is made first, with nesting up to 14, so that stacks are deep and
 * their upper parts are shared.
 */
#include "timing.h"

#include <string.h>

enum kind { NUL, BOOLEAN, NUMBER, STRING, ARRAY, OBJECT };

struct value {
	enum kind kind;
	double number;
	char *string;
	struct value **item;
	char **key;
	size_t items, room;
};

struct text { char *data; size_t length, room; };

static uint64_t seed = 88172645463325252u;
static long nodes_left;

static void put(struct text *t, const char *s)
{
	size_t n = strlen(s);
	if (t->length + n + 1 > t->room) {
		t->room = (t->length + n + 1) * 2;
		t->data = realloc(t->data, t->room);
	}
	memcpy(t->data + t->length, s, n + 1);
	t->length += n;
}

static void make(struct text *t, int depth)
{
	char buffer[64];
	uint64_t r = timing_random(&seed);
	nodes_left--;
	if (depth < 14 && nodes_left > 0 && (depth < 5 || r % 8 < 3)) {
		int n = 1 + (int)(r >> 8) % 6, object = (r >> 20) & 1;
		put(t, object ? "{" : "[");
		for (int i = 0; i < n; i++) {
			if (i)
				put(t, ", ");
			if (object) {
				snprintf(buffer, sizeof(buffer), "\"key_%d_%d\": ", depth, i);
				put(t, buffer);
			}
			make(t, depth + 1);
		}
		put(t, object ? "}" : "]");
		return;
	}
	switch (r >> 32 & 3) {
	case 0: snprintf(buffer, sizeof(buffer), "%.6g", (double)(r & 0xffffff) / 7); break;
	case 1: snprintf(buffer, sizeof(buffer), "\"text number %u\"", (unsigned)(r & 0xffff)); break;
	case 2: snprintf(buffer, sizeof(buffer), "%s", r & 1 ? "true" : "false"); break;
	default: snprintf(buffer, sizeof(buffer), "null");
	}
	put(t, buffer);
}

static struct value *parse_value(const char **p);

static struct value *value_new(enum kind kind)
{
	struct value *v = calloc(1, sizeof(*v));
	v->kind = kind;
	return v;
}

static void skip(const char **p)
{
	while (**p == ' ' || **p == '\n')
		(*p)++;
}

static char *parse_string(const char **p)
{
	const char *start = ++*p;
	while (**p && **p != '"')
		(*p)++;
	char *s = malloc((size_t)(*p - start) + 1);
	memcpy(s, start, (size_t)(*p - start));
	s[*p - start] = 0;
	if (**p)
		(*p)++;
	return s;
}

static void add(struct value *v, char *key, struct value *item)
{
	if (v->items == v->room) {
		v->room = v->room ? v->room * 2 : 2;
		v->item = realloc(v->item, v->room * sizeof(*v->item));
		if (v->kind == OBJECT)
			v->key = realloc(v->key, v->room * sizeof(*v->key));
	}
	if (v->kind == OBJECT)
		v->key[v->items] = key;
	v->item[v->items++] = item;
}

static struct value *parse_array(const char **p)
{
	struct value *v = value_new(ARRAY);
	(*p)++;
	for (skip(p); **p && **p != ']'; skip(p)) {
		if (**p == ',') {
			(*p)++;
			continue;
		}
		add(v, NULL, parse_value(p));
	}
	(*p)++;
	return v;
}

static struct value *parse_object(const char **p)
{
	struct value *v = value_new(OBJECT);
	(*p)++;
	for (skip(p); **p && **p != '}'; skip(p)) {
		if (**p == ',' || **p == ':') {
			(*p)++;
			continue;
		}
		char *key = parse_string(p);
		skip(p);
		(*p)++;
		add(v, key, parse_value(p));
	}
	(*p)++;
	return v;
}

static struct value *parse_scalar(const char **p)
{
	struct value *v = value_new(**p == 'n' ? NUL : **p == 't' || **p == 'f' ? BOOLEAN : NUMBER);
	if (v->kind == NUMBER) {
		char *end;
		v->number = strtod(*p, &end);
		*p = end == *p ? end + 1 : end;
	} else {
		v->number = **p == 't';
		while (**p >= 'a' && **p <= 'z')
			(*p)++;
	}
	return v;
}

static struct value *parse_value(const char **p)
{
	skip(p);
	struct value *v;
	switch (**p) {
	case '{': v = parse_object(p); break;
	case '[': v = parse_array(p); break;
	case '"':
		v = value_new(STRING);
		v->string = parse_string(p);
		break;
	default: v = parse_scalar(p);
	}
	return v;
}

static double sum_and_free(struct value *v)
{
	double sum = v->number + (v->string ? (double)strlen(v->string) : 0);
	for (size_t i = 0; i < v->items; i++) {
		sum += sum_and_free(v->item[i]);
		if (v->key)
			free(v->key[i]);
	}
	free(v->key);
	free(v->item);
	free(v->string);
	free(v);
	return sum;
}

int main(int argc, char **argv)
{
	long rounds = timing_argument(argc, argv, 1, 24);
	long nodes = timing_argument(argc, argv, 2, 100000);
	struct text text = { 0 };
	nodes_left = nodes;
	put(&text, "[");
	while (nodes_left > 0) {
		make(&text, 1);
		if (nodes_left > 0)
			put(&text, ",\n");
	}
	put(&text, "]");
	uint64_t start = timing_now();
	double sum = 0;
	for (long i = 0; i < rounds; i++) {
		const char *p = text.data;
		sum += sum_and_free(parse_value(&p));
	}
	timing_print("json", timing_now() - start, (uint64_t)rounds * (uint64_t)nodes);
	fprintf(stderr, "sum %.3f of %zu bytes\n", sum, text.length);
	free(text.data);
	return 0;
}
