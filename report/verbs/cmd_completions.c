/* cmd_completions.c - `tidemark completions SHELL`: completions for bash, zsh and fish.
 *
 * Hidden: the build runs it. Verbs come from the table in verbs.c, options from what
 * each verb's --help prints, so that no list of options is kept twice. Only the words
 * that an option's value can be are listed here.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/error.h"
#include "export/export.h"
#include "verb.h"

struct flag {
	char letter;                  /* 0: none */
	char *name, *argument, *text; /* name NULL: only a letter; argument NULL: takes none */
};

struct verb_flags {
	const struct verb *verb;
	struct flag *flag;
	size_t count;
};

/* What values are; NULL verb: any. */
static const struct {
	const char *verb, *option, *words;
} value[] = {
	{ NULL, "color", "auto always never" },
	{ "stat", "by", "site function file line module thread stack size age type" },
	{ "diff", "by", "site function file line module thread stack size age type" },
	{ "retained", "by", "root site block type module variable" },
	{ "waste", "by", "site type" },
	{ "top", "by", "site function module thread" },
	{ "leaks", "sort", "retained blocks itself leaks" },
	{ "top", "sort", "live count growth rate peak total allocations temporary" },
	{ NULL, "sort", "live peak total count allocations temporary lost" },
	{ NULL, "domain", "blocks mappings tracked all" },
	{ NULL, "measure",
		"live_bytes live_blocks peak_bytes total_bytes total_blocks temporary lost_bytes" },
	{ "leaks", "show", "possible reachable suppressed" },
	{ "diff", "show", "same moved" },
	{ "run", "children", "all none" },
};

/* The formats of `export`, for a shell. Kept until the end of the process. */
static const char *format_words(void)
{
	static char *words;

	if (!words) {
		words = export_format_names();
		for (char *comma = words; (comma = strchr(comma, ',')); comma++)
			memmove(comma, comma + 1, strlen(comma));
	}
	return words;
}

static const char *find_words(const struct verb *verb, const struct flag *flag)
{
	if (flag->name && !strcmp(verb->name, "export") && !strcmp(flag->name, "to"))
		return format_words();
	for (size_t i = 0; flag->name && i < sizeof(value) / sizeof(value[0]); i++)
		if ((!value[i].verb || !strcmp(value[i].verb, verb->name))
			&& !strcmp(value[i].option, flag->name))
			return value[i].words;
	return NULL;
}

static char *cut(const char *from, size_t bytes) { return alloc_printf("%.*s", (int)bytes, from); }

/* "  -o, --output=FILE    Text": an option begins; what follows it is its text. */
static int parse_flag(const char *line, struct flag *f)
{
	const char *p = line + strspn(line, " ");
	size_t n;

	memset(f, 0, sizeof(*f));
	if (p == line || *p != '-' || p - line > 8)
		return 0;
	if (p[1] != '-') {
		f->letter = p[1];
		p += 2;
		if (*p == ' ' && p[1] != ' ' && p[1]) {
			n = strcspn(p + 1, " \n");
			f->argument = cut(p + 1, n);
			p += 1 + n;
		} else if (*p == ',') {
			p += 1 + strspn(p + 1, " ");
		}
	}
	if (p[0] == '-' && p[1] == '-') {
		n = strcspn(p + 2, "=[ \n");
		f->name = cut(p + 2, n);
		p += 2 + n;
		if (*p == '[')
			p++;
		if (*p == '=') {
			n = strcspn(p + 1, " ]\n");
			f->argument = cut(p + 1, n);
			p += 1 + n;
		}
	}
	p += strcspn(p, " \n");
	p += strspn(p, " ");
	f->text = cut(p, strcspn(p, "\n"));
	return f->name || f->letter;
}

static void add_text(struct flag *f, const char *line)
{
	const char *from = line + strspn(line, " ");
	char *all = alloc_printf("%s%s%.*s", f->text, *f->text ? " " : "", (int)strcspn(from, "\n"), from);

	free(f->text);
	f->text = all;
}

