/*
 * Exponential backoff with full jitter between a floor and a ceiling. Pure: randomness comes in as a number.
 * The delivery rules ask for 100 ms to 30 s.
 */
#ifndef ASSAY_COMMON_BACKOFF_H
#define ASSAY_COMMON_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t floor_ms;
    int64_t ceiling_ms;
    unsigned attempts; /* failures since the last success */
};

#define BACKOFF_INIT                                                                                         \
    {                                                                                                        \
        100, 30000, 0                                                                                        \
    }

/* The wait before the next try, in ms; counts one failure. `random` is any uniformly distributed number. */
int64_t backoff_next(struct backoff *backoff, uint32_t random);
void backoff_reset(struct backoff *backoff);

#endif
