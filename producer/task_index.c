#include "producer/task_index.h"

#include <stdlib.h>
#include <string.h>

#include "common/digest.h"

void task_index_free(struct task_index *index)
{
    free(index->records);
    free(index->names);
    memset(index, 0, sizeof *index);
}

/* Room for `more` elements; NULL without memory, `*array` stays as it was then. */
static void *reserve(void *array, size_t *capacity, size_t count, size_t more, size_t size)
{
    if (*capacity - count >= more)
        return array;
    size_t wanted = *capacity < 1024 ? 1024 : *capacity + *capacity / 2;
    while (wanted - count < more)
        wanted *= 2;
    void *grown = realloc(array, wanted * size);
    if (grown != NULL)
        *capacity = wanted;
    return grown;
}

bool task_index_add(struct task_index *index, const struct task_record *record, const char *task_id)
{
    size_t size = strlen(task_id) + 1;
    char *names = reserve(index->names, &index->names_capacity, index->names_size, size, 1);
    if (names == NULL)
        return false;
    index->names = names;
    struct task_record *records =
        reserve(index->records, &index->capacity, index->count, 1, sizeof *index->records);
    if (records == NULL)
        return false;
    index->records = records;
    struct task_record *added = &records[index->count++];
    *added = *record;
    added->name = index->names_size;
    memcpy(names + index->names_size, task_id, size);
    index->names_size += size;
    return true;
}

static int compare(const void *key, const void *element)
{
    uint64_t line = *(const uint64_t *)key;
    const struct task_record *record = element;
    return line < record->line ? -1 : line > record->line;
}

const struct task_record *task_index_find(struct task_index *index, uint64_t line)
{
    const struct task_record *found = NULL;
    if (index->next < index->count && index->records[index->next].line == line)
        found = &index->records[index->next];
    else if (index->count > 0)
        found = bsearch(&line, index->records, index->count, sizeof *index->records, compare);
    if (found != NULL)
        index->next = (size_t)(found - index->records) + 1;
    return found;
}

const char *task_index_name(const struct task_index *index, const struct task_record *record)
{
    return index->names + record->name;
}

uint64_t task_index_digest(const char *line, size_t size)
{
    unsigned char digest[DIGEST_SIZE];
    uint64_t first;
    digest_sha256(line, size, digest);
    memcpy(&first, digest, sizeof first);
    return first;
}
