/* The tasks whose first verdict is waited for. Pure. */
#ifndef ASSAY_PRODUCER_AWAITED_H
#define ASSAY_PRODUCER_AWAITED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct awaited;

struct awaited *awaited_new(void); /* NULL without memory */
void awaited_free(struct awaited *awaited);

/* Also one that was settled before: it is published again. False without memory. */
bool awaited_expect(struct awaited *awaited, const char *job_id, const char *task_id, struct err *err);
/* It has its verdict, or will have none. False when it was not waited for (any more); also for NULL. */
bool awaited_settle(struct awaited *awaited, const char *job_id, const char *task_id);
int64_t awaited_count(const struct awaited *awaited); /* 0 for NULL */

#endif
