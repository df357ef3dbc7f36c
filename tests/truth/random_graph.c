/* Two million blocks that refer to each other at random; a few are held by
 * globals. The program works out by itself, on indices, what is lost and how,
 * and prints it. (Kosaraju's two passes, so that the method differs from the
 * one judged.)
 */
#include "truth.h"

#define N 2000000u
#define HELD 400u

struct node { struct node *out[2]; };
struct node *held[HELD];

static NOINLINE struct node *make_node(void)
{
	struct node *n = calloc(1, sizeof(*n));
	HIDE(n);
	return n;
}

/* Everything below lives in one mapping that is cleared at the end, and holds
 * indices only: nothing that a scan could take for a reference. */
#include <sys/mman.h>
static uint32_t (*target)[2], *order, *stack, *component, *in_start, *in_list;
static unsigned char *reached, *entered, *next_edge;

static uint64_t seed = 88172645463325252u;
static uint64_t random_next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void make_graph(struct node **node)
{
	for (uint32_t i = 0; i < N; i++) {
		uint64_t r = random_next();
		target[i][0] = target[i][1] = N;
		/* Most refer to neighbours, so that there are many components. */
		if (r % 100 < 62)
			target[i][0] = (i + N - 8 + (uint32_t)(r >> 20) % 17) % N;
		if (r % 1000 < 330)
			target[i][1] = (i + N - 40 + (uint32_t)(r >> 40) % 81) % N;
		for (int e = 0; e < 2; e++)
			node[i]->out[e] = target[i][e] < N ? node[target[i][e]] : NULL;
	}
}

static void reach(void)
{
	uint32_t depth = 0;
	for (uint32_t h = 0; h < HELD; h++) {
		uint32_t i = h * (N / HELD);
		if (!reached[i]) {
			reached[i] = 1;
			stack[depth++] = i;
		}
	}
	while (depth) {
		uint32_t i = stack[--depth];
		for (int e = 0; e < 2; e++) {
			uint32_t t = target[i][e];
			if (t < N && !reached[t]) {
				reached[t] = 1;
				stack[depth++] = t;
			}
		}
	}
}

/* First pass: finishing order. Second: components over reversed edges. */
static void components(void)
{
	uint32_t done = 0;
	for (uint32_t s = 0; s < N; s++) {
		if (reached[s] || entered[s])
			continue;
		uint32_t depth = 0;
		stack[depth++] = s;
		entered[s] = 1;
		while (depth) {
			uint32_t i = stack[depth - 1];
			if (next_edge[i] < 2) {
				uint32_t t = target[i][next_edge[i]++];
				if (t < N && !reached[t] && !entered[t]) {
					entered[t] = 1;
					stack[depth++] = t;
				}
			} else {
				order[done++] = i;
				depth--;
			}
		}
	}
	for (uint32_t i = 0; i < N; i++)
		for (int e = 0; e < 2; e++)
			if (!reached[i] && target[i][e] < N)
				in_start[target[i][e] + 1]++;
	for (uint32_t i = 0; i < N; i++)
		in_start[i + 1] += in_start[i];
	memset(stack, 0, N * sizeof(*stack));
	for (uint32_t i = 0; i < N; i++)
		for (int e = 0; e < 2; e++)
			if (!reached[i] && target[i][e] < N) {
				uint32_t t = target[i][e];
				in_list[in_start[t] + stack[t]++] = i;
			}
	for (uint32_t i = 0; i < N; i++)
		component[i] = N;
	for (uint32_t k = done; k-- > 0;) {
		if (component[order[k]] != N)
			continue;
		uint32_t depth = 0, root = order[k];
		stack[depth++] = root;
		component[root] = root;
		while (depth) {
			uint32_t i = stack[--depth];
			for (uint32_t a = in_start[i]; a < in_start[i + 1]; a++)
				if (component[in_list[a]] == N) {
					component[in_list[a]] = root;
					stack[depth++] = in_list[a];
				}
		}
	}
}

static void judge(void)
{
	static uint32_t size[N];
	static unsigned char outside[N];
	uint32_t unreferenced = 0, cycle = 0, indirect = 0, cycles = 0;
	for (uint32_t i = 0; i < N; i++) {
		if (reached[i])
			continue;
		size[component[i]]++;
		for (int e = 0; e < 2; e++)
			if (target[i][e] < N && !reached[target[i][e]] && component[target[i][e]] != component[i])
				outside[component[target[i][e]]] = 1;
	}
	for (uint32_t i = 0; i < N; i++) {
		if (reached[i])
			continue;
		uint32_t c = component[i];
		if (outside[c])
			indirect++;
		else if (size[c] > 1)
			cycle++, cycles += c == i;
		else
			unreferenced++;
	}
	if (unreferenced)
		printf("truth: unreferenced blocks=%u bytes=%u site=make_node\n", unreferenced, unreferenced * 16);
	if (cycle)
		printf("truth: cycle blocks=%u bytes=%u site=make_node\n", cycle, cycle * 16);
	if (indirect)
		printf("truth: indirect blocks=%u bytes=%u site=make_node\n", indirect, indirect * 16);
	printf("root-cycles: %u\n", cycles);
	fflush(stdout);
	memset(size, 0, sizeof(size));
}

static void scenario(void)
{
	size_t words = (size_t)N * 16;
	char *area = mmap(NULL, words * 4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct node **node = (struct node **)area;		/* 2 words each */
	uint32_t *w = (uint32_t *)area + 2 * (size_t)N;
	target = (void *)w; w += 2 * (size_t)N;
	order = w; w += N;
	stack = w; w += N;
	component = w; w += N;
	in_start = w; w += N + 1;
	in_list = w; w += 2 * (size_t)N;
	reached = (unsigned char *)w; entered = reached + N; next_edge = entered + N;
	for (uint32_t i = 0; i < N; i++)
		node[i] = make_node();
	make_graph(node);
	for (uint32_t h = 0; h < HELD; h++)
		held[h] = node[h * (N / HELD)];
	reach();
	components();
	judge();
	munmap(area, words * 4);
}
