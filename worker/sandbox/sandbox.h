/*
 * The sandbox of one slot: where untrusted programs run.
 *
 * Processes (each link has PDEATHSIG or a pid namespace, so that the death of the worker tears everything
 * down):
 *
 *   worker ── slot init ── task init ── the program's processes
 *             (one a slot,  (pid 1 of the task's pid namespace, one a task: private tmpfs,
 *              forked early) writes the task's files as the slot's uid, starts each step)
 *
 * In a container that lets nobody make namespaces the same processes work by uid instead (setting.h,
 * task_init.h, slot_container.h).
 *
 * A task is begun (fresh workspace, files), runs one or more steps one after the other in it (compile, each
 * case, the suite), and is ended (everything killed, the workspace gone). The worker never touches a path
 * inside the workspace: files travel as a sealed memfd and are written by the sandboxed side. All calls are
 * asynchronous: they send a request over a socket pair; what happened comes back by sandbox_receive once
 * sandbox_fd is readable. A failure to set up is an ERR_INFRA event of its own and never looks like the
 * program's failure.
 *
 * The task's init keeps the time: the worker asks by sandbox_kill for the end of a step that has had it. CPU
 * time, memory, processes, disk and file size are limited by rlimits, the cgroup and the tmpfs.
 */
#ifndef ASSAY_WORKER_SANDBOX_SANDBOX_H
#define ASSAY_WORKER_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "worker/sandbox/suite_store.h"

struct sandbox;

/* A warm server (warm.h). */
struct sandbox_server {
    const char *const *argv; /* NULL-terminated; argv[0] is an absolute path */
    const char *const *environment;
    bool on_demand; /* started by sandbox_start_server, not with the sandbox */
};

struct sandbox_options {
    unsigned slot; /* 1-based */
    uid_t uid;     /* host uid and gid of the slot's programs (as root); 0: the default range + slot */
    const char *harness_dir; /* host path, shown read-only as SANDBOX_HARNESS_DIR */
    const char *const
        *read_only_paths; /* NULL-terminated further host paths shown read-only at the same place; one that
                             the machine lacks is left out; not below /work, /tmp, /dev, /proc or /sys */
    const char *const *allow_missing;     /* NULL-terminated, each of sandbox_optional; NULL = none */
    int64_t scratch_bytes_max;            /* the largest disk limit of any task; 0 = not checked */
    const struct sandbox_server *servers; /* at most SANDBOX_SERVERS_MAX; must outlive the sandbox */
    size_t server_count;
    int64_t server_tasks_max, server_growth_bytes; /* after which one is started anew; 0 = no limit */
    const char *setting; /* "auto" (also NULL), "namespaces" or "container": setting.h */
};

/* What `allow_missing` may name, NULL-terminated; everything else is never done without:
 * "cgroup_memory" (the memory of the whole task; without it each process is limited, by RLIMIT_AS),
 * "cgroup_cpu" (the CPU time of the whole task; without it each process's, by RLIMIT_CPU),
 * "landlock". */
extern const char *const sandbox_optional[];

#define SANDBOX_SERVERS_MAX 8
#define SANDBOX_UID_BASE    64000 /* the default range of uids: + slot */

/* The workspace: HOME and working directory of every step. /tmp (TMPDIR) and /dev/shm are of the same tmpfs
 * and under the same limit. Nothing else is writable. */
#define SANDBOX_WORK_DIR    "/work"
#define SANDBOX_HARNESS_DIR "/assay/harness" /* the harnesses, as the program's side sees them */

/* The descriptors of a step. */
#define SANDBOX_REPORT_FD  3 /* write end of the private report pipe (only steps that have one) */
#define SANDBOX_CONTROL_FD 4 /* read end of the private control pipe (only steps that have one) */

struct sandbox_file {
    const char *path; /* relative, already checked (text_path_problem) */
    bool executable;
    const void *data;
    size_t size;
};

