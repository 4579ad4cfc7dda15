/*
 * `publish --journal FILE`: what the broker has confirmed, a line each ("JOB TASK"), so that a producer that
 * was killed and is started again leaves those tasks out. It belongs to one file of tasks and one broker, and
 * is held by one producer at a time. A line that was cut by a kill is taken away: its task goes out once
 * more.
 */
#ifndef ASSAY_PRODUCER_JOURNAL_H
#define ASSAY_PRODUCER_JOURNAL_H

#include <stdbool.h>

#include "common/err.h"

struct journal;

typedef void journal_entry_fn(void *context, const char *job_id, const char *task_id);

/* Makes the file where there is none, and hands over each entry. ERR_INPUT: the file is no journal, or
 * another producer holds it; ERR_IO. */
struct journal *journal_open(const char *path, journal_entry_fn *entry, void *context, struct err *err);
/* Written at once, so that a kill loses none. ERR_IO (disk full) names the file. */
bool journal_note(struct journal *journal, const char *job_id, const char *task_id, struct err *err);
void journal_close(struct journal *journal); /* NULL is fine */

#endif
