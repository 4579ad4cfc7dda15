/*
 * What is known of the lines of a file once all were judged: enough to publish each by its own bytes, without
 * reading its JSON again. A million tasks with names of 20 bytes take 55 MB. Pure.
 */
#ifndef ASSAY_PRODUCER_TASK_INDEX_H
#define ASSAY_PRODUCER_TASK_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct task_record {
    uint64_t line;     /* its number; rising */
    uint64_t digest;   /* of the line's bytes: was it changed meanwhile? */
    size_t name;       /* where its task_id begins in the index's names */
    uint32_t job, key; /* numbers of the caller's */
    unsigned lacks;    /* enum task_lack (common/message/task.h) */
};

struct task_index {
    struct task_record *records;
    size_t count, capacity;
    char *names;
    size_t names_size, names_capacity;
    size_t next; /* where the next look-up is expected */
};

void task_index_free(struct task_index *index);
/* `record->name` is filled in here. False without memory. */
bool task_index_add(struct task_index *index, const struct task_record *record, const char *task_id);
/* The record of a line; NULL when there is none. Quick when asked for in order. */
const struct task_record *task_index_find(struct task_index *index, uint64_t line);
/* Valid until the next task_index_add. */
const char *task_index_name(const struct task_index *index, const struct task_record *record);

uint64_t task_index_digest(const char *line, size_t size);

#endif
