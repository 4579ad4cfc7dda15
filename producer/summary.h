/* Counts of verdicts by status and reason. Pure. */
#ifndef ASSAY_PRODUCER_SUMMARY_H
#define ASSAY_PRODUCER_SUMMARY_H

#include <stdint.h>

#include "common/buf.h"
#include "common/message/result.h"

struct summary {
    int64_t counts[STATUS_COUNT][REASON_COUNT];
    int64_t verdicts;
    int64_t rated;   /* those with a pass rate: all but status error */
    double rates;    /* the sum of their pass rates */
    int64_t missing; /* awaited, and never came */
};

void summary_add(struct summary *summary, const struct result *result);
int64_t summary_status(const struct summary *summary, enum status status);
/* Every task has its verdict, and each is a pass. */
bool summary_all_pass(const struct summary *summary);
/* A table: status, reason, tasks, share; then the totals, the mean pass rate, and the time where it is not
 * negative. */
void summary_print(const struct summary *summary, int64_t elapsed_ms, struct buf *out);
/* One JSON object on a line. */
void summary_to_json(const struct summary *summary, int64_t elapsed_ms, struct buf *out);

#endif
