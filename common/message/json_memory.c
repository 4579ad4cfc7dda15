#include "common/message/json_memory.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/buf.h"

struct chunk {
    size_t used;
    size_t pieces; /* that live */
    max_align_t data[];
};

/* Before each piece. */
union header {
    struct chunk *chunk; /* NULL: malloc's own */
    max_align_t alignment;
};

/* jansson's allocator has no context: one for the program, which has one thread. */
static struct chunk *current;
static struct chunk *spare; /* an empty one, so that a tree on a chunk's border does not cost one each time */
static size_t chunk_count;
static size_t small_max = JSON_MEMORY_SMALL; /* larger pieces are malloc's own */

static struct chunk *new_chunk(void)
{
    struct chunk *chunk = spare;
    spare = NULL;
    if (chunk == NULL) {
        chunk = malloc(JSON_MEMORY_CHUNK);
        if (chunk == NULL)
            return NULL;
        chunk_count++;
    }
    chunk->used = offsetof(struct chunk, data);
    chunk->pieces = 0;
    return chunk;
}

static void retire(struct chunk *chunk)
{
    if (spare == NULL) {
        spare = chunk;
        return;
    }
    free(chunk);
    chunk_count--;
}

void *json_memory_take(size_t size)
{
    const size_t unit = sizeof(union header);
    union header *header;
    if (size > small_max) {
        header = size < SIZE_MAX - unit ? malloc(unit + size) : NULL;
        if (header == NULL)
            return NULL;
        header->chunk = NULL;
        return header + 1;
    }
    size_t whole = unit + (size + unit - 1) / unit * unit;
    if (current == NULL || JSON_MEMORY_CHUNK - current->used < whole) {
        struct chunk *chunk = new_chunk();
        if (chunk == NULL)
            return NULL;
        current = chunk; /* the one before is retired by its last piece */
    }
    header = (union header *)(void *)((char *)current + current->used);
    current->used += whole;
    current->pieces++;
    header->chunk = current;
    return header + 1;
}

void json_memory_give_back(void *piece)
{
    if (piece == NULL)
        return;
    union header *header = (union header *)piece - 1;
    struct chunk *chunk = header->chunk;
    if (chunk == NULL) {
        free(header);
        return;
    }
    if (--chunk->pieces > 0)
        return;
    if (chunk == current)
        chunk->used = offsetof(struct chunk, data);
    else
        retire(chunk);
}

static int append_text(const char *text, size_t size, void *out)
{
    buf_append(out, text, size);
    return 0;
}

char *json_memory_text(const struct json_t *tree, size_t flags, size_t *size)
{
    autobuf struct buf out = BUF_INIT;
    if (tree == NULL || json_dump_callback(tree, append_text, &out, flags) != 0)
        return NULL;
    return buf_steal(&out, size);
}

size_t json_memory_chunks(void)
{
    return chunk_count;
}

void json_memory_use(void)
{
#ifdef __SANITIZE_ADDRESS__
    small_max = 0;
#endif
    json_set_alloc_funcs(json_memory_take, json_memory_give_back);
}
