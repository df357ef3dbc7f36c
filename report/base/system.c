/* system.c - see system.h. */
#include "system.h"

const char *system_signal(int number)
{
	/* signal(7), x86-64 */
	static const char *const names[] = { NULL, "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE",
		"KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP",
		"TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "POLL", "PWR",
		"SYS" };
	return number > 0 && number < (int)(sizeof(names) / sizeof(names[0])) ? names[number] : NULL;
}
