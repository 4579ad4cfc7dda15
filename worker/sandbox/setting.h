/*
 * A setting is the way in which this machine can hold programs in: by namespaces (setting_namespaces.c: as
 * root, or as an ordinary user who may make user namespaces), or by a hardened container that is there
 * already and lets nobody make namespaces (setting_container.c). Everything else of the worker's side is the
 * same for each setting.
 */
#ifndef ASSAY_WORKER_SANDBOX_SETTING_H
#define ASSAY_WORKER_SANDBOX_SETTING_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

struct setting_process {
    pid_t pid; /* as the worker sees it */
    int pidfd; /* the caller's */
};

enum setting {
    SETTING_NAMESPACES,
    SETTING_CONTAINER,
};

/* `asked`: "namespaces", "container", or "auto" (also NULL, ""): a container when this process is uid 0 with
 * exactly the capabilities that compose/executor.yaml gives it, in a pid namespace that is not the machine's;
 * namespaces in all other cases. What then cannot be set up is an error, never a reason for the other
 * setting. ERR_CONFIG for any other word, and when a container is asked for where none such is. */
bool setting_choose(const char *asked, enum setting *setting, struct err *err);

/* Is the container as hardened as the sandbox counts on: capabilities, own pid namespace, read-only root,
 * limited tmpfs where programs may write? ERR_CONFIG names what is not. */
bool setting_container_check(struct err *err);
/* A uid that no other container of the machine uses at the same time: RLIMIT_NPROC counts by uid,
 * machine-wide. */
uid_t setting_container_uid(void);
/* Starts `program` (the slot init) with `socket` as WIRE_SOCKET and an empty environment. It does not die
 * with the worker, but ends by itself, after cleaning up, when the socket closes. */
bool setting_container_start(const char *program, int socket, struct setting_process *process,
                             struct err *err);

/* Does this process have root's privileges, so that a slot can have a uid of its own? */
bool setting_is_privileged(void);
/* Starts `program` (the slot init) as pid 1 of new namespaces, with `socket` as WIRE_SOCKET and an empty
 * environment. A failure after the clone comes over the socket as WIRE_FAILED. */
bool setting_namespaces_start(const char *program, int socket, struct setting_process *process,
                              struct err *err);

#endif
