/* assay-worker --check: what this machine can run, and how well it is locked in. */
#ifndef ASSAY_WORKER_CHECK_H
#define ASSAY_WORKER_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "worker/probes.h"
#include "worker/selftest.h"

struct check { /* borrowed */
    const struct probe_findings *findings;
    const char *const *mechanisms; /* as sandbox_mechanisms names them */
    const struct self_tests *tests;
    const struct runner *runner; /* for its warm servers */
};

/* What the two ways of printing share. */
enum probe_verdict check_probe(const struct check *check, size_t probe);
const char *check_detail(const struct self_test *test); /* the runtime's description, or what went wrong */
int64_t check_duration_ms(const struct result *result);

/* Did every layer hold and every runtime pass? */
bool check_passed(const struct check *check);
/* Two tables: layers (mechanisms, verdict of the probes, each probe that broke) and runtimes. */
void check_print_text(const struct check *check, FILE *out);
/* The same as one JSON object, with every probe. False when memory ran out. */
bool check_print_json(const struct check *check, FILE *out);

#endif
