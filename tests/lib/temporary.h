/* temporary.h - a folder of their own for the tests of one program, and a snapshot's name in it.
 *
 * For cmocka's group functions. The folder is made in the current one.
 */
#ifndef TIDEMARK_TESTS_TEMPORARY_H
#define TIDEMARK_TESTS_TEMPORARY_H
