/* A claimed row of `reconstructions` as a task: its runtime by language, its suite by path. */
#ifndef ASSAY_PRODUCER_ROW_TASK_H
#define ASSAY_PRODUCER_ROW_TASK_H

#include "common/err.h"
#include "common/pg.h"
#include "producer/config.h"
#include "producer/source.h"

struct row_task;

/* Loads the runtimes. */
struct row_task *row_task_new(const struct producer_config *config, struct err *err);
void row_task_free(struct row_task *tasks); /* NULL is fine */
/* Row `row` of a result of claims_take. `out->tag` is the row's id. False: why it cannot be a task
 * (ERR_NO_MEMORY apart, it is the row's fault or its suite's). */
bool row_task_compose(struct row_task *tasks, const struct pg_result *batch, int row, const char *job_id,
                      struct outgoing *out, struct err *err);
/* "reconstruction/<id>": the same whenever the row is published, so that its verdict is stored once. */
void row_task_id(const char *id, char out[TEXT_ID_MAX + 1]);

#endif