struct sandbox_task {
    const struct sandbox_file *files;
    size_t file_count;
    int64_t memory_bytes; /* of the whole task, all processes and the workspace */
    int64_t processes;    /* processes and threads */
    int64_t disk_bytes;   /* files too large for it make the task SANDBOX_FAILED with sys_errno ENOSPC */
    int64_t cpu_permille; /* of one CPU: 2000 = two CPUs; 0 = no quota */
    bool warm;            /* has a step with a server */
    bool parked;          /* `files` come later, by sandbox_task_files */
};

struct sandbox_step {
    const char *const *argv; /* argv[0] is an absolute path, or looked for in /usr/local/bin:/usr/bin:/bin */
    const char *const
        *environment; /* NAME=value; HOME, TMPDIR, PATH, USER, LOGNAME are added where missing */
    /* The program's ends; -1 = /dev/null (stdin, stdout, stderr) or absent (report, control). sandbox_run
     * does not close them. As root, pipes given as stdin, stdout and stderr are made the slot's (fchown), so
     * that programs can open /dev/stdin and /dev/stdout. Make report and control sockets (socketpair), not
     * pipes: the program could open a pipe's other end by /proc/self/fd. */
    int stdin_fd, stdout_fd, stderr_fd, report_fd, control_fd;
    int64_t cpu_ms;              /* 0 = none */
    int64_t address_space_bytes; /* RLIMIT_AS; 0 = none */
    int64_t file_size_bytes;     /* RLIMIT_FSIZE; 0 = none */
    int64_t open_files;          /* RLIMIT_NOFILE; 0 = what the worker has */
    /* From 1 on: the step is a fork of this server, if it runs, and argv is for when it does not; 0 = none.
     */
    unsigned server;
    /* SUITE_KEY_SIZE bytes that are the same for the same suite and no other: under them the server keeps
     * what its harness made of the suite's text (warm.h). NULL = nothing is kept. */
    const unsigned char *suite_key;
    /* Of a parked task, before its files are there: the command waits by itself for what depends on them, and
     * the step's time begins with them. */
    bool parked;
    /* Names of files in the workspace itself (no folder), NULL-terminated, that come back when the step exits
     * with 0; NULL = none. */
    const char *const *keep;
};

enum sandbox_event_kind {
    SANDBOX_TASK_READY,  /* after sandbox_task_begin and sandbox_task_files: what came along is written */
    SANDBOX_STEP_EXITED, /* the step's first process ended; everything else of the step was killed */
    SANDBOX_TASK_ENDED,  /* after sandbox_task_end: nothing is left */
    SANDBOX_SERVER, /* a warm server started, or could not: sandbox_server_state of `server`; at any time */
    SANDBOX_FAILED, /* the machinery failed: `err` says how; the task (if any) is over, the sandbox must be
                       closed */
};

struct sandbox_event {
    enum sandbox_event_kind kind;
    struct err err; /* SANDBOX_FAILED */
    /* SANDBOX_STEP_EXITED: */
    bool exited; /* true: exit_code holds; false: signal_number holds */
    int exit_code;
    int signal_number;
    /* The command could not be started: exec_errno says why. A toolchain that is missing, or, when argv[0]
     * lies in the workspace, something that the program's own build or an earlier step did to it. */
    bool exec_failed;
    int exec_errno;
    int64_t started_us; /* clock_us, which all processes of the machine share */
    int64_t wall_us,
        cpu_us; /* of this step; cpu of all its processes where a cgroup holds, else of those waited for */
    int64_t peak_memory_bytes; /* of the task so far; of its largest process where no cgroup measures */
    int64_t oom_kills;         /* processes of this step that the memory limit killed; a task whose memory is
                                  full of what outlives a step ends each further step by it */
    int64_t process_denials;   /* forks that the process limit refused; 0 also where it cannot be counted */
    bool cpu_exceeded;         /* cpu_ms was used up (and the step killed for it, or ended just then) */
    bool disk_full;            /* the workspace had no space or no inode left when the step ended */
    bool left_processes;       /* processes outlived the step's first one and were killed */
    bool warm;                 /* the step was a fork of a warm server */
    /* What sandbox_step.keep asked for: a sealed blob of files (wire.h), all of them in that order, as the
     * program's side wrote them. Valid until the next call of sandbox_receive, which closes it. -1 = the step
     * failed, or not every one of them is a plain file of at most 8 MiB. */
    int kept;
    unsigned server; /* SANDBOX_SERVER: from 1 on */
};

