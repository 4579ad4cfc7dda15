/* The seccomp filter: system calls that no program under test needs and that reach into the kernel, the
 * machine or other processes are refused. libseccomp is used here alone.
 *
 * It is installed in two parts, because the kernel compiles what is installed each time, and a task is short:
 * a large one when the slot is opened, which all of its processes inherit, and a small one for what the inits
 * still need to build a task. */
#ifndef ASSAY_WORKER_SANDBOX_SYSCALL_FILTER_H
#define ASSAY_WORKER_SANDBOX_SYSCALL_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

enum syscall_filter_more {
    /* Also deny the calls that make memory which no rlimit of a process bounds (memfd_create, System V shared
     * memory): for a setting where nothing limits the task's memory. */
    SYSCALL_FILTER_MEMORY = 1,
    /* Also deny System V objects and POSIX message queues, which outlive the processes that made them: for a
     * setting without an ipc namespace of the task's own. */
    SYSCALL_FILTER_IPC = 2,
};

/* Compiles the first part (about a millisecond) and puts it on this process and those it starts; needs
 * no_new_privs. `more`: bits of enum syscall_filter_more. Answers: EPERM; EACCES for a socket of any family
 * but AF_UNIX; SIGSYS for calls of another architecture. */
bool syscall_filter_begin(unsigned more, struct err *err);
/* The second part, on this process and those it starts, before anything of a task runs in it: no mounts, no
 * namespaces (EPERM), no clone3 (ENOSYS), whose flags a filter cannot see, so that the C library falls back
 * to clone. `but_setns`: for a warm server, whose forks enter a task's namespaces, and complete it. */
bool syscall_filter_complete(bool but_setns, struct err *err);
/* On this process and those it starts: what would let them slow down or starve the task's init, which keeps
 * the time and may have their uid: scheduling, priority and limits of process `init`, and priorities of whole
 * groups and users (EPERM). */
bool syscall_filter_shield(pid_t init, struct err *err);
/* Of syscall_filter.c. */
bool syscall_filter_install(const struct sock_fprog *program, struct err *err);

#endif
