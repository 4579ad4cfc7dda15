/* A result as people read it: one line while a job runs, or the whole of it. Pure. */
#ifndef ASSAY_PRODUCER_VERDICT_H
#define ASSAY_PRODUCER_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/message/result.h"

/* "fail     assertion     python  task-7  2/3  120 ms  test_add: assert 3 == 4", with its newline; cut to
 * `columns` (0 = not cut). */
void verdict_append_line(struct buf *out, const struct result *result, bool colour, size_t columns);
/* Verdict, errors, tests, limits used, the last lines of the output. */
void verdict_append_details(struct buf *out, const struct result *result, bool colour);

#endif
