/* Tables of text: aligned columns for people, CSV (RFC 4180) for programs. Pure. */
#ifndef ASSAY_PRODUCER_TABLE_H
#define ASSAY_PRODUCER_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

#define TABLE_COLUMNS_MAX 16

struct table_column {
    const char *title;
    bool right;       /* numbers */
    size_t width_max; /* longer cells are cut; 0 = not */
};

struct table;

/* `columns` is borrowed. NULL without memory. */
struct table *table_new(const struct table_column *columns, size_t count);
void table_free(struct table *table); /* NULL is fine */
/* Copies one row of `count` cells; NULL cells are empty. False without memory. */
bool table_add(struct table *table, const char *const *cells);
size_t table_rows(const struct table *table);
/* Titles, then the rows; columns two spaces apart, no white space at the ends of lines. */
void table_print(const struct table *table, struct buf *out);

/* One CSV record with its CRLF: cells with commas, quotes or line breaks are quoted. */
void csv_append(struct buf *out, const char *const *cells, size_t count);

#endif
