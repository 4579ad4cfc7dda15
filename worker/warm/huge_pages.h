/* The memory of a warm server in huge pages: a fork copies one entry of the page table for 2 MiB instead of
 * 512, and gives up one at its end. */
#ifndef ASSAY_WORKER_WARM_HUGE_PAGES_H
#define ASSAY_WORKER_WARM_HUGE_PAGES_H

/* Of what this process has written to, all that the kernel will put into huge pages (Linux 6.1) and that
 * fills them but for little, once. Without that everything stays as it was. */
void huge_pages_use(void);

#endif
