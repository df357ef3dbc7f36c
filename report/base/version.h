/* version.h - the version of this build. */
#ifndef TIDEMARK_VERSION_H
#define TIDEMARK_VERSION_H

#ifndef TIDEMARK_VERSION
#define TIDEMARK_VERSION "0.1.0"
#endif

#endif
