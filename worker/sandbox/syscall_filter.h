/* The seccomp filter: system calls that no program under test needs and that reach into the kernel, the
 * machine or other processes are refused. libseccomp is used here alone. */
#ifndef ASSAY_WORKER_SANDBOX_SYSCALL_FILTER_H
#define ASSAY_WORKER_SANDBOX_SYSCALL_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>

#include "common/err.h"

/* Compiles the filter once (about a millisecond); `program->filter` is malloc'ed. With `deny_memory` also the
 * calls that make memory which no rlimit of a process bounds (memfd_create, System V shared memory), for a
 * setting without a memory cgroup. Answers: EPERM; EACCES for a socket of any family but AF_UNIX; ENOSYS for
 * clone3, whose flags a filter cannot see, so that the C library falls back to clone; SIGSYS for calls of
 * another architecture. */
bool syscall_filter_build(bool deny_memory, struct sock_fprog *program, struct err *err);
/* On this process and those it starts; needs no_new_privs. */
bool syscall_filter_enforce(const struct sock_fprog *program, struct err *err);

#endif
