#include "worker/warm/huge_pages.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/mem.h"

#define HUGE_PAGE ((uintptr_t)2 << 20)
#define PAGE_MIN  ((size_t)4 << 10)
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux has it, the C library not yet */
#endif

/* Seven eighths of it are there: what is not, a huge page would add. */
static bool is_used(uintptr_t at)
{
    unsigned char there[HUGE_PAGE / PAGE_MIN];
    const size_t pages = HUGE_PAGE / (size_t)sysconf(_SC_PAGESIZE);
    size_t used = 0;

    if (mincore((void *)at, HUGE_PAGE, there) != 0)
        return false;
    for (size_t i = 0; i < pages; i++)
        used += there[i] & 1;
    return used >= pages / 8 * 7;
}

void huge_pages_use(void)
{
    autofile FILE *maps = fopen("/proc/self/maps", "re");
    char line[4352], mode[5];
    unsigned long first, end, inode;

    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        if (sscanf(line, "%lx-%lx %4s %*s %*s %lu", &first, &end, mode, &inode) != 4 ||
            strcmp(mode, "rw-p") != 0 || inode != 0)
            continue;
        for (uintptr_t at = (first + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1); at + HUGE_PAGE <= end;
             at += HUGE_PAGE)
            if (is_used(at))
                (void)madvise((void *)at, HUGE_PAGE, MADV_COLLAPSE);
    }
}
