/* Gate files and baselines: any bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "report/gate/gate_baseline.h"
#include "report/gate/gate_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gate_config c;
	struct gate_baseline b;
	struct tide_error e = { 0 };

	if (size && data[0] != '#') {
		if (!gate_config_parse(&c, (const char *)data, size, "fuzz/x.gate", &e)) {
			gate_config_limit(&c, "live=+1%", &e);
			gate_config_free(&c);
		}
	} else if (!gate_baseline_parse(&b, (const char *)data, size, "fuzz.base", &e)) {
		gate_baseline_find(&b, "x");
		gate_baseline_free(&b);
	}
	return 0;
}
