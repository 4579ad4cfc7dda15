/*
 * What a warm server keeps of suites from task to task (warm.h): bytes under the key of the suite, the oldest
 * making room for new ones. The server never looks into them. They lie in memory that a fork does not
 * inherit, so that a program finds nothing of other tasks in its own.
 */
#ifndef ASSAY_WORKER_SANDBOX_SUITE_STORE_H
#define ASSAY_WORKER_SANDBOX_SUITE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define SUITE_KEY_SIZE    32
#define SUITE_BYTES_MAX   ((size_t)256 * 1024) /* of one suite */
#define SUITE_STORE_BYTES ((size_t)2 << 20)    /* of all */
#define SUITE_STORE_MAX   1024                 /* suites */
#define SUITE_SEEN_MAX    4096

struct suite_store;

/* NULL with `err` when there is no memory. It takes SUITE_STORE_BYTES of address space at once, and of memory
 * what it holds. */
struct suite_store *suite_store_open(struct err *err);
/* What is kept under a key: valid until the next suite_store_put. NULL when nothing is. */
const void *suite_store_get(const struct suite_store *store, const unsigned char key[SUITE_KEY_SIZE],
                            size_t *size);
/* Whether it is asked about this key for the second time at least, among the last SUITE_SEEN_MAX: a suite
 * that comes once is not worth keeping. */
bool suite_store_seen(struct suite_store *store, const unsigned char key[SUITE_KEY_SIZE]);
/* Under a key that the store does not hold. False when it is empty or larger than SUITE_BYTES_MAX, and
 * nothing changed. */
bool suite_store_put(struct suite_store *store, const unsigned char key[SUITE_KEY_SIZE], const void *data,
                     size_t size);
/* SUITE_BYTES_MAX bytes of the same memory, for what is about to be put. */
void *suite_store_scratch(struct suite_store *store);
void suite_store_close(struct suite_store *store); /* NULL is fine */

#endif