static void parse_help(FILE *in, struct verb_flags *v)
{
	char line[2048];
	struct flag f;
	int inside = 0;

	while (fgets(line, sizeof(line), in)) {
		if (parse_flag(line, &f)) {
			*ARRAY_APPEND(v->flag, v->count) = f;
			inside = 1;
		} else if (inside && strspn(line, " ") >= 20 && line[strspn(line, " ")] != '\n') {
			add_text(&v->flag[v->count - 1], line);
		} else if (line[strspn(line, " ")] == '\n' && line[0] == ' ') {
			continue; /* argp's line of blanks after a text that filled its line */
		} else {
			inside = 0;
		}
	}
}

static int read_help(struct verb_flags *v)
{
	int ends[2], status = 0;
	pid_t child;
	FILE *in;

	fflush(NULL);
	if (pipe(ends))
		return -1;
	child = fork();
	if (!child) {
		char *name = alloc_printf("tidemark %s", v->verb->name), help[] = "--help";
		char *words[] = { name, help, NULL };

		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		status = v->verb->run(2, words);
		exit(status);
	}
	close(ends[1]);
	in = child > 0 ? fdopen(ends[0], "r") : NULL;
	if (!in) {
		close(ends[0]);
		return -1;
	}
	parse_help(in, v);
	fclose(in);
	return waitpid(child, &status, 0) < 0 || status || !v->count ? -1 : 0;
}

/* The text of a shell's string between single quotes, up to the first sentence's end. */
static char *quote_text(const char *text, const char *more)
{
	size_t n = strlen(text), at = 0, inside = 0;
	char *out = alloc_bytes(2 * n + 1);

	for (size_t i = 0; i < n; i++) {
		bool end = text[i] == ';' || (text[i] == '.' && (!i || text[i - 1] != '.'));

		if (!inside && end && (text[i + 1] == ' ' || !text[i + 1]))
			break;
		if (text[i] == '(')
			inside++;
		else if (text[i] == ')' && inside)
			inside--;
		if (text[i] == '\'')
			continue;
		if (strchr(more, text[i]))
			out[at++] = '\\';
		out[at++] = text[i];
	}
	out[at] = '\0';
	return out;
}

static int takes_process(const struct verb *v) { return !strcmp(v->name, "snap") || !strcmp(v->name, "top"); }

static int takes_program(const struct verb *v)
{
	return !strcmp(v->name, "run") || !strcmp(v->name, "doctor");
}

static void print_flags(const struct verb_flags *v)
{
	for (size_t i = 0; i < v->count; i++) {
		if (v->flag[i].letter)
			printf("-%c ", v->flag[i].letter);
		if (v->flag[i].name)
			printf("--%s%s ", v->flag[i].name, v->flag[i].argument ? "=" : "");
	}
}

static void print_verbs(const struct verb_flags *v, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf("%s ", v[i].verb->name);
}

