/*
 * A setting is the way in which this machine can hold programs in: by namespaces (setting_namespaces.c: as
 * root, or as an ordinary user who may make user namespaces). Everything else of the worker's side is the
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

/* Does this process have root's privileges, so that a slot can have a uid of its own? */
bool setting_is_privileged(void);
/* Starts `program` (the slot init) as pid 1 of new namespaces, with `socket` as WIRE_SOCKET and an empty
 * environment. A failure after the clone comes over the socket as WIRE_FAILED. */
bool setting_namespaces_start(const char *program, int socket, struct setting_process *process,
                              struct err *err);

#endif