/* Starts the slot init and waits until its outer sandbox stands (milliseconds). ERR_INFRA or ERR_CONFIG names
 * the mechanism that failed and its layer. Call before the worker opens connections, or with all descriptors
 * CLOEXEC. */
struct sandbox *sandbox_open(const struct sandbox_options *options, struct err *err);
/* Waits until each warm server that was asked for serves, or has failed to start (then its steps are cold).
 * They start side by side with whatever the caller does between sandbox_open and this. A task's limits are
 * right once they have: until then (sandbox_awaits_servers) none should be begun. */
void sandbox_wait_for_servers(struct sandbox *sandbox);
/* Is a server on its way that was asked for, and has not told yet (SANDBOX_SERVER)? */
bool sandbox_awaits_servers(const struct sandbox *sandbox);
/* Between tasks: asks for server `number`, unless that was done (0: no server). False when it could not,
 * which is no error of the sandbox: the state of the server says why. */
bool sandbox_start_server(struct sandbox *sandbox, unsigned number);
/* Between tasks: ends the servers that are on demand, until they are asked for again. */
void sandbox_end_servers_on_demand(struct sandbox *sandbox);

struct sandbox_server_state {
    bool asked; /* for it to be there */
    bool serves;
    unsigned starts;       /* how often it was started, or tried to, since it was asked for */
    int64_t start_ms;      /* how long the last one took */
    int64_t memory_bytes;  /* resident, once it served */
    int64_t own_bytes;     /* of that, when it served first, what is not of files */
    int64_t address_bytes; /* what it needs of a step's address_space_bytes; preloads are not counted */
    char text[1024];       /* what it loaded; why it does not serve */
};
/* Of server `number`, from 1 on; NULL when there is none. Valid while open. */
const struct sandbox_server_state *sandbox_server_state(const struct sandbox *sandbox, unsigned number);

/* Kills everything and reaps. NULL is fine. */
void sandbox_close(struct sandbox *sandbox);
int sandbox_fd(const struct sandbox *sandbox); /* watch for EPOLLIN */
/* Names of the mechanisms in force ("pid_namespace", "tmpfs", "cgroup_v1_memory", "own_uid", ...),
 * and "missing:NAME" for what the operator does without (allow_missing), NULL-terminated; valid while open.
 */
const char *const *sandbox_mechanisms(const struct sandbox *sandbox);

bool sandbox_task_begin(struct sandbox *sandbox, const struct sandbox_task *task, struct err *err);
/* The files of a task that was begun parked, once it is READY; it is READY again when they are written. A
 * parked step counts as begun from here on: its time, its processor time, what was refused to it. */
bool sandbox_task_files(struct sandbox *sandbox, const struct sandbox_file *files, size_t count,
                        struct err *err);
/* Legal between TASK_READY and sandbox_task_end, one at a time. */
bool sandbox_run(struct sandbox *sandbox, const struct sandbox_step *step, struct err *err);
/* Kills the running step once its first process has had `after_ms` (0: at once); SANDBOX_STEP_EXITED follows.
 * The time is the task init's: what a busy machine takes to start a step is not the program's. */
void sandbox_kill(struct sandbox *sandbox, int64_t after_ms);
/* Ends the task in any state (a running step is killed, its event is not sent any more). */
bool sandbox_task_end(struct sandbox *sandbox, struct err *err);
/* Takes one event if there is one. Returns false when none is waiting; the death of the slot init comes as
 * SANDBOX_FAILED. */
bool sandbox_receive(struct sandbox *sandbox, struct sandbox_event *event);

#endif
