/* give_way.c - see give_way.h. */
#include <sched.h>
#include "give_way.h"

static bool set_policy(int policy)
{
	struct sched_param none = { 0 };

	return !sched_setscheduler(0, policy, &none);
}

bool give_way(void) { return sched_getscheduler(0) == SCHED_OTHER && set_policy(SCHED_BATCH); }

void give_way_end(bool given)
{
	if (given)
		set_policy(SCHED_OTHER);
}
