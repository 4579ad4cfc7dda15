#include "worker/sandbox/clone.h"

#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t clone_with(uint64_t flags, int *pidfd)
{
    /* The C library keeps the thread's id in memory; a clone behind its back must renew it as fork does. */
    void *thread_id = NULL;
    int opened = -1;

    (void)prctl(PR_GET_TID_ADDRESS, &thread_id, 0, 0, 0);
    struct clone_args arguments = {
        .flags = flags | CLONE_PIDFD | (thread_id != NULL ? CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID : 0),
        .pidfd = (uint64_t)(uintptr_t)&opened,
        .child_tid = (uint64_t)(uintptr_t)thread_id,
        .exit_signal = SIGCHLD,
    };
    pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
    if (pid > 0)
        *pidfd = opened;
    return pid;
}
