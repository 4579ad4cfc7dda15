/*
 * Pid 1 of a task. It sets up the task's own namespaces, gives up every privilege, writes the task's files,
 * and then serves its slot init: runs one step after the other, reaps, and kills whatever a step left. It is
 * not dumpable, so that programs of the same uid can read nothing of it, and as the init of the namespace it
 * cannot be signalled by them. When it dies, the kernel kills all of the task.
 *
 * In a container it is no pid 1, but the subreaper of its task under the slot's uid; Landlock's scopes keep
 * the programs' signals from it, and it kills by uid, which is why no other process may have that uid. Only
 * what a warm step orphans is its waiter's instead.
 */
#ifndef ASSAY_WORKER_SANDBOX_TASK_INIT_H
#define ASSAY_WORKER_SANDBOX_TASK_INIT_H

#include <stdbool.h>
#include <sys/types.h>

#include "worker/sandbox/landlock.h"
#include "worker/sandbox/wire.h"

#define TASK_UID 1000u /* uid and gid that programs see; the slot's outside */

struct task_setup {
    int socket;                      /* frames from and to the slot init */
    int proc;                        /* folder: the slot's /proc, writable */
    const struct landlock *landlock; /* NULL = the operator does without */
    bool no_landlock;                /* is no obstacle */
    uid_t container_uid;             /* in a container: the uid to become; 0 = namespaces */
    struct wire_request begin;
    int files; /* blob; -1 = none */
};

/* In the new process, just cloned with CLONE_NEWUSER, NEWPID, NEWNS and NEWIPC; in a container just forked.
 */
_Noreturn void task_init_main(const struct task_setup *setup);

#endif
