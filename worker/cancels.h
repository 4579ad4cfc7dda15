/*
 * The jobs that were cancelled lately. Pure. Bounded: beyond CANCELS_MAX the oldest is forgotten; each is
 * forgotten CANCELS_KEEP_MS after it was last announced (the collector announces the live ones again whenever
 * a worker says hello), which is as long as the collector holds it for live.
 */
#ifndef ASSAY_WORKER_CANCELS_H
#define ASSAY_WORKER_CANCELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

#define CANCELS_MAX     1024
#define CANCELS_KEEP_MS ((int64_t)7 * 24 * 60 * 60 * 1000)

struct cancel {
    char job_id[TEXT_ID_MAX + 1];
    int64_t until_ms;
};

struct cancels {
    struct cancel items[CANCELS_MAX];
    size_t count;
};

void cancels_add(struct cancels *cancels, const char *job_id, int64_t now_ms);
/* The cancel was lifted. */
void cancels_remove(struct cancels *cancels, const char *job_id);
bool cancels_has(struct cancels *cancels, const char *job_id, int64_t now_ms);

#endif