static void print_bash(const struct verb_flags *v, size_t count)
{
	puts("# bash completion for tidemark, made by `tidemark completions bash`.\n"
	     "_tidemark() {\n"
	     "\tlocal word=$2 line=${COMP_LINE:0:COMP_POINT} verb=${COMP_WORDS[1]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
	     "\tlocal option= words= options= kind=file i\n"
	     "\tlocal IFS=$' \\t\\n'\n"
	     "\tCOMPREPLY=()\n"
	     "\tif [ \"$COMP_CWORD\" -le 1 ]; then\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -W '");
	print_verbs(v, count);
	puts("help --help --version' -- \"$word\")\n"
	     "\t\treturn\n"
	     "\tfi\n"
	     "\tcase $verb in\n"
	     "\thelp)");
	fputs("\t\tmapfile -t COMPREPLY < <(compgen -W '", stdout);
	print_verbs(v, count);
	puts("' -- \"$word\")\n\t\treturn\n\t\t;;");
	for (size_t i = 0; i < count; i++) {
		printf("\t%s)\n\t\toptions='", v[i].verb->name);
		print_flags(&v[i]);
		puts("'");
		if (takes_process(v[i].verb) || takes_program(v[i].verb))
			printf("\t\tkind=%s\n", takes_process(v[i].verb) ? "process" : "program");
		puts("\t\t;;");
	}
	puts("\tesac\n"
	     "\t# Behind -- come a program, then its arguments.\n"
	     "\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
	     "\t\tif [ \"${COMP_WORDS[i]}\" = -- ]; then\n"
	     "\t\t\toptions=\n"
	     "\t\t\t[ \"$((i + 1))\" = \"$COMP_CWORD\" ] || kind=argument\n"
	     "\t\t\tbreak\n"
	     "\t\tfi\n"
	     "\tdone\n"
	     "\t# --option=value: bash splits at '=', readline completes what follows it. Or --option value.\n"
	     "\toption=${line##*[[:space:]]}\n"
	     "\tcase $option in\n"
	     "\t--*=*) word=${option#*=} option=${option%%=*} ;;\n"
	     "\t*) case \" $options \" in *\" $previous= \"*) option=$previous ;; *) option= ;; esac ;;\n"
	     "\tesac\n"
	     "\tcase \"$verb $option\" in");
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < v[i].count; k++)
			if (find_words(v[i].verb, &v[i].flag[k]))
				printf("\t'%s --%s') words='%s' ;;\n", v[i].verb->name, v[i].flag[k].name,
					find_words(v[i].verb, &v[i].flag[k]));
	puts("\tesac\n"
	     "\tif [ -n \"$option\" ]; then\n"
	     "\t\tif [ -n \"$words\" ]; then\n"
	     "\t\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
	     "\t\telse\n"
	     "\t\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
	     "\t\t\tcompopt -o filenames 2>/dev/null\n"
	     "\t\tfi\n"
	     "\t\treturn 0\n"
	     "\tfi\n"
	     "\tcase $word in\n"
	     "\t-*)\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
	     "\t\tcase ${COMPREPLY[0]} in *=) compopt -o nospace 2>/dev/null ;; esac\n"
	     "\t\treturn 0\n"
	     "\t\t;;\n"
	     "\tesac\n"
	     "\tcase $kind in\n"
	     "\tprocess) mapfile -t COMPREPLY < <(cd /proc && compgen -W \"$(echo [0-9]*)\" -- \"$word\") ;;\n"
	     "\t# compgen -c also has keywords, builtins, functions and aliases, which cannot be run.\n"
	     "\tprogram) mapfile -t COMPREPLY < <(comm -23 <(compgen -c -- \"$word\" | sort) \\\n"
	     "\t\t<(compgen -abk -A function -- \"$word\" | sort) | uniq; compgen -d -- \"$word\") ;;\n"
	     "\targument) mapfile -t COMPREPLY < <(compgen -f -- \"$word\") ;;\n"
	     "\t*) mapfile -t COMPREPLY < <(compgen -f -X '!*.tide' -- \"$word\"; compgen -d -- \"$word\") ;;\n"
	     "\tesac\n"
	     "\tcompopt -o filenames 2>/dev/null\n"
	     "\treturn 0\n"
	     "}\n"
	     "complete -F _tidemark tidemark");
}

static void print_zsh_flag(const struct verb *verb, const struct flag *f)
{
	char *text = quote_text(f->text, "[]:\\"),
	     *argument = f->argument ? quote_text(f->argument, "[]:\\") : NULL;
	const char *words = find_words(verb, f);
	char end[512] = "";

	if (argument && words)
		snprintf(end, sizeof(end), ":%s:(%s)", argument, words);
	else if (argument)
		snprintf(end, sizeof(end), ":%s:_files", argument);
	if (f->letter)
		printf("\t\t\t'*-%c%s[%s]%s' \\\n", f->letter, argument ? "+" : "", text, end);
	if (f->name)
		printf("\t\t\t'*--%s%s[%s]%s' \\\n", f->name, argument ? "=" : "", text, end);
	free(text);
	free(argument);
}

