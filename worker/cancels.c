#include "worker/cancels.h"

#include <stdio.h>
#include <string.h>

static struct cancel *find(struct cancels *cancels, const char *job_id)
{
    for (size_t i = 0; i < cancels->count; i++)
        if (strcmp(cancels->items[i].job_id, job_id) == 0)
            return &cancels->items[i];
    return NULL;
}

static void forget_expired(struct cancels *cancels, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < cancels->count; i++)
        if (cancels->items[i].until_ms > now_ms)
            cancels->items[kept++] = cancels->items[i];
    cancels->count = kept;
}

static struct cancel *oldest(struct cancels *cancels)
{
    struct cancel *found = &cancels->items[0];
    for (size_t i = 1; i < cancels->count; i++)
        if (cancels->items[i].until_ms < found->until_ms)
            found = &cancels->items[i];
    return found;
}

void cancels_add(struct cancels *cancels, const char *job_id, int64_t now_ms)
{
    forget_expired(cancels, now_ms);
    struct cancel *cancel = find(cancels, job_id);
    if (cancel == NULL && cancels->count < CANCELS_MAX)
        cancel = &cancels->items[cancels->count++];
    if (cancel == NULL)
        cancel = oldest(cancels);
    (void)snprintf(cancel->job_id, sizeof cancel->job_id, "%s", job_id);
    cancel->until_ms = now_ms + CANCELS_KEEP_MS;
}

void cancels_remove(struct cancels *cancels, const char *job_id)
{
    struct cancel *cancel = find(cancels, job_id);
    if (cancel != NULL)
        *cancel = cancels->items[--cancels->count];
}

bool cancels_has(struct cancels *cancels, const char *job_id, int64_t now_ms)
{
    const struct cancel *cancel = find(cancels, job_id);
    return cancel != NULL && cancel->until_ms > now_ms;
}
