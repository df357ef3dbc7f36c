/* export_gzip.h - a stream that compresses what is written to it. */
#ifndef TIDEMARK_EXPORT_GZIP_H
#define TIDEMARK_EXPORT_GZIP_H

#include <stdio.h>

/* Closing it ends the gzip file, and leaves `out` open; write errors are those of `out`. NULL: no memory. */
FILE *export_gzip_open(FILE *out);

#endif
