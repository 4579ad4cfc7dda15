/*
 * A set of tasks by their identity (job_id, task_id), with a number for each. It keeps 128 bits of a SHA-256
 * instead of the names, so a million tasks take 48 MB at most and nobody can craft two that collide. Pure.
 */
#ifndef ASSAY_PRODUCER_IDSET_H
#define ASSAY_PRODUCER_IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idset;

struct idset *idset_new(void);      /* NULL without memory */
void idset_free(struct idset *set); /* NULL is fine */
size_t idset_count(const struct idset *set);

enum idset_added { IDSET_ADDED, IDSET_PRESENT, IDSET_NO_MEMORY };
/* `*value_out` (may be NULL) is the place of the entry's number, valid until the next idset_add. */
enum idset_added idset_add(struct idset *set, const char *job_id, const char *task_id, uint64_t value,
                           uint64_t **value_out);
/* The place of the entry's number, or NULL; valid until the next idset_add. */
uint64_t *idset_find(const struct idset *set, const char *job_id, const char *task_id);

#endif
