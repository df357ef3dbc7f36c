/* info.h - everything about a snapshot as a whole, as `info --json` prints it and html shows it. */
#ifndef TIDEMARK_INFO_H
#define TIDEMARK_INFO_H

#include "json.h"
#include "model/snapshot.h"

/* The whole report as one object. */
void info_json(struct json *j, const char *name, const struct snapshot *s);

const char *info_mark_kind(uint32_t kind);
const char *info_registers(uint32_t registers);
/* How much greater the true peak may be: threads publish their counters late (CN1 of shim/count.h). */
uint64_t info_peak_uncertain(const struct snapshot *s);
/* Only the block list says which thread made the live blocks. */
bool info_thread_live_known(const struct snapshot *s);

#endif
