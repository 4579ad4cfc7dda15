/*
 * Memory of JSON trees. A message's tree is hundreds of small pieces that are made together and freed
 * together; among the longer-lived pieces of the program they would break malloc's heap into small change,
 * and cost it more than reading the JSON does. So jansson gets its memory from chunks, in the order of
 * asking, and a chunk is used anew when its last piece is gone. A tree that lives long keeps its chunks.
 */
#ifndef ASSAY_COMMON_MESSAGE_JSON_MEMORY_H
#define ASSAY_COMMON_MESSAGE_JSON_MEMORY_H

#include <stddef.h>

struct json_t;

#define JSON_MEMORY_CHUNK ((size_t)64 * 1024)
#define JSON_MEMORY_SMALL ((size_t)8 * 1024) /* larger pieces are malloc's own */

/* Once, at the start of main, before any JSON. Under AddressSanitizer each piece is malloc's own, behind its
 * header: every one is watched, and what is given to free() is seen as in no other build. */
void json_memory_use(void);

/* What jansson then calls; a piece is aligned for everything. NULL without memory. */
void *json_memory_take(size_t size);
void json_memory_give_back(void *piece); /* NULL is fine */
/* `tree` as text in malloc's memory, for free(); json_dumps gives a piece of a chunk. NULL: no `tree`, or no
 * memory. `size` may be NULL. */
char *json_memory_text(const struct json_t *tree, size_t flags, size_t *size);
/* Chunks that exist, for tests. */
size_t json_memory_chunks(void);

#endif
