/*
 * The slot init, a program of its own (assay-slot-init): pid 1 of the slot's pid namespace. Being exec'ed, it
 * holds nothing of the worker: no descriptor but its socket (WIRE_SOCKET), no memory, no environment.
 *
 * Order: the worker clones it (pid namespace; as an ordinary user inside a user namespace), puts it into the
 * slot's cgroup, and sends OPEN. It builds the slot's root, becomes the slot's uid, enters a user namespace
 * with the slot's network, ipc, uts and cgroup namespaces, gives up every capability, and serves: one task
 * init a task, cloned into namespaces of its own. It passes frames between worker and task init, watches the
 * CPU time of the whole task where a cgroup counts it, and tells of a task init that died. When the worker
 * dies, it dies by PDEATHSIG, and the kernel kills all below it.
 */
#ifndef ASSAY_WORKER_SANDBOX_SLOT_INIT_H
#define ASSAY_WORKER_SANDBOX_SLOT_INIT_H

#define SLOT_INIT_PROGRAM "assay-slot-init"

/* Runs until the worker closes the socket. */
_Noreturn void slot_init_main(void);

#endif
