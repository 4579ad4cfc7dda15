#include "common/acks.h"

#include <stdlib.h>

struct acks_entry {
    uint64_t tag;
    enum { ENTRY_OPEN, ENTRY_FINISHED, ENTRY_ACKNOWLEDGED } state;
};

void acks_free(struct acks *acks)
{
    free(acks->entries);
    *acks = (struct acks){0};
}

/* The front is free again as fast as the back grows: what is there moves before more is taken. */
static bool make_room(struct acks *acks)
{
    if (acks->head + acks->count < acks->capacity)
        return true;
    for (size_t i = 0; i < acks->count; i++)
        acks->entries[i] = acks->entries[acks->head + i];
    acks->head = 0;
    if (acks->count * 2 < acks->capacity)
        return true;
    size_t capacity = acks->capacity > 0 ? 2 * acks->capacity : 256;
    struct acks_entry *entries = reallocarray(acks->entries, capacity, sizeof(*entries));
    if (entries == NULL)
        return acks->count < acks->capacity;
    acks->entries = entries;
    acks->capacity = capacity;
    return true;
}

bool acks_add(struct acks *acks, uint64_t tag)
{
    if (!make_room(acks))
        return false;
    acks->entries[acks->head + acks->count++] = (struct acks_entry){tag, ENTRY_OPEN};
    acks->open++;
    return true;
}

static struct acks_entry *find(struct acks *acks, uint64_t tag)
{
    size_t low = acks->head;
    size_t high = acks->head + acks->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (acks->entries[middle].tag == tag)
            return &acks->entries[middle];
        if (acks->entries[middle].tag < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool acks_finish(struct acks *acks, unsigned channel, uint64_t tag)
{
    struct acks_entry *entry = channel == acks->channel ? find(acks, tag) : NULL;
    if (entry == NULL || entry->state != ENTRY_OPEN)
        return false;
    entry->state = ENTRY_FINISHED;
    acks->open--;
    acks->finished++;
    return true;
}

void acks_forget(struct acks *acks, uint64_t tag)
{
    struct acks_entry *entry = find(acks, tag);
    if (entry == NULL || entry->state != ENTRY_OPEN)
        return;
    entry->state = ENTRY_ACKNOWLEDGED;
    acks->open--;
}

/* The last of the entries at the front that have all ended, and how many of them are unacknowledged. */
static bool take_front(struct acks *acks, uint64_t *tag, size_t *finished)
{
    *finished = 0;
    while (acks->count > 0 && acks->entries[acks->head].state != ENTRY_OPEN) {
        if (acks->entries[acks->head].state == ENTRY_FINISHED) {
            *tag = acks->entries[acks->head].tag;
            (*finished)++;
        }
        acks->head++;
        acks->count--;
    }
    acks->finished -= *finished;
    return *finished > 0;
}

bool acks_next(struct acks *acks, uint64_t *tag, bool *multiple)
{
    size_t finished;
    if (take_front(acks, tag, &finished)) {
        *multiple = finished > 1;
        return true;
    }
    *multiple = false;
    for (size_t i = 0; acks->finished > 0 && i < acks->count; i++) {
        struct acks_entry *entry = &acks->entries[acks->head + i];
        if (entry->state != ENTRY_FINISHED)
            continue;
        entry->state = ENTRY_ACKNOWLEDGED;
        acks->finished--;
        *tag = entry->tag;
        return true;
    }
    return false;
}

void acks_drop(struct acks *acks)
{
    acks->head = 0;
    acks->count = 0;
    acks->open = 0;
    acks->finished = 0;
    acks->channel++;
}
