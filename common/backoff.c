#include "common/backoff.h"

int64_t backoff_next(struct backoff *backoff, uint32_t random)
{
    int64_t cap = backoff->floor_ms;
    for (unsigned i = 0; i < backoff->attempts && cap < backoff->ceiling_ms; i++)
        cap *= 2;
    if (cap > backoff->ceiling_ms)
        cap = backoff->ceiling_ms;
    if (backoff->attempts < 1000)
        backoff->attempts++;
    /* Full jitter (uniform over [floor, cap]): a fleet that lost its broker together must not return
     * together. */
    int64_t spread = cap - backoff->floor_ms;
    return backoff->floor_ms + (spread > 0 ? (int64_t)random % (spread + 1) : 0);
}

void backoff_reset(struct backoff *backoff)
{
    backoff->attempts = 0;
}
