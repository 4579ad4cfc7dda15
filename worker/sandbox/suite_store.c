#include "worker/sandbox/suite_store.h"

#include <string.h>
#include <sys/mman.h>

/* A ring: what is written next takes the place of what was written longest ago. A suite that is still asked
 * for then comes back with its next task, and nothing has to be moved. */
struct entry {
    unsigned char key[SUITE_KEY_SIZE];
    size_t at, size;
};

struct suite_store {
    struct entry entries[SUITE_STORE_MAX]; /* a ring of their own, by age */
    size_t oldest, count;
    size_t next;                   /* where in `bytes` */
    uint64_t seen[SUITE_SEEN_MAX]; /* beginnings of keys, a ring; a mistake costs a little time */
    size_t seen_next;
    unsigned char scratch[SUITE_BYTES_MAX];
    unsigned char bytes[SUITE_STORE_BYTES];
};

struct suite_store *suite_store_open(struct err *err)
{
    void *memory =
        mmap(NULL, sizeof(struct suite_store), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        err_set_errno(err, ERR_NO_MEMORY, "no memory for what is kept of suites");
        return NULL;
    }
    if (madvise(memory, sizeof(struct suite_store), MADV_DONTFORK) != 0) {
        err_set_errno(err, ERR_INFRA, "keep forks from what is kept of suites");
        (void)munmap(memory, sizeof(struct suite_store));
        return NULL;
    }
    return memory; /* zero */
}

static const struct entry *entry_at(const struct suite_store *store, size_t age)
{
    return &store->entries[(store->oldest + age) % SUITE_STORE_MAX];
}

const void *suite_store_get(const struct suite_store *store, const unsigned char key[SUITE_KEY_SIZE],
                            size_t *size)
{
    for (size_t age = store->count; age-- > 0;) {
        const struct entry *entry = entry_at(store, age);
        if (memcmp(entry->key, key, SUITE_KEY_SIZE) == 0) {
            *size = entry->size;
            return store->bytes + entry->at;
        }
    }
    return NULL;
}

bool suite_store_seen(struct suite_store *store, const unsigned char key[SUITE_KEY_SIZE])
{
    uint64_t start;

    memcpy(&start, key, sizeof(start));
    for (size_t i = 0; i < SUITE_SEEN_MAX; i++)
        if (store->seen[i] == start)
            return true;
    store->seen[store->seen_next] = start;
    store->seen_next = (store->seen_next + 1) % SUITE_SEEN_MAX;
    return false;
}

static bool overlaps(const struct suite_store *store, size_t at, size_t size)
{
    for (size_t age = 0; age < store->count; age++) {
        const struct entry *entry = entry_at(store, age);
        if (entry->at < at + size && at < entry->at + entry->size)
            return true;
    }
    return false;
}

bool suite_store_put(struct suite_store *store, const unsigned char key[SUITE_KEY_SIZE], const void *data,
                     size_t size)
{
    if (size == 0 || size > SUITE_BYTES_MAX)
        return false;
    size_t at = store->next + size <= SUITE_STORE_BYTES ? store->next : 0;
    while (store->count == SUITE_STORE_MAX || overlaps(store, at, size)) {
        store->oldest = (store->oldest + 1) % SUITE_STORE_MAX;
        store->count--;
    }
    struct entry *entry = &store->entries[(store->oldest + store->count++) % SUITE_STORE_MAX];
    memcpy(entry->key, key, SUITE_KEY_SIZE);
    entry->at = at;
    entry->size = size;
    memcpy(store->bytes + at, data, size);
    store->next = at + size;
    return true;
}

void *suite_store_scratch(struct suite_store *store)
{
    return store->scratch;
}

void suite_store_close(struct suite_store *store)
{
    if (store != NULL)
        (void)munmap(store, sizeof(*store));
}
