/*
 * The worker's side of a slot's sandbox: sends requests to the slot init, turns what comes back into events,
 * and keeps the slot's cgroup. What happens on the other side: slot_init.h, task_init.h, step.h.
 */
#include "worker/sandbox/sandbox.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/sandbox_internal.h"

#define OWN_PROCESSES     2 /* slot init and task init count in the cgroup as well */
#define OWN_PROCESSES_UID 1 /* the task init counts among those of its user namespace */
#define WAITERS           1 /* of a warm step */
#define PROCESSES_SPARE   1 /* lets the cgroup, which counts what it refuses, refuse first */

/* --- requests --- */

bool sandbox_send(struct sandbox *sandbox, enum wire_kind kind, struct err *err)
{
    struct wire_request request = {.version = WIRE_VERSION, .kind = (uint32_t)kind};

    return wire_send(sandbox->socket, &request, sizeof(request), NULL, 0, err);
}

static int64_t servers_of(const struct sandbox *sandbox)
{
    int64_t count = 0;

    for (size_t i = 0; i < sandbox->server_count; i++)
        count += sandbox->servers[i].serves;
    return count;
}

static bool limit_task(struct sandbox *sandbox, const struct sandbox_task *task, struct err *err)
{
    struct cgroup_limits limits = {.cpu_permille = task->cpu_permille};

    if (task->memory_bytes > 0)
        limits.memory_bytes = task->memory_bytes + sandbox->own_memory_bytes + sandbox->server_memory_bytes;
    if (task->processes > 0)
        limits.processes = task->processes + OWN_PROCESSES + servers_of(sandbox) + (task->warm ? WAITERS : 0);
    if (!cgroup_limit(sandbox->cgroup, &limits, err))
        return false;
    sandbox->memory_limit_bytes = sandbox->setting == SETTING_CONTAINER
                                      ? cgroup_container_memory(sandbox->cgroup)
                                      : limits.memory_bytes;
    cgroup_reset_peak(sandbox->cgroup);
    cgroup_read(sandbox->cgroup, &sandbox->at_begin);
    sandbox->peak_rss_bytes = 0;
    return true;
}

/* The limit of RLIMIT_NPROC, which counts in the task's user namespace. */
static int64_t process_rlimit(const struct sandbox *sandbox, int64_t processes)
{
    if (processes <= 0)
        return 0;
    bool counted = (cgroup_mechanisms(sandbox->cgroup) & CGROUP_PIDS_BITS) != 0;
    return processes + OWN_PROCESSES_UID + (counted ? PROCESSES_SPARE + WAITERS + servers_of(sandbox) : 0);
}

/* This process's memory that is no file's: in a container it counts beside the task's. */
static int64_t own_memory(const struct sandbox *sandbox)
{
    char text[128];
    long long resident, shared;

    if (sandbox->setting != SETTING_CONTAINER)
        return 0;
    autofd int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    return sscanf(text, "%*s %lld %lld", &resident, &shared) == 2
               ? (int64_t)(resident - shared) * sysconf(_SC_PAGESIZE)
               : 0;
}

static int seal_files(const struct sandbox_file *files, size_t count, struct wire_request *request,
                      struct err *err)
{
    struct wire_blob blob;

    wire_blob_open(&blob);
    for (size_t i = 0; i < count; i++)
        wire_blob_file(&blob, files[i].path, files[i].executable, files[i].data, files[i].size);
    request->blob_items = blob.items;
    int fd = wire_blob_seal(&blob, err);
    wire_blob_discard(&blob);
    return fd;
}

bool sandbox_task_begin(struct sandbox *sandbox, const struct sandbox_task *task, struct err *err)
{
    struct wire_request request = {.version = WIRE_VERSION,
                                   .kind = WIRE_BEGIN,
                                   .processes = process_rlimit(sandbox, task->processes),
                                   .disk_bytes = task->disk_bytes,
                                   .memory_bytes = task->memory_bytes,
                                   .worker_bytes = own_memory(sandbox)};

    if (sandbox->state != STATE_IDLE)
        return err_set(err, ERR_INTERNAL, "begin a task: the sandbox is not idle");
    if (task->disk_bytes <= 0 || (sandbox->disk_bytes_max > 0 && task->disk_bytes > sandbox->disk_bytes_max))
        return err_set(err, ERR_INTERNAL, "begin a task: a disk limit of %jd bytes is out of range",
                       (intmax_t)task->disk_bytes);
    autofd int files = task->parked ? -1 : seal_files(task->files, task->file_count, &request, err);
    if ((files < 0 && !task->parked) || !limit_task(sandbox, task, err) ||
        !wire_send(sandbox->socket, &request, sizeof(request), &files, task->parked ? 0 : 1, err))
        return err_wrap(err, "begin a task");
    sandbox->parked = task->parked;
    sandbox->state = STATE_BEGINNING;
    return true;
}

