/* classes.c - prints a unit of a C++ program with much debug information: what readers of DWARF are measured with.
 *
 *   classes UNIT UNITS CLASSES > unit.cc     UNIT from 0 up; the last, UNITS, is main
 *   program BLOCKS
 *
 * Each class has containers that are never made, some 40 KB of DWARF without a line of code. Ten blocks hang together:
 * an object with a vtable, which a global list holds, eight that only its typed pointers say the types of, and one more.
 */
#include <stdio.h>
#include <stdlib.h>

static void print_class(long unit, long i)
{
	printf("struct part_%ld { long number, more[%ld]; part_%ld *next; };\n", i, i % 13, i);
	printf("struct class_%ld;\n"
		"struct containers_%ld {\n"
		"\tstd::map<int, class_%ld> sorted;\n"
		"\tstd::unordered_map<long, part_%ld> hashed;\n"
		"\tstd::deque<part_%ld> queue;\n"
		"\tstd::list<part_%ld> list;\n"
		"\tstd::set<part_%ld *> set;\n"
		"\tstd::shared_ptr<part_%ld> shared;\n"
		"\tstd::function<part_%ld(class_%ld *)> call;\n"
		"};\n", i, i, i, i, i, i, i, i, i, i);
	printf("struct class_%ld : base {\n"
		"\tpart_%ld *first = nullptr;\n"
		"\tbase *other = nullptr;\n"
		"\tcontainers_%ld *containers = nullptr;\n"
		"\tlong tail[%ld];\n"
		"\t~class_%ld() override;\n"
		"};\n"
		"class_%ld::~class_%ld() {}\n"
		"class_%ld *head_%ld;\n", i, i, i, 1 + (i + unit) % 7, i, i, i, i, i);
	printf("void make_%ld()\n{\n"
		"\tclass_%ld *made = new class_%ld;\n"
		"\tmade->next = head_%ld;\n"
		"\thead_%ld = made;\n"
		"\tfor (int i = 0; i < 8; i++) {\n"
		"\t\tpart_%ld *part = static_cast<part_%ld *>(calloc(1, sizeof(part_%ld)));\n"
		"\t\tpart->next = made->first;\n"
		"\t\tmade->first = part;\n"
		"\t}\n"
		"\tmade->other = new base;\n"
		"}\n", i, i, i, i, i, i, i, i);
}

static void print_unit(long unit, long classes)
{
	puts("#include <cstdlib>\n#include <deque>\n#include <functional>\n#include <list>\n#include <map>\n"
		"#include <memory>\n#include <set>\n#include <unordered_map>\n");
	printf("namespace unit_%ld {\n", unit);
	puts("struct base { base *next = nullptr; virtual ~base(); };\nbase::~base() {}\n");
	for (long i = 0; i < classes; i++)
		print_class(unit, i);
	puts("void (*const make[])() = {");
	for (long i = 0; i < classes; i++)
		printf("\tmake_%ld,\n", i);
	printf("};\n}\nvoid fill_%ld(long number) { unit_%ld::make[number %% %ld](); }\n", unit, unit, classes);
}

static void print_main(long units)
{
	puts("#include <cstdlib>");
	for (long i = 0; i < units; i++)
		printf("void fill_%ld(long number);\n", i);
	puts("static void (*const fill[])(long) = {");
	for (long i = 0; i < units; i++)
		printf("\tfill_%ld,\n", i);
	printf("};\nint main(int, char **argv)\n{\n"
		"\tfor (long i = 0; i < atol(argv[1]) / 10; i++)\n"
		"\t\tfill[i %% %ld](i / %ld);\n"
		"}\n", units, units);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fputs("classes UNIT UNITS CLASSES\n", stderr);
		return 2;
	}
	if (atol(argv[1]) < atol(argv[2]))
		print_unit(atol(argv[1]), atol(argv[3]));
	else
		print_main(atol(argv[2]));
	return 0;
}
