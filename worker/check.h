/* assay-worker --check: what this machine can run, and how well it is locked in. */
#ifndef ASSAY_WORKER_CHECK_H
#define ASSAY_WORKER_CHECK_H

#include <stdio.h>

#include "worker/runner.h"
#include "worker/selftest.h"

/* Prints the table of runtimes and the sandbox's mechanisms in force. */
void check_print(FILE *out, const struct self_tests *tests, const struct runner *runner);

#endif
