/*
 * Finding the rows that the database refuses: a refused range is halved until one row is left. Pure.
 *
 *     bisect_start(&b, rows);
 *     while (bisect_next(&b, &range))
 *         if (!store(range) && bisect_refused(&b, range)) -> range is one row, the culprit
 */
#ifndef ASSAY_COLLECTOR_BISECT_H
#define ASSAY_COLLECTOR_BISECT_H

#include <stdbool.h>
#include <stddef.h>

struct bisect_range {
    size_t first, count;
};

#define BISECT_DEPTH 65 /* each level holds one waiting half of a 64-bit count */

struct bisect {
    struct bisect_range waiting[BISECT_DEPTH];
    size_t depth;
};

void bisect_start(struct bisect *bisect, size_t count);
/* The next range to store, in the order of the rows; false when all were tried. */
bool bisect_next(struct bisect *bisect, struct bisect_range *range);
/* The range was refused: true when it is a single row; else its halves come next. */
bool bisect_refused(struct bisect *bisect, struct bisect_range range);

#endif
