/* gate_output.h - a verdict for people and for machines. One gate_<format>.c each.
 *
 * GO1 Every writer prints the same findings in the same order (gate_sort).
 * GO2 Text from a program is hostile: each format escapes it by its own rules,
 *     and bytes that are not UTF-8 become U+FFFD.
 * GO3 A finding without a source file is placed at its section of the gate file, else
 *     at the scenario's name: formats that need a place always have one.
 */
#ifndef TIDEMARK_GATE_OUTPUT_H
#define TIDEMARK_GATE_OUTPUT_H

#include <stdio.h>
#include "gate.h"
#include "print/screen.h"

struct gate_report {
	const struct gate_result *results;
	size_t count;
	int status;         /* EXIT_* */
	const char *config; /* path of the gate file as given; NULL */
};

void gate_terminal(const struct gate_report *g, struct screen *s);
void gate_json(const struct gate_report *g, FILE *out);
void gate_junit(const struct gate_report *g, FILE *out);
void gate_sarif(const struct gate_report *g, FILE *out);
void gate_gitlab(const struct gate_report *g, FILE *out);
void gate_github(const struct gate_report *g, FILE *out);
void gate_markdown(const struct gate_report *g, FILE *out);
void gate_html(const struct gate_report *g, FILE *out);

/* Shared by the formats (gate_output.c). */
const char *gate_status_name(int status);           /* "pass" ... as in JSON */
bool gate_is_problem(const struct gate_finding *f); /* neither moved, improved nor suppressed */
/* The file of a finding (GO3), and its line, which is at least 1. */
const char *gate_place(const struct gate_report *g, const struct gate_result *r, const struct gate_finding *f,
	unsigned *line);
/* "login: 3 blocks, 300 bytes lost in make_three (leaked = 0)". To free. */
char *gate_sentence(const struct gate_result *r, const struct gate_finding *f);
size_t gate_failing(const struct gate_result *r);
/* Text between tags, and between double quotes, of XML and HTML. */
void gate_print_xml(FILE *out, const char *text);
/* Clean UTF-8. To free. */
char *gate_utf8(const char *text);

#endif
