/* sites.c - prints the source of a program with many functions that allocates
 * on as many distinct stacks as asked: what readers of snapshots are measured
 * with. Each call has a line of its own, half of them inside an inlined function.
 *
 *   sites FUNCTIONS > many.c                (default 2000)
 *   many SITES BLOCKS KEPT                  (default 100000 1000000 all)
 *
 * Block i is made on stack i % SITES. All are linked into lists that hang on a
 * global, but every 64th list is lost. KEPT is how many stay: two snapshots of
 * which one keeps fewer make a diff.
 */
#include <stdio.h>
#include <stdlib.h>

#define CALLS 4
#define LEVELS 12		/* functions on a stack between main and the allocation */

static void print_head(long functions)
{
	puts("#include <stdlib.h>\n\n"
		"struct block { struct block *next; };\n"
		"typedef struct block *function(unsigned long way, int left);\n");
	for (long i = 0; i < functions; i++)
		printf("function function_%ld;\n", i);
	puts("static function *const all[] = {");
	for (long i = 0; i < functions; i++)
		printf("\tfunction_%ld,\n", i);
	puts("};\n");
	/* The finaliser of splitmix64: every step of a way depends on the whole number. */
	puts("static unsigned long mixed(unsigned long way)\n{\n"
		"\tway = (way ^ way >> 30) * 0xbf58476d1ce4e5b9u;\n"
		"\tway = (way ^ way >> 27) * 0x94d049bb133111ebu;\n"
		"\treturn way ^ way >> 31;\n}\n");
}

static void print_function(long i, long functions)
{
	printf("static inline __attribute__((always_inline)) struct block *step_%ld(unsigned long way, int left)\n{\n"
		"\tif (left == 0)\n\t\treturn malloc(%ld + way %% 100);\n"
		"\treturn all[way %% %ld](mixed(way), left - 1);\n}\n\n", i, 16 + i % 64, functions);
	printf("struct block *function_%ld(unsigned long way, int left)\n{\n"
		"\tstruct block *volatile b;\n\n\tswitch (way >> 40 & %d) {\n", i, CALLS - 1);
	for (int k = 0; k < CALLS; k++) {
		printf("\t%s%d:\n", k ? "case " : "default: case ", k);
		if (k % 2)
			printf("\t\tb = step_%ld(way, left);\n", (i + (i > 0 ? -1 : 0)));
		else
			printf("\t\tb = left ? all[(way + %d) %% %ld](mixed(way), left - 1)\n\t\t\t: malloc(%ld);\n",
				k, functions, 24 + i % 32);
		puts("\t\tbreak;");
	}
	puts("\t}\n\treturn b;\n}\n");
}

static void print_main(void)
{
	printf("#define LISTS 4096\n#define LEVELS %d\n\nstatic struct block *list[LISTS];\n\n", LEVELS);
	puts("int main(int argc, char **argv)\n{\n"
		"\tunsigned long sites = argc > 1 ? strtoul(argv[1], NULL, 0) : 100000;\n"
		"\tunsigned long blocks = argc > 2 ? strtoul(argv[2], NULL, 0) : 1000000;\n"
		"\tunsigned long kept = argc > 3 ? strtoul(argv[3], NULL, 0) : blocks;\n\n"
		"\tfor (unsigned long i = 0; i < blocks; i++) {\n"
		"\t\tunsigned long way = mixed(i % sites + 1);\n"
		"\t\tstruct block *b = all[way % (sizeof(all) / sizeof(all[0]))](way, LEVELS);\n\n"
		"\t\tif (i >= kept) {\n\t\t\tfree(b);\n\t\t\tcontinue;\n\t\t}\n"
		"\t\tb->next = list[i % LISTS];\n"
		"\t\tlist[i % LISTS] = b;\n"
		"\t}\n"
		"\tfor (unsigned long i = 0; i < LISTS; i += 64)\n\t\tlist[i] = NULL;\n"
		"\treturn 0;\n}");
}

int main(int argc, char **argv)
{
	long functions = argc > 1 ? atol(argv[1]) : 2000;

	print_head(functions);
	for (long i = 0; i < functions; i++)
		print_function(i, functions);
	print_main();
	return 0;
}
