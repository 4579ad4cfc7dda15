/* A step as a fork of a warm server: the task init's side (warm.h has the theory of operation). */
#ifndef ASSAY_WORKER_SANDBOX_WARM_STEP_H
#define ASSAY_WORKER_SANDBOX_WARM_STEP_H

#include <stdbool.h>

#include "worker/sandbox/confine.h"
#include "worker/sandbox/wire.h"

/* Hands a step over to the server behind `socket`. `container_uid`: the task's uid where it has no namespaces
 * of its own, else 0. run: the RUN request, `command` its blob; of it the fork gets argv, the server the
 * suite's key. *channel (the caller's) is readable once there is something for warm_step_receive. */
bool warm_step_start(int socket, uid_t container_uid, const struct confinement *confinement,
                     const struct wire_request *run, int command, int *channel, struct err *err);

enum warm_step {
    WARM_STEP_RUNS,
    WARM_STEP_EXITED, /* wait_status, cpu_us and peak_rss_bytes of `event` are set, and left_processes: in a
                         container, where the caller then kills, and gets another one when all are gone */
    WARM_STEP_BROKEN, /* the sandbox could not be closed around it, or the server died: `err` */
};
/* Does not wait. */
enum warm_step warm_step_receive(int channel, struct wire_event *event, struct err *err);

#endif