static void print_zsh(const struct verb_flags *v, size_t count)
{
	puts("#compdef tidemark\n# zsh completion, made by `tidemark completions zsh`.\n"
	     "_tidemark() {\n\tlocal -a verbs\n\tverbs=(");
	for (size_t i = 0; i < count; i++) {
		char *text = quote_text(v[i].verb->summary, ":\\");

		printf("\t\t'%s:%s'\n", v[i].verb->name, text);
		free(text);
	}
	puts("\t\t'help:options of a verb, with examples'\n\t)\n"
	     "\tif (( CURRENT == 2 )); then\n\t\t_describe verb verbs\n\t\treturn\n\tfi\n"
	     "\tlocal verb=$words[2]\n\tshift words\n\t(( CURRENT-- ))\n"
	     "\tcase $verb in\n\thelp)\n\t\t_describe verb verbs\n\t\t;;");
	for (size_t i = 0; i < count; i++) {
		printf("\t%s)\n\t\t_arguments -s \\\n", v[i].verb->name);
		for (size_t k = 0; k < v[i].count; k++)
			print_zsh_flag(v[i].verb, &v[i].flag[k]);
		puts(!strcmp(v[i].verb->name, "run")       ? "\t\t\t'*::program:_normal'"
				: takes_program(v[i].verb) ? "\t\t\t'*:program:_command_names'"
				: takes_process(v[i].verb) ? "\t\t\t'*:process:_pids'"
							   : "\t\t\t'*:snapshot:_files -g \"*.tide(-.)\"'");
		puts("\t\t;;");
	}
	puts("\tesac\n}\n_tidemark \"$@\"");
}

static void print_fish(const struct verb_flags *v, size_t count)
{
	puts("# fish completion for tidemark, made by `tidemark completions fish`.\ncomplete -c tidemark -f");
	for (size_t i = 0; i < count; i++) {
		char *text = quote_text(v[i].verb->summary, "\\");

		printf("complete -c tidemark -n __fish_use_subcommand -a %s -d '%s'\n", v[i].verb->name,
			text);
		free(text);
	}
	puts("complete -c tidemark -n __fish_use_subcommand -a help -d 'options of a verb, with examples'");
	fputs("complete -c tidemark -n '__fish_seen_subcommand_from help' -a '", stdout);
	for (size_t i = 0; i < count; i++)
		printf("%s ", v[i].verb->name);
	puts("'");
	for (size_t i = 0; i < count; i++) {
		const char *name = v[i].verb->name;

		for (size_t k = 0; k < v[i].count; k++) {
			const struct flag *f = &v[i].flag[k];
			const char *words = find_words(v[i].verb, f);
			char *text = quote_text(f->text, "\\");

			printf("complete -c tidemark -n '__fish_seen_subcommand_from %s'", name);
			if (f->letter)
				printf(" -s '%c'", f->letter);
			if (f->name)
				printf(" -l %s", f->name);
			if (f->argument && words)
				printf(" -x -a '%s'", words);
			else if (f->argument)
				fputs(" -r -F", stdout);
			printf(" -d '%s'\n", text);
			free(text);
		}
		printf("complete -c tidemark -n '__fish_seen_subcommand_from %s' %s\n", name,
			takes_process(v[i].verb)           ? "-a '(__fish_complete_pids)'"
				: !strcmp(name, "run")     ? "-a '(__fish_complete_subcommand --fcs-skip=2)'"
				: takes_program(v[i].verb) ? "-F"
							   : "-k -a '(__fish_complete_suffix .tide)'");
	}
}

static void free_flags(struct verb_flags *v)
{
	for (size_t i = 0; i < v->count; i++) {
		free(v->flag[i].name);
		free(v->flag[i].argument);
		free(v->flag[i].text);
	}
	free(v->flag);
}

int cmd_completions(const struct verb *verb, int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(const struct verb_flags *, size_t);
	} shell[] = {
		{ "bash", print_bash },
		{ "zsh", print_zsh },
		{ "fish", print_fish },
	};
	struct verb_flags *all = NULL;
	size_t count = 0, which;
	int status = EXIT_FINE;

	for (which = 0; which < 3 && (argc != 2 || strcmp(argv[1], shell[which].name)); which++)
		;
	if (which == 3) {
		fputs("tidemark: which shell? bash, zsh or fish\n", stderr);
		return EXIT_USAGE;
	}
	/* Each text on one line, as far as argp is asked. */
	setenv("ARGP_HELP_FMT", "rmargin=1000,no-dup-args-note", 1);
	for (; verb->name; verb++) {
		if (!verb->summary)
			continue;
		*ARRAY_APPEND(all, count) = (struct verb_flags){ .verb = verb };
		if (read_help(&all[count - 1])) {
			fprintf(stderr, "tidemark: cannot read the options of %s\n", verb->name);
			status = EXIT_UNMEASURED;
		}
	}
	if (status == EXIT_FINE)
		shell[which].print(all, count);
	for (size_t i = 0; i < count; i++)
		free_flags(&all[i]);
	free(all);
	return status;
}
