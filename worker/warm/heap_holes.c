#include "worker/warm/heap_holes.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* Of Python's interface, where the process is one. */
void *PyObject_Malloc(size_t size) __attribute__((weak));

/* Malloc keeps lists of pieces of each size up to this one; what is larger is divided. */
#define LISTED_MAX 1040
#define STEP       16
#define AT_THE_TOP ((size_t)64 << 10)
/* Python gives out sizes in steps up to the largest from pools of their own, whose first piece lies behind a
 * header. */
#define PYTHON_LARGEST 512
#define POOL           16384
#define POOL_HEADER    48
/* So many in a row, from its first one on: a pool of which nothing was given out before. */
#define FRESH_PIECES 4
/* More than there are: with another allocator hardly anything is the first of a pool, or below the top. */
#define PIECES_MAX       100000
#define LARGE_PIECES_MAX 1000

/* Where the heap ends, about: beyond it there are no holes. */
static uintptr_t find_top(void)
{
    for (int i = 0; i < LARGE_PIECES_MAX; i++) {
        uintptr_t at = (uintptr_t)malloc(AT_THE_TOP);
        if (at + 4 * AT_THE_TOP >= (uintptr_t)sbrk(0))
            return at;
    }
    return 0;
}

static void fill_malloc(void)
{
    const uintptr_t top = find_top();
    uintptr_t at;

    for (size_t size = STEP + STEP / 2; size <= LISTED_MAX; size += STEP)
        do
            at = (uintptr_t)malloc(size);
        while (at != 0 && at < top);
}

static void fill_python(void)
{
    int pieces = 0;

    for (size_t size = STEP; size <= PYTHON_LARGEST; size += STEP) {
        uintptr_t before = 0;
        int in_a_row = 0; /* the first pieces of a pool */
        while (in_a_row < FRESH_PIECES && pieces++ < PIECES_MAX) {
            uintptr_t at = (uintptr_t)PyObject_Malloc(size);
            if (in_a_row > 0 && at == before + size)
                in_a_row++;
            else
                in_a_row = at % POOL == POOL_HEADER ? 1 : 0;
            before = at;
        }
    }
}

void heap_holes_fill(void)
{
    fill_malloc();
    if (PyObject_Malloc != NULL)
        fill_python();
}
