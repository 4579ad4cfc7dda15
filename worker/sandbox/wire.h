/*
 * What travels between the worker, the slot init and the task init: one datagram (SOCK_SEQPACKET) is one
 * frame, a fixed struct; descriptors ride along by SCM_RIGHTS. Content of any size (files, argv, environment)
 * is in a sealed memfd, the *blob*, so that nobody can change it after it was sent.
 *
 * The three processes come from one build, so a frame is the struct as it lies in memory; `version` is
 * checked all the same, because the slot init is a program file of its own that could be stale.
 */
#ifndef ASSAY_WORKER_SANDBOX_WIRE_H
#define ASSAY_WORKER_SANDBOX_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "worker/sandbox/suite_store.h"

#define WIRE_VERSION  10u
#define WIRE_SOCKET   3 /* the slot init's end of its socket */
#define WIRE_STEP_FDS 5 /* stdin, stdout, stderr, report, control */
#define WIRE_FDS_MAX  12
#define WIRE_SERVERS  8 /* warm servers of a slot at most */
#define WIRE_BLOB_MAX ((size_t)1 << 30)
/* Files that may come with OPEN. */
#define WIRE_OPEN_CPU_USAGE   1u
#define WIRE_OPEN_MEMORY_STAT 2u
#define WIRE_OPEN_LIFELINE    4u /* to be held by all that is not a program yet (container) */

enum wire_kind {
    /* Worker to slot init (and on to the task init: BEGIN, FILES, RUN, KILL). */
    WIRE_OPEN = 1, /* blob: harness folder, then the read-only paths; then the files of step_fds */
    WIRE_BEGIN,    /* blob: the files; without one they come with FILES */
    WIRE_FILES,    /* blob: the files */
    WIRE_RUN,      /* blob: argv, the environment, then what to keep; then the step's descriptors */
    WIRE_KILL,
    WIRE_END,
    WIRE_SERVE, /* to the slot init: blob: argv, then the environment of a warm server; then the library.
                   Without them: it is ended, and forgotten */
    WIRE_FORK,  /* task init to warm server (warm.h): the descriptors of enum wire_fork_fd, then the step's */
    WIRE_SETTLE, /* slot init to warm server: IDLE comes when all that was asked before is over */
    /* Back. */
    WIRE_OPENED,
    WIRE_READY,
    WIRE_EXITED,
    WIRE_ENDED,
    WIRE_FAILED,
    WIRE_SERVER, /* a warm server serves, or (err) does not */
    WIRE_IDLE,
};

/* What comes first with WIRE_FORK. */
enum wire_fork_fd {
    WIRE_FORK_CHANNEL, /* answers: FAILED, EXITED */
    WIRE_FORK_COMMAND, /* the blob of RUN: for the fork, not for the server */
    WIRE_FORK_USER,    /* namespaces to enter, in this order; in a container there are none */
    WIRE_FORK_PID,
    WIRE_FORK_IPC,
    WIRE_FORK_MOUNT,
    WIRE_FORK_FDS,
};
#define WIRE_FORK_LANDLOCK (1u << 31) /* of step_fds: the ruleset is behind them, before the step's */

struct wire_request {
    uint32_t version;
    uint32_t kind;
    uint32_t blob_items; /* strings or files in the blob */
    uint32_t argv_items; /* RUN, FORK, SERVE: how many of them are argv */
    uint32_t keep_items; /* RUN: files of the workspace that come back with EXITED when the step exits with 0;
                            their names stand in the blob behind blob_items strings */
    uint32_t step_fds;   /* RUN: bit n set = descriptor n of the step is among those sent, in order. OPEN:
                            WIRE_OPEN_... */
    uint32_t uid, gid;   /* OPEN: to become; 0 = stay (a user without privilege). FORK: uid: the same in a
                            container; 0 = there are namespaces to enter */
    uint32_t init;       /* FORK: in a container: the task's init */
    uint32_t deny_memory; /* OPEN: also deny memory that no rlimit bounds (no memory cgroup) */
    uint32_t no_landlock; /* OPEN: go on without Landlock where the kernel has none */
    uint32_t container;   /* OPEN: the setting is a container: no namespaces; uid is the programs' */
    uint32_t parked;      /* RUN: the step waits for what comes with FILES; its time begins there */
    uint32_t server;      /* RUN: by a fork of this warm server, counted from 1, if it is there (its socket is
                             then the last descriptor for the task init); 0 = by argv. SERVE: its number */
    int64_t processes, disk_bytes; /* BEGIN: RLIMIT_NPROC, tmpfs size. FORK: RLIMIT_NPROC. SERVE: tasks after
                                      which the server is started anew */
    int64_t memory_bytes; /* BEGIN: the task's limit where only the container has a cgroup: looked after by
                             polling; 0 = none. SERVE: growth after which the server is started anew */
    int64_t worker_bytes; /* BEGIN, FILES: the worker's own memory now, which is no task's; 0 = not known */
    int64_t cpu_ms, address_space_bytes, file_size_bytes, open_files; /* RUN, FORK */
    int64_t after_ms;                        /* KILL: not before the step has had so much */
    unsigned char suite_key[SUITE_KEY_SIZE]; /* RUN, FORK: sandbox_step.suite_key; zeros = none */
};

