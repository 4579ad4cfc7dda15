/*
 * What is known of a file's tasks before it is published, so that a publish that was cut short goes on where
 * it was: verdicts in the database, confirms in a journal (journal.h), cancels of its jobs.
 */
#ifndef ASSAY_PRODUCER_RESUME_H
#define ASSAY_PRODUCER_RESUME_H

#include <stdbool.h>

#include "common/err.h"
#include "common/pg.h"
#include "producer/config.h"
#include "producer/journal.h"
#include "producer/judge.h"

/* Tasks of a cancelled job would be cancelled as they come. With `lift` its cancel is lifted, else it is an
 * error. The exit status: 0, or what `err` means. */
int resume_check_cancels(const struct producer_config *config, struct pg *pg, const struct jobs *jobs,
                         bool lift, struct err *err);

/* A journal_entry_fn whose context is the judge: marks a task that the broker has confirmed. */
void resume_mark_confirmed(void *judge, const char *job_id, const char *task_id);

/* Marks the tasks that have a verdict which stands. One that tells of the machinery may be replaced: such a
 * task goes out again, whatever the journal says. Jobs of which the database does not know this same set of
 * tasks cost one question. */
bool resume_mark_stored(struct pg *pg, struct judge *judge, struct err *err);

#endif
