/* snapshot_folder.h - a folder for one test program, and the name of a snapshot in it: cmocka's group functions.
 *
 * The folder must be empty at the end but for that snapshot: a test that leaves something behind fails.
 */
#ifndef TIDEMARK_TESTS_SNAPSHOT_FOLDER_H
#define TIDEMARK_TESTS_SNAPSHOT_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/tidemark-test-XXXXXX";
static char path[128];

static int snapshot_folder_make(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/x.tide", folder);
	return 0;
}

static int snapshot_folder_remove(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

#endif
