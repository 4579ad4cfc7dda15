/*
 * The verdict of a whole task, gathered step by step: tests and counts, the finding that decides, the rate.
 * Pure.
 *
 * The first finding decides, so that the verdict is the same with and without stop_on_first_failure, but for
 * these, which outweigh the ones before them: the task's own time used up, a program that does not compile, a
 * mistake of the publisher's, a gamed run (in this order).
 *
 * Rate: passed / (total - skipped). `passed` has xfailed and xpassed in it (as pytest counts), `skipped`
 * holds the skips that the suite itself wrote, `failed` all other outcomes; what did not run is in `total`
 * alone.
 */
#ifndef ASSAY_WORKER_JUDGEMENT_H
#define ASSAY_WORKER_JUDGEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/message/result.h"
#include "common/message/task.h"
#include "worker/outcome.h"
#include "worker/report.h"

struct judgement {
    bool decided;
    unsigned weight;
    enum status status;
    enum reason reason;
    char *text;                      /* of the deciding finding */
    char *others[RESULT_ERRORS_MAX]; /* further texts, in order */
    size_t other_count;
};

void judgement_init(struct judgement *judgement);
void judgement_free(struct judgement *judgement);

/* A case that ran (or had no time to): adds its test to `result`, and its finding. */
void judgement_add_case(struct judgement *judgement, struct result *result, const struct task_case *test_case,
                        const struct finding *finding, int64_t wall_ms);
/* A case that was not run because of an earlier failure. */
void judgement_add_case_not_run(struct result *result, const struct task_case *test_case);
/* The suite: adds the report's tests, its coverage (handed over), and the finding. */
void judgement_add_suite(struct judgement *judgement, struct result *result, struct report *report,
                         const struct finding *finding);
/* A compile command, or a suite that could not be started. */
void judgement_add(struct judgement *judgement, const struct finding *finding);

/* Fills status, reason, rate and errors. */
void judgement_finish(const struct judgement *judgement, struct result *result);

#endif
