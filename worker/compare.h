/*
 * Comparing what a case wrote with what was expected. Pure.
 */
#ifndef ASSAY_WORKER_COMPARE_H
#define ASSAY_WORKER_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/message/task.h"

/* True when `actual` is an answer as good as `expected`. Otherwise appends to `difference` a short text that
 * says where they part ("line 3: expected 'a', got 'b'"). `tolerance` holds for COMPARE_FLOAT. */
bool compare_output(enum compare_kind kind, double tolerance, const char *expected, size_t expected_size,
                    const char *actual, size_t actual_size, struct buf *difference);

#endif
