/* source.c - prints a C program of about LINES lines, always the same one, for
 * the compiler to work on.
 *
 *   source [LINES]      (default 5000)
 */
#include "timing.h"

int main(int argc, char **argv)
{
	long lines = timing_argument(argc, argv, 1, 5000), functions = (lines - 15) / 20;
	uint64_t seed = 88172645463325252u;

	printf("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\n"
	       "struct item { int id; double weight; char name[32]; struct item *next; };\n\n");
	for (long f = 0; f < functions; f++) {
		unsigned a = (unsigned)timing_random(&seed) % 97 + 3, b = (unsigned)timing_random(&seed) % 31 + 1;
		printf("static int function_%ld(struct item *list, int n, const char *label)\n{\n", f);
		printf("\tint sum = %u, table[%u];\n\tdouble total = %u.5;\n", a, a, b);
		printf("\tfor (int i = 0; i < %u; i++)\n\t\ttable[i] = i * n + %u;\n", a, b);
		printf("\tfor (struct item *p = list; p; p = p->next) {\n");
		printf("\t\tif (p->id %% %u == %u %% %u)\n\t\t\tsum += table[(unsigned)p->id %% %u];\n", b + 1, a, b + 1, a);
		printf("\t\telse if (strcmp(p->name, label) > 0)\n\t\t\ttotal *= p->weight + %u;\n", b);
		printf("\t\tswitch (sum & 7) {\n\t\tcase %u: sum ^= n << %u; break;\n", b & 7, b & 15);
		printf("\t\tdefault: total -= (double)sum / (p->id + %u);\n\t\t}\n\t}\n", a);
		if (f)
			printf("\treturn n > %u ? function_%ld(list, n / 2, label) + sum : (int)total + sum;\n}\n\n",
			       a, (long)(timing_random(&seed) % (uint64_t)f));
		else
			printf("\treturn (int)total + sum;\n}\n\n");
	}
	printf("int main(int argc, char **argv)\n{\n\tstruct item one = { argc, 1.5, \"one\", NULL };\n\tint sum = 0;\n");
	for (long f = 0; f < functions; f++)
		printf("\tsum += function_%ld(&one, argc + %ld, argv[0]);\n", f, f);
	printf("\tprintf(\"%%d\\n\", sum);\n\treturn 0;\n}\n");
	return 0;
}
