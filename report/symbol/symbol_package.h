/* symbol_package.h - which package of the system has a file, and which brings its debug information.
 *
 * Debian's packages only (dpkg(1): /var/lib/dpkg/info/PACKAGE[:ARCHITECTURE].list names a package's files, one a
 * line): their debug packages have the package's name and "-dbgsym" behind it. The lists are read without dpkg's
 * help, since a report starts no programs (base/sandbox.h).
 */
#ifndef TIDEMARK_SYMBOL_PACKAGE_H
#define TIDEMARK_SYMBOL_PACKAGE_H

#define SYMBOL_PACKAGE_LISTS "/var/lib/dpkg/info"

/* The debug package of the file at `path`, to be freed; NULL where no package in `lists` has the file. Reads
 * all lists: some ten milliseconds. */
char *symbol_package_debug(const char *lists, const char *path);

#endif
