#include <signal.h>

void raise_it(int s);
void raise_it(int s) { raise(s); }
