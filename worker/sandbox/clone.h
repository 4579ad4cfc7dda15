/* clone3(2) with namespaces, as fork(2) is used: the child goes on in a copy of the memory. */
#ifndef ASSAY_WORKER_SANDBOX_CLONE_H
#define ASSAY_WORKER_SANDBOX_CLONE_H

#include <stdint.h>
#include <sys/types.h>

/* 0 in the child; in the parent the child's pid and *pidfd (CLOEXEC, the caller's); -1 with errno. Only for a
 * single-threaded process, or for a child that execs at once. */
pid_t clone_with(uint64_t flags, int *pidfd);

#endif
