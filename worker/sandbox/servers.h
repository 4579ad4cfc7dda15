/* The warm servers of a slot, as its init keeps them (warm.h has the theory of operation). */
#ifndef ASSAY_WORKER_SANDBOX_SERVERS_H
#define ASSAY_WORKER_SANDBOX_SERVERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "worker/sandbox/landlock.h"
#include "worker/sandbox/wire.h"

#define SERVER_START_MS  20000 /* to load everything */
#define SERVER_WATCH_MS  1000
#define SERVER_END_MS    5000 /* to die */
#define SERVER_TRIES_MAX 3    /* failures in a row, after which a server is given up: its steps run cold */

/* Is a step of it on its way? */
enum server_rest {
    SERVER_RESTS,
    SERVER_TAKEN, /* its socket was given to a task */
    SERVER_ASKED, /* SETTLE was sent since */
};

struct server {
    bool configured;
    struct wire_view blob; /* behind argv and environment */
    const char **argv;     /* NULL-terminated */
    const char **environment;
    int library;
    int64_t tasks_max, growth_bytes_max; /* 0 = no limit */

    pid_t pid;                     /* 0 = none */
    int pidfd;                     /* tells of its end whoever has reaped it; -1 = none */
    int socket;                    /* to it, -1 = none */
    int errors;                    /* pipe: what it wrote */
    int64_t tasks, resident_bytes; /* since it started; when it started */
    int64_t own_bytes;             /* what it had of no file, when last looked at */
    unsigned failures;             /* in a row */
    enum server_rest rest;
    bool stuck; /* it, or what it forked, did not die; never started again */
};

struct servers {
    int null, proc; /* /dev/null; the folder of a writable /proc */
    /* In a container, where a server stays uid 0 to become the uid of its steps: under this, as its steps
     * are; NULL = the operator does without. */
    bool container;
    const struct landlock *landlock;
    int lifeline; /* held until a fork is a task's; -1 = none */
    struct server items[WIRE_SERVERS];
};

typedef void servers_report_fn(const struct wire_event *event);

void servers_init(struct servers *servers, int null, int proc);
/* In a container: as in struct servers. */
void servers_init_container(struct servers *servers, const struct landlock *landlock, int lifeline);
/* Keeps what SERVE brought (`fds`: blob, library; what is kept of them is -1 afterwards). */
bool servers_configure(struct servers *servers, const struct wire_request *request, int *fds, size_t fd_count,
                       struct err *err);
/* Ends server `number`, and may be told of it anew. */
void servers_forget(struct servers *servers, uint32_t number);
/* Starts those that are configured, do not run, and were not given up; waits until each is ready; tells of
 * each (WIRE_SERVER), whether it serves or not. */
void servers_start(struct servers *servers, servers_report_fn *report);
/* The socket of server `number` (from 1 on; 0 = none) for one more step, borrowed; -1 when it does not run.
 */
int servers_take(struct servers *servers, uint32_t number);
/* In a step: ends server `number` (0 = none) when it has been stopped by a signal before it forked; the step
 * then ends as one whose server died. Says when to look again (poll's timeout, -1 = not at all). */
int servers_watch(struct servers *servers, uint32_t number);
/* Between tasks: ends those that have done their number of tasks, or have grown. */
void servers_look_after(struct servers *servers);
/* What they have of memory that is no file's. */
int64_t servers_memory(struct servers *servers);

/* servers_settle.c: where the end of a task's init does not end a fork that is on its way to the task. */
/* No task has a socket any more. True once no server has a step, a waiter or a fork: each has said so, or is
 * ended; waits no longer than `wait_ms`. A step that runs has to be ended by the caller. */
bool servers_settle(struct servers *servers, int wait_ms);
/* Ends those that have not settled, or all, and every process of theirs that has not become a task's; false
 * when one does not die. */
bool servers_end(struct servers *servers, bool all);

#endif
