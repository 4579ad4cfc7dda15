/*
 * When a batch of results is due: by number, by bytes, or by the age of its first row. Pure: the time comes
 * in.
 */
#ifndef ASSAY_COLLECTOR_BATCH_H
#define ASSAY_COLLECTOR_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch_limits {
    size_t rows;
    size_t bytes;
    int64_t age_ms; /* 0: as soon as the connection is free */
};

struct batch {
    struct batch_limits limits;
    size_t rows, bytes;
    int64_t first_ms; /* when the first row came; holds while rows > 0 */
};

void batch_add(struct batch *batch, size_t bytes, int64_t now_ms);
bool batch_is_due(const struct batch *batch, int64_t now_ms);
/* When the batch is due by age; INT64_MAX while it is empty. */
int64_t batch_deadline_ms(const struct batch *batch);
/* `rows` rows of `bytes` bytes were taken from the front; what is left counts its age from now. */
void batch_take(struct batch *batch, size_t rows, size_t bytes, int64_t now_ms);

#endif
