#include "worker/warm/huge_pages.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "common/mem.h"

#define HUGE_PAGE ((uintptr_t)2 << 20)
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux has it, the C library not yet */
#endif

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
            (void)madvise((void *)at, HUGE_PAGE, MADV_COLLAPSE);
    }
}
