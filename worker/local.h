/*
 * assay-worker --local: tasks from a JSONL file or standard input, results as JSONL on standard output in the
 * order in which they end; no broker. A line that is no task becomes an error/bad_task result that names the
 * line. Progress goes to standard error when that is a terminal.
 */
#ifndef ASSAY_WORKER_LOCAL_H
#define ASSAY_WORKER_LOCAL_H

#include <stdbool.h>

#include "common/err.h"
#include "common/loop.h"
#include "common/runtimes.h"
#include "worker/runner.h"

struct local_options {
    const char *file; /* "-" = standard input */
    const char *worker;
    const struct runtimes *runtimes;
    struct runner *runner;
    unsigned slots;
};

/* `*all_passed`: every line got a verdict, and each is pass. False when the file cannot be read, holds no
 * task (ERR_INPUT), or standard output fails. */
bool local_run(struct loop *loop, const struct local_options *options, bool *all_passed, struct err *err);

#endif