bool sandbox_task_files(struct sandbox *sandbox, const struct sandbox_file *files, size_t count,
                        struct err *err)
{
    struct wire_request request = {
        .version = WIRE_VERSION, .kind = WIRE_FILES, .worker_bytes = own_memory(sandbox)};

    if (!sandbox->parked || (sandbox->state != STATE_READY && sandbox->state != STATE_RUNNING))
        return err_set(err, ERR_INTERNAL, "files for a task: no parked one is ready");
    autofd int blob = seal_files(files, count, &request, err);
    /* What was killed or refused before is no business of this task. */
    cgroup_read(sandbox->cgroup, &sandbox->at_run);
    sandbox->at_begin.oom_kills = sandbox->at_run.oom_kills;
    if (blob < 0 || !wire_send(sandbox->socket, &request, sizeof(request), &blob, 1, err))
        return err_wrap(err, "files for a task");
    if (sandbox->state == STATE_READY)
        sandbox->state = STATE_BEGINNING;
    sandbox->parked = false;
    return true;
}

/* Programs open /dev/stdin and /dev/stdout by path; a pipe of the worker's would not let the slot's uid. */
static bool give_pipe(const struct sandbox *sandbox, int fd, struct err *err)
{
    struct stat status;

    if (sandbox->uid == 0 || fd < 0)
        return true;
    if (fstat(fd, &status) != 0)
        return err_set_errno(err, ERR_INFRA, "look at a pipe for the step");
    /* Without CAP_CHOWN a pipe can be opened to all, who would have to reach it first: by /proc of the slot's
     * processes. */
    if (S_ISFIFO(status.st_mode) &&
        (sandbox->setting == SETTING_CONTAINER ? fchmod(fd, 0666) : fchown(fd, sandbox->uid, sandbox->uid)) !=
            0)
        return err_set_errno(err, ERR_INFRA, "give a pipe to uid %u", (unsigned)sandbox->uid);
    return true;
}

static int seal_command(const struct sandbox_step *step, struct wire_request *request, struct err *err)
{
    struct wire_blob blob;

    wire_blob_open(&blob);
    for (size_t i = 0; step->argv[i] != NULL; i++)
        wire_blob_string(&blob, step->argv[i]);
    request->argv_items = blob.items;
    for (size_t i = 0; step->environment != NULL && step->environment[i] != NULL; i++)
        wire_blob_string(&blob, step->environment[i]);
    request->blob_items = blob.items;
    for (size_t i = 0; step->keep != NULL && step->keep[i] != NULL; i++)
        wire_blob_string(&blob, step->keep[i]);
    request->keep_items = blob.items - request->blob_items;
    int fd = wire_blob_seal(&blob, err);
    wire_blob_discard(&blob);
    return fd;
}

