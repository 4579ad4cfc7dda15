/* The seccomp filter: system calls that no program under test needs and that reach into the kernel, the
 * machine or other processes are refused. libseccomp is used here alone. */
#ifndef ASSAY_WORKER_SANDBOX_SYSCALL_FILTER_H
#define ASSAY_WORKER_SANDBOX_SYSCALL_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>

#include "common/err.h"

enum syscall_filter_more {
    /* Also deny the calls that make memory which no rlimit of a process bounds (memfd_create, System V shared
     * memory): for a setting where nothing limits the task's memory. */
    SYSCALL_FILTER_MEMORY = 1,
    /* Also deny System V objects and POSIX message queues, which outlive the processes that made them: for a
     * setting without an ipc namespace of the task's own. */
    SYSCALL_FILTER_IPC = 2,
};

/* Compiles the filter once (about a millisecond); `program->filter` is malloc'ed. `more`: bits of enum
 * syscall_filter_more. Answers: EPERM; EACCES for a socket of any family but AF_UNIX; ENOSYS for
 * clone3, whose flags a filter cannot see, so that the C library falls back to clone; SIGSYS for calls of
 * another architecture. */
bool syscall_filter_build(unsigned more, struct sock_fprog *program, struct err *err);
/* On this process and those it starts; needs no_new_privs. */
bool syscall_filter_enforce(const struct sock_fprog *program, struct err *err);

#endif
