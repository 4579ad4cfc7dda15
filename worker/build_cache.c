#include "worker/build_cache.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define BUCKETS      256 /* by the first byte of a key, which is a digest */
#define SHARE_OF_ONE 8   /* no entry is larger than this part of the cache */

/* One block of memory: the entry, its files, then their names and content. */
struct entry {
    struct build_key key;
    struct entry *next;          /* in the bucket */
    struct entry *newer, *older; /* by their last use */
    size_t bytes;
    size_t count;
    struct sandbox_file files[];
};

struct build_cache {
    size_t bytes_max, bytes;
    struct entry *buckets[BUCKETS];
    struct entry *newest, *oldest;
};

struct build_cache *build_cache_new(size_t bytes_max)
{
    struct build_cache *cache = calloc(1, sizeof(*cache));
    if (cache != NULL)
        cache->bytes_max = bytes_max;
    return cache;
}

static bool is_equal(const struct build_key *a, const struct build_key *b)
{
    return memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

static void unlink_use(struct build_cache *cache, struct entry *entry)
{
    *(entry->newer != NULL ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void link_newest(struct build_cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    *(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

static void drop_oldest(struct build_cache *cache)
{
    struct entry *entry = cache->oldest;
    struct entry **place = &cache->buckets[entry->key.digest[0]];
    while (*place != entry)
        place = &(*place)->next;
    *place = entry->next;
    unlink_use(cache, entry);
    cache->bytes -= entry->bytes;
    free(entry);
}

void build_cache_free(struct build_cache *cache)
{
    while (cache != NULL && cache->oldest != NULL)
        drop_oldest(cache);
    free(cache);
}

static struct entry *find(const struct build_cache *cache, const struct build_key *key)
{
    struct entry *entry = cache->buckets[key->digest[0]];
    while (entry != NULL && !is_equal(&entry->key, key))
        entry = entry->next;
    return entry;
}

const struct sandbox_file *build_cache_find(struct build_cache *cache, const struct build_key *key,
                                            size_t *count)
{
    struct entry *entry = find(cache, key);
    if (entry == NULL)
        return NULL;
    unlink_use(cache, entry);
    link_newest(cache, entry);
    *count = entry->count;
    return entry->files;
}

static struct entry *copy(const struct build_key *key, const struct sandbox_file *files, size_t count,
                          size_t bytes)
{
    struct entry *entry = malloc(bytes);
    if (entry == NULL)
        return NULL;
    *entry = (struct entry){.key = *key, .bytes = bytes, .count = count};
    char *space = (char *)&entry->files[count];
    for (size_t i = 0; i < count; i++) {
        size_t name = strlen(files[i].path) + 1;
        entry->files[i] = files[i];
        entry->files[i].path = memcpy(space, files[i].path, name);
        space += name;
        entry->files[i].data = files[i].size > 0 ? memcpy(space, files[i].data, files[i].size) : NULL;
        space += files[i].size;
    }
    return entry;
}

void build_cache_put(struct build_cache *cache, const struct build_key *key, const struct sandbox_file *files,
                     size_t count)
{
    size_t bytes = sizeof(struct entry) + count * sizeof(*files);
    for (size_t i = 0; i < count; i++)
        bytes += strlen(files[i].path) + 1 + files[i].size;
    if (count == 0 || bytes > cache->bytes_max / SHARE_OF_ONE || find(cache, key) != NULL)
        return;
    struct entry *entry = copy(key, files, count, bytes);
    if (entry == NULL)
        return;
    while (cache->bytes + bytes > cache->bytes_max)
        drop_oldest(cache);
    entry->next = cache->buckets[key->digest[0]];
    cache->buckets[key->digest[0]] = entry;
    cache->bytes += bytes;
    link_newest(cache, entry);
}
