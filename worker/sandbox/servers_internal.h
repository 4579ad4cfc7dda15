/* What servers.c and servers_settle.c share. */
#ifndef ASSAY_WORKER_SANDBOX_SERVERS_INTERNAL_H
#define ASSAY_WORKER_SANDBOX_SERVERS_INTERNAL_H

#include "worker/sandbox/servers.h"

/* One that has ended, or was stopped by a signal, is ended with all that is its own. */
bool server_runs(struct server *server);
/* Kills it, its waiter and a fork that is no task's yet; returns when they are gone. False: one does not die.
 */
bool server_stop(struct server *server);

#endif
