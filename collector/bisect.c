#include "collector/bisect.h"

static void push(struct bisect *bisect, size_t first, size_t count)
{
    if (count > 0)
        bisect->waiting[bisect->depth++] = (struct bisect_range){first, count};
}

void bisect_start(struct bisect *bisect, size_t count)
{
    bisect->depth = 0;
    push(bisect, 0, count);
}

bool bisect_next(struct bisect *bisect, struct bisect_range *range)
{
    if (bisect->depth == 0)
        return false;
    *range = bisect->waiting[--bisect->depth];
    return true;
}

bool bisect_refused(struct bisect *bisect, struct bisect_range range)
{
    if (range.count <= 1)
        return true;
    size_t half = range.count / 2;
    push(bisect, range.first + half, range.count - half);
    push(bisect, range.first, half);
    return false;
}