bool sandbox_run(struct sandbox *sandbox, const struct sandbox_step *step, struct err *err)
{
    const int given[WIRE_STEP_FDS] = {step->stdin_fd, step->stdout_fd, step->stderr_fd, step->report_fd,
                                      step->control_fd};
    struct wire_request request = {.version = WIRE_VERSION,
                                   .kind = WIRE_RUN,
                                   .cpu_ms = step->cpu_ms,
                                   .address_space_bytes = step->address_space_bytes,
                                   .file_size_bytes = step->file_size_bytes,
                                   .open_files = step->open_files,
                                   .parked = step->parked,
                                   .server = step->server};
    int fds[WIRE_FDS_MAX];
    size_t fd_count = 1;

    if (sandbox->state != STATE_READY)
        return err_set(err, ERR_INTERNAL, "run a step: no task is ready");
    if (step->argv == NULL || step->argv[0] == NULL)
        return err_set(err, ERR_INTERNAL, "run a step: no command");
    if (step->parked && !sandbox->parked)
        return err_set(err, ERR_INTERNAL, "run a step: parked, but the files are there");
    autofd int command = seal_command(step, &request, err);
    if (command < 0)
        return err_wrap(err, "run a step");
    if (step->suite_key != NULL)
        memcpy(request.suite_key, step->suite_key, sizeof(request.suite_key));
    fds[0] = command;
    for (unsigned i = 0; i < WIRE_STEP_FDS; i++) {
        if (given[i] < 0)
            continue;
        request.step_fds |= 1u << i;
        fds[fd_count++] = given[i];
    }
    cgroup_read(sandbox->cgroup, &sandbox->at_run);
    if (!give_pipe(sandbox, step->stdin_fd, err) || !give_pipe(sandbox, step->stdout_fd, err) ||
        !give_pipe(sandbox, step->stderr_fd, err) ||
        !wire_send(sandbox->socket, &request, sizeof(request), fds, fd_count, err))
        return err_wrap(err, "run a step");
    sandbox->state = STATE_RUNNING;
    sandbox->keep_asked = request.keep_items > 0;
    return true;
}

void sandbox_kill(struct sandbox *sandbox, int64_t after_ms)
{
    struct wire_request request = {.version = WIRE_VERSION, .kind = WIRE_KILL, .after_ms = after_ms};

    if (sandbox->state == STATE_RUNNING)
        (void)wire_send(sandbox->socket, &request, sizeof(request), NULL, 0, NULL);
}

bool sandbox_task_end(struct sandbox *sandbox, struct err *err)
{
    if (sandbox->state == STATE_IDLE || sandbox->state == STATE_FAILED || sandbox->state == STATE_ENDING)
        return err_set(err, ERR_INTERNAL, "end a task: there is none");
    if (!sandbox_send(sandbox, WIRE_END, err))
        return err_wrap(err, "end a task");
    sandbox->state = STATE_ENDING;
    return true;
}

/* --- events --- */

static bool failed(struct sandbox *sandbox, struct sandbox_event *event, const struct err *err)
{
    memset(event, 0, sizeof(*event));
    event->kept = -1;
    sandbox->state = STATE_FAILED;
    event->kind = SANDBOX_FAILED;
    event->err = *err;
    return true;
}

/* A kill although the task was never near its own limit: the machine was out of memory, or a limit above the
 * leaf (the worker's container) was reached. The kernel counts such a kill for the leaf all the same. */
static bool killed_from_above(const struct sandbox *sandbox, const struct cgroup_counters *now)
{
    int64_t near_limit = sandbox->memory_limit_bytes - sandbox->memory_limit_bytes / 16;

    return now->oom_kills > sandbox->at_begin.oom_kills && now->peak_memory_bytes > 0 &&
           (sandbox->memory_limit_bytes == 0 || now->peak_memory_bytes < near_limit);
}

static void exited(struct sandbox *sandbox, const struct wire_event *from, struct cgroup_counters now,
                   struct sandbox_event *event)
{
    uint64_t have = cgroup_mechanisms(sandbox->cgroup);

    event->kind = SANDBOX_STEP_EXITED;
    event->exited = WIFEXITED(from->wait_status);
    event->exit_code = event->exited ? WEXITSTATUS(from->wait_status) : 0;
    event->signal_number = WIFSIGNALED(from->wait_status) ? WTERMSIG(from->wait_status) : 0;
    event->exec_failed = from->exec_errno != 0;
    event->exec_errno = from->exec_errno;
    event->started_us = from->started_us;
    event->wall_us = from->wall_us;
    event->cpu_us = from->cpu_us;
    event->cpu_exceeded = from->cpu_exceeded != 0;
    event->disk_full = from->disk_full != 0;
    event->left_processes = from->left_processes != 0;
    event->warm = from->warm != 0;
    event->kept = sandbox->kept;
    if (from->peak_rss_bytes > sandbox->peak_rss_bytes)
        sandbox->peak_rss_bytes = from->peak_rss_bytes;
    event->peak_memory_bytes =
        from->memory_peak_bytes > 0 ? from->memory_peak_bytes : sandbox->peak_rss_bytes;
    event->oom_kills = now.oom_kills - sandbox->at_run.oom_kills;
    if (from->memory_exceeded != 0 && event->oom_kills == 0)
        event->oom_kills = 1; /* the sandbox did what the kernel does where the limit is a cgroup's */
    event->process_denials = now.process_denials - sandbox->at_run.process_denials;
    if ((have & CGROUP_CPU_BITS) != 0)
        event->cpu_us = now.cpu_us - sandbox->at_run.cpu_us;
    /* The leaf also holds the inits and what earlier tasks left in the page cache. */
    if ((have & CGROUP_MEMORY_BITS) != 0 && now.peak_memory_bytes > sandbox->at_begin.memory_bytes)
        event->peak_memory_bytes = now.peak_memory_bytes - sandbox->at_begin.memory_bytes;
    sandbox->state = STATE_READY;
}

