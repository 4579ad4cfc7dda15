/*
 * Arrays as parameters of a statement, in both forms that PostgreSQL takes. Pure.
 */
#ifndef ASSAY_COLLECTOR_ARRAY_H
#define ASSAY_COLLECTOR_ARRAY_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* The text form (PostgreSQL documentation, 8.15.6). NULL elements are SQL NULL. */
void array_append(const char *const *values, size_t count, struct buf *out);

/*
 * The binary form, which costs neither side an escape: this head, then each of the `count` elements (1 or
 * more), its length before it as four bytes in network order, -1 for SQL NULL (array_recv in PostgreSQL's
 * arrayfuncs.c; the elements as the types' own receive functions take them). `type` is the elements' OID.
 */
#define ARRAY_HEAD_BYTES 20
void array_append_head(uint32_t type, size_t count, struct buf *out);
void array_append_null(struct buf *out);

#endif
