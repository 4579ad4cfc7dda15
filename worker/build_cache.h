/*
 * What compile steps made, kept in memory for equal tasks: a list of files for a key. Knows nothing of tasks
 * or sandboxes; what goes into a key is slot_build.c's affair. Bounded: what was used longest ago goes first.
 */
#ifndef ASSAY_WORKER_BUILD_CACHE_H
#define ASSAY_WORKER_BUILD_CACHE_H

#include <stddef.h>

#include "common/digest.h"
#include "worker/sandbox/sandbox.h"

struct build_cache;

struct build_key {
    unsigned char digest[DIGEST_SIZE];
};

/* Holds at most `bytes_max` of content and names. NULL without memory: then nothing is kept. */
struct build_cache *build_cache_new(size_t bytes_max);
void build_cache_free(struct build_cache *cache); /* NULL is fine */
/* The files of a key, in the order in which they were put; NULL when there are none. Valid until the next
 * build_cache_put. */
const struct sandbox_file *build_cache_find(struct build_cache *cache, const struct build_key *key,
                                            size_t *count);
/* Copies them. No effect when the key is there already, when they are larger than an eighth of the cache, or
 * without memory. */
void build_cache_put(struct build_cache *cache, const struct build_key *key, const struct sandbox_file *files,
                     size_t count);

#endif