/* Did the task's memory limit kill its init? Then that is how this step ended, and each further one will. */
static bool ran_out_of_memory(const struct sandbox *sandbox, struct sandbox_event *event)
{
    struct cgroup_counters now;

    cgroup_read(sandbox->cgroup, &now);
    if (now.oom_kills <= sandbox->at_begin.oom_kills)
        return false;
    if (event->oom_kills == 0)
        event->oom_kills = 1;
    return true;
}

/* One frame; false when it is no event for the caller. */
static bool take(struct sandbox *sandbox, const struct wire_event *from, struct sandbox_event *event)
{
    struct cgroup_counters now;
    struct err err = ERR_INIT;

    if (from->kind == WIRE_FAILED)
        return failed(sandbox, event, &from->err);
    if (from->kind == WIRE_SERVER) {
        sandbox_note_server(sandbox, from);
        event->kind = SANDBOX_SERVER;
        event->server = from->server;
        return true;
    }
    if (from->kind == WIRE_ENDED && sandbox->state == STATE_ENDING) {
        event->kind = SANDBOX_TASK_ENDED;
        sandbox->state = STATE_IDLE;
        return true;
    }
    if (sandbox->state == STATE_ENDING)
        return false; /* crossed our END on the way */
    if (from->kind == WIRE_READY && (sandbox->state == STATE_BEGINNING || sandbox->state == STATE_RUNNING)) {
        event->kind = SANDBOX_TASK_READY;
        if (sandbox->state == STATE_BEGINNING)
            sandbox->state = STATE_READY;
        return true;
    }
    if (from->kind == WIRE_EXITED && sandbox->state == STATE_RUNNING) {
        cgroup_read(sandbox->cgroup, &now);
        exited(sandbox, from, now, event);
        if (killed_from_above(sandbox, &now)) {
            err_set(&err, ERR_INFRA,
                    "out of memory outside the task: the kernel killed %lld of its processes, below its own "
                    "limit",
                    (long long)(now.oom_kills - sandbox->at_begin.oom_kills));
            return failed(sandbox, event, &err);
        }
        if (from->task_init_killed == 0 || ran_out_of_memory(sandbox, event))
            return true;
        err_set(&err, ERR_INFRA,
                "the task's init was killed (from outside, or the machine is out of memory)");
        return failed(sandbox, event, &err);
    }
    err_set(&err, ERR_INTERNAL, "the slot init sent %u in state %d", from->kind, (int)sandbox->state);
    return failed(sandbox, event, &err);
}

bool sandbox_receive(struct sandbox *sandbox, struct sandbox_event *event)
{
    struct wire_event from;
    int fds[WIRE_FDS_MAX];
    size_t fd_count;

    memset(event, 0, sizeof(*event));
    event->kept = -1;
    close_fd(&sandbox->kept);
    while (sandbox->state != STATE_FAILED) {
        struct err err = ERR_INIT;
        switch (wire_receive(sandbox->socket, &from, sizeof(from), fds, &fd_count, MSG_DONTWAIT, &err)) {
        case WIRE_GOT:
            if (from.kind == WIRE_EXITED && sandbox->state == STATE_RUNNING && sandbox->keep_asked &&
                fd_count == 1)
                sandbox->kept = steal_fd(&fds[0]);
            wire_close_fds(fds, fd_count);
            if (take(sandbox, &from, event))
                return true;
            break;
        case WIRE_EMPTY:
            return false;
        case WIRE_CLOSED:
            err_set(&err, ERR_INFRA, "the slot init died (was it killed from outside?)");
            return failed(sandbox, event, &err);
        case WIRE_BROKEN:
            return failed(sandbox, event, &err);
        }
    }
    return false;
}
