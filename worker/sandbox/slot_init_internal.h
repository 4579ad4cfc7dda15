/* What slot_init.c, slot_setup.c and slot_watch.c share. */
#ifndef ASSAY_WORKER_SANDBOX_SLOT_INIT_INTERNAL_H
#define ASSAY_WORKER_SANDBOX_SLOT_INIT_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "worker/sandbox/landlock.h"
#include "worker/sandbox/memory_watch.h"
#include "worker/sandbox/servers.h"
#include "worker/sandbox/slot_container.h"
#include "worker/sandbox/wire.h"

struct running_task {
    pid_t pid;
    int pidfd; /* -1 = no task */
    int socket;
    bool failed; /* FAILED was sent */
    bool ready;  /* READY was sent */
    bool killed; /* its init is gone by SIGKILL: each step of it ends so */
    bool in_step;
    bool lacks_files;    /* was begun ahead of them */
    bool parked;         /* so was the step, which waits */
    uint32_t server;     /* of the step; 0 = it started cold */
    int64_t cpu_ms;      /* what the step may take; 0 = any */
    int64_t cpu_stop_us; /* of the slot's cgroup: where the step must end; 0 = not watched */
    bool cpu_exceeded;
};

struct slot_state {
    int cpu_usage; /* file of the slot's cgroup, -1 = none */
    int proc, null;
    long processors;
    uint64_t mechanisms;
    bool no_landlock;             /* is no obstacle */
    struct landlock *landlock;    /* NULL = the operator does without */
    const char **read_only_paths; /* NULL-terminated; point into `options` */
    const char *harness_dir;
    struct wire_view options;
    uid_t container_uid; /* 0 = namespaces */
    int lifeline;        /* of a container; -1 = none */
    struct memory_watch memory;
    struct running_task task;
    struct servers servers;
};

/* Takes OPEN, builds the slot's root and enters its namespaces (in a container: checks what stands), and
 * fills `slot` in. */
bool slot_set_up(struct slot_state *slot, struct err *err);

/* A step begins. */
void slot_watch_step(struct slot_state *slot, const struct wire_request *request);
/* The step's time and memory are looked at from here on: from its start, or, when it was parked, from the
 * moment when its files are there. */
void slot_watch_time(struct slot_state *slot);
/* Kills a step whose processes together used up their CPU time or, in a container, their memory, and a server
 * that was stopped before it served one; says when to look again (poll's timeout, -1 = not at all). */
int slot_watch(struct slot_state *slot);

#endif
