#include "producer/idset.h"

#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "common/text.h"

struct entry {
    uint64_t key[2]; /* never both zero in a used entry */
    uint64_t value;
};

struct idset {
    struct entry *entries;
    size_t capacity; /* a power of two */
    size_t count;
};

#define FIRST_CAPACITY 256

struct idset *idset_new(void)
{
    struct idset *set = calloc(1, sizeof *set);
    if (set == NULL)
        return NULL;
    set->capacity = FIRST_CAPACITY;
    set->entries = calloc(set->capacity, sizeof *set->entries);
    if (set->entries == NULL) {
        free(set);
        return NULL;
    }
    return set;
}

void idset_free(struct idset *set)
{
    if (set == NULL)
        return;
    free(set->entries);
    free(set);
}

size_t idset_count(const struct idset *set)
{
    return set->count;
}

static void make_key(uint64_t key[2], const char *job_id, const char *task_id)
{
    char text[2 * (TEXT_ID_MAX + 1)];
    size_t job_size = strnlen(job_id, TEXT_ID_MAX);
    size_t task_size = strnlen(task_id, TEXT_ID_MAX);
    memcpy(text, job_id, job_size);
    text[job_size] = '\0';
    memcpy(text + job_size + 1, task_id, task_size);
    unsigned char digest[DIGEST_SIZE];
    digest_sha256(text, job_size + 1 + task_size, digest);
    memcpy(key, digest, 2 * sizeof *key);
    if (key[0] == 0 && key[1] == 0)
        key[1] = 1;
}

/* The entry with this key, or the free one where it belongs. */
static struct entry *locate(const struct entry *entries, size_t capacity, const uint64_t key[2])
{
    for (size_t i = (size_t)key[0];; i++) {
        const struct entry *entry = &entries[i & (capacity - 1)];
        if ((entry->key[0] == key[0] && entry->key[1] == key[1]) ||
            (entry->key[0] == 0 && entry->key[1] == 0))
            return (struct entry *)entry;
    }
}

static bool grow(struct idset *set)
{
    size_t capacity = set->capacity * 2;
    struct entry *entries = calloc(capacity, sizeof *entries);
    if (entries == NULL)
        return false;
    for (size_t i = 0; i < set->capacity; i++) {
        const struct entry *entry = &set->entries[i];
        if (entry->key[0] != 0 || entry->key[1] != 0)
            *locate(entries, capacity, entry->key) = *entry;
    }
    free(set->entries);
    set->entries = entries;
    set->capacity = capacity;
    return true;
}

enum idset_added idset_add(struct idset *set, const char *job_id, const char *task_id, uint64_t value,
                           uint64_t **value_out)
{
    if (set->count >= set->capacity / 4 * 3 && !grow(set))
        return IDSET_NO_MEMORY;
    uint64_t key[2];
    make_key(key, job_id, task_id);
    struct entry *entry = locate(set->entries, set->capacity, key);
    bool present = entry->key[0] != 0 || entry->key[1] != 0;
    if (!present) {
        memcpy(entry->key, key, sizeof key);
        entry->value = value;
        set->count++;
    }
    if (value_out != NULL)
        *value_out = &entry->value;
    return present ? IDSET_PRESENT : IDSET_ADDED;
}

uint64_t *idset_find(const struct idset *set, const char *job_id, const char *task_id)
{
    uint64_t key[2];
    make_key(key, job_id, task_id);
    struct entry *entry = locate(set->entries, set->capacity, key);
    return entry->key[0] == 0 && entry->key[1] == 0 ? NULL : &entry->value;
}