struct wire_event {
    uint32_t version;
    uint32_t kind;
    uint64_t mechanisms; /* OPENED, READY: bits of enum mechanism that are in force */
    /* EXITED, as in struct sandbox_event: */
    int32_t wait_status; /* of waitpid(2) */
    int32_t exec_errno;  /* 0 = it was started */
    int64_t started_us, wall_us, cpu_us, peak_rss_bytes;
    int64_t memory_peak_bytes; /* of the task so far, as polled (container); 0 = not known */
    uint8_t cpu_exceeded, disk_full, left_processes; /* of a warm server's waiter: another EXITED tells when
                                                        they are gone */
    uint8_t memory_exceeded;                         /* found by polling (container) */
    uint8_t task_init_killed; /* EXITED: the task is over, its init was killed by SIGKILL, as the memory limit
                                 does */
    uint8_t warm;             /* EXITED: was a fork of a warm server */
    uint32_t kept_items;      /* EXITED: files in the blob that comes along; 0 = none does */
    uint32_t server;          /* SERVER: its number */
    int64_t start_ms;         /* SERVER: how long it took to start */
    int64_t server_bytes;     /* SERVER: its resident memory */
    int64_t server_own_bytes; /* SERVER: of that, what is not of files */
    int64_t address_bytes;    /* SERVER: its address space, without what the preloads take */
    struct err err;           /* FAILED. SERVER: without a code: what it loaded, with times and memory */
};

enum wire_result {
    WIRE_GOT,
    WIRE_EMPTY,  /* nothing there (MSG_DONTWAIT) */
    WIRE_CLOSED, /* the peer is gone */
    WIRE_BROKEN, /* not a frame of this version, or recvmsg failed: `err` */
};

/* Sends one frame with `fd_count` descriptors, which stay the caller's. Never blocks for long: a full socket
 * is an error. */
bool wire_send(int socket, const void *frame, size_t size, const int *fds, size_t fd_count, struct err *err);
/* Receives one frame of exactly `size` bytes whose first member is the version. `fds` has WIRE_FDS_MAX
 * places; *fd_count are set, CLOEXEC, and the caller's to close. `flags` as for recvmsg(2). */
enum wire_result wire_receive(int socket, void *frame, size_t size, int *fds, size_t *fd_count, int flags,
                              struct err *err);
void wire_close_fds(int *fds, size_t count);

/* A memfd under construction. */
struct wire_blob {
    int fd;
    uint32_t items;
    size_t size;
    bool failed; /* sticky; errno of the first failure in `failure` */
    int failure;
    size_t gathered;        /* of `gather`, not in the memfd yet */
    char gather[8192 - 64]; /* most blobs are a few short strings: one write for all of them */
};
void wire_blob_open(struct wire_blob *blob);
void wire_blob_string(struct wire_blob *blob, const char *text);
void wire_blob_file(struct wire_blob *blob, const char *path, bool executable, const void *data, size_t size);
/* Seals it. The descriptor is the caller's; -1 with an error when anything failed on the way. */
int wire_blob_seal(struct wire_blob *blob, struct err *err);
void wire_blob_discard(struct wire_blob *blob); /* closes what wire_blob_seal has not handed over */

/* A blob as received: mapped read-only after its seals were checked. */
struct wire_view {
    const char *data;
    size_t size;
    size_t at;
};
bool wire_view_open(struct wire_view *view, int fd, struct err *err);
void wire_view_close(struct wire_view *view);
/* The next string; NULL at the end or when the rest is not a string. Valid while the view is open. */
const char *wire_view_string(struct wire_view *view);
struct wire_file {
    const char *path; /* NUL-terminated */
    bool executable;
    const void *data;
    size_t size;
};
/* The next file. False at the end or when the rest is malformed. */
bool wire_view_file(struct wire_view *view, struct wire_file *file);

#endif
