#include "collector/batch.h"

void batch_add(struct batch *batch, size_t bytes, int64_t now_ms)
{
    if (batch->rows == 0)
        batch->first_ms = now_ms;
    batch->rows++;
    batch->bytes += bytes;
}

bool batch_is_due(const struct batch *batch, int64_t now_ms)
{
    return batch->rows > 0 && (batch->rows >= batch->limits.rows || batch->bytes >= batch->limits.bytes ||
                               now_ms >= batch_deadline_ms(batch));
}

int64_t batch_deadline_ms(const struct batch *batch)
{
    return batch->rows > 0 ? batch->first_ms + batch->limits.age_ms : INT64_MAX;
}

void batch_take(struct batch *batch, size_t rows, size_t bytes, int64_t now_ms)
{
    batch->rows -= rows < batch->rows ? rows : batch->rows;
    batch->bytes -= bytes < batch->bytes ? bytes : batch->bytes;
    batch->first_ms = now_ms;
}
