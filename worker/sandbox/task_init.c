#include "worker/sandbox/task_init.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "worker/sandbox/reaping.h"
#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/step.h"
#include "worker/sandbox/task_init_internal.h"
#include "worker/sandbox/warm_step.h"
#include "worker/sandbox/workspace.h"

#define WAITERS      1   /* a warm server's waiter counts in the task's user namespace, where it has one */
#define KILL_MS      10  /* what a waiter has left is killed again */
#define POLL_MS      100 /* what one round of reaping left is looked at again */
#define DISK_POLL_MS 10  /* the task's disk limit, in a container */

/* The first process of a step, which decides when it is over. */
struct leader {
    pid_t pid;   /* a child; 0 = it is a warm server's waiter's */
    int channel; /* to that one; -1 = none */
    bool left;   /* the waiter has more to wait for */
};

/* How a step can be a fork of a warm server: the socket, -1 = it cannot; the blob with its command. */
struct warm_way {
    int server, command;
};

static _Noreturn void fail(const struct task *task, const struct err *err)
{
    struct wire_event event = {.version = WIRE_VERSION, .kind = WIRE_FAILED, .err = *err};

    (void)wire_send(task->setup->socket, &event, sizeof(event), NULL, 0, NULL);
    _exit(1);
}

static void send_ready(const struct task *task)
{
    struct wire_event ready = {.version = WIRE_VERSION, .kind = WIRE_READY, .mechanisms = task->mechanisms};
    struct err err = ERR_INIT;

    if (!wire_send(task->setup->socket, &ready, sizeof(ready), NULL, 0, &err))
        fail(task, &err);
}

/* For a task that was begun without. */
static void take_files(const struct task *task, const struct wire_request *request, const int *fds,
                       size_t fd_count)
{
    struct err err = ERR_INIT;

    if (!task_write_files(task->setup, fd_count > 0 ? fds[0] : -1, request->blob_items, &err)) {
        err_wrap(&err, "set up the task");
        fail(task, &err);
    }
}

/* The time of a step. */
struct step_clock {
    int64_t started_us; /* clock_us */
    int64_t kill_at_us; /* since then */
    bool parked;        /* it has not started yet: the step waits for its files */
    bool has_files;     /* they have just been written */
};

/* A request while a step runs: to kill it, earlier than was said before; the files that a parked one waits
 * for; or the end of everything. */
static void serve_during_step(const struct task *task, struct step_clock *clock)
{
    struct wire_request request;
    int fds[WIRE_FDS_MAX];
    size_t fd_count;
    struct err err = ERR_INIT;

    switch (
        wire_receive(task->setup->socket, &request, sizeof(request), fds, &fd_count, MSG_DONTWAIT, &err)) {
    case WIRE_GOT:
        if (request.kind == WIRE_KILL) {
            int64_t after_us = request.after_ms * 1000;
            clock->kill_at_us = after_us < clock->kill_at_us ? after_us : clock->kill_at_us;
        } else if (request.kind == WIRE_FILES && clock->parked) {
            take_files(task, &request, fds, fd_count);
            clock->has_files = true;
        } else {
            break;
        }
        wire_close_fds(fds, fd_count);
        return;
    case WIRE_EMPTY:
        return;
    case WIRE_CLOSED:
        _exit(0);
    case WIRE_BROKEN:
        fail(task, &err);
    }
    err_set(&err, ERR_INTERNAL, "request %u to the task's init while a step runs", request.kind);
    fail(task, &err);
}

/* What the waiter of a step tells. False: nothing yet. */
static bool waiter_told(const struct task *task, struct leader *leader, int *status,
                        struct reaping_usage *usage)
{
    struct wire_event event;
    struct err err = ERR_INIT;

    switch (warm_step_receive(leader->channel, &event, &err)) {
    case WARM_STEP_RUNS:
        return false;
    case WARM_STEP_EXITED:
        *status = event.wait_status;
        leader->left = event.left_processes != 0;
        usage->cpu_us += event.cpu_us;
        if (event.peak_rss_bytes > usage->peak_rss_bytes)
            usage->peak_rss_bytes = event.peak_rss_bytes;
        return true;
    case WARM_STEP_BROKEN:
        break;
    }
    fail(task, &err);
}

static bool has_ended(const struct task *task, struct leader *leader, int *status,
                      struct reaping_usage *usage)
{
    bool reaped = reaping_reap(leader->pid, status, usage);

    return leader->channel < 0 ? reaped : waiter_told(task, leader, status, usage);
}

/* Everything else that the step has left. In a container a warm step's is its waiter's to wait for. */
static bool clear(const struct task *task, struct leader *leader, struct reaping_usage *usage)
{
    bool left = reaping_clear(task->setup->container_uid, usage);
    int ignored;

    if (!leader->left)
        return left;
    while (!waiter_told(task, leader, &ignored, usage)) {
        struct pollfd polled = {leader->channel, POLLIN, 0};
        (void)poll(&polled, 1, KILL_MS);
        (void)reaping_kill_all(task->setup->container_uid);
    }
    return true;
}

/* How long to wait for an event: until the step is to be killed at the most. */
static int poll_ms(bool watch_disk, const struct step_clock *clock, int64_t left_us)
{
    if (clock->parked)
        return -1; /* nothing of a task's runs */
    int64_t most_ms = watch_disk ? DISK_POLL_MS : POLL_MS;

    return (int)(left_us > 0 && left_us / 1000 < most_ms ? left_us / 1000 + 1 : most_ms);
}

/* Until the step's first process has ended. */
static int wait_for(const struct task *task, struct leader *leader, struct step_clock *clock,
                    struct reaping_usage *usage, bool *disk_exceeded)
{
    int status = 0;
    int64_t had_us = 0;
    bool watch_disk = task->setup->container_uid != 0;

    while (!has_ended(task, leader, &status, usage)) {
        /* Only now: one that ended while it waited has seen nothing of its task. */
        if (clock->has_files) {
            *clock = (struct step_clock){clock_us(), clock->kill_at_us, false, false};
            send_ready(task);
        }
        struct pollfd polled[] = {
            {task->child_signal, POLLIN, 0}, {task->setup->socket, POLLIN, 0}, {leader->channel, POLLIN, 0}};
        struct signalfd_siginfo ignored;
        if (poll(polled, ARRAY_SIZE(polled), poll_ms(watch_disk, clock, clock->kill_at_us - had_us)) < 0 &&
            errno != EINTR)
            _exit(1);
        if (polled[0].revents != 0 && read(task->child_signal, &ignored, sizeof(ignored)) < 0 &&
            errno != EAGAIN)
            _exit(1);
        if (polled[1].revents != 0)
            serve_during_step(task, clock);
        if (watch_disk && !clock->parked && workspace_exceeds(task->setup->begin.disk_bytes))
            *disk_exceeded = true;
        /* In each round: a warm server may not have made the process yet. */
        had_us = clock->parked ? 0 : clock_us() - clock->started_us;
        if (had_us >= clock->kill_at_us || *disk_exceeded)
            (void)reaping_kill_all(task->setup->container_uid);
    }
    return status;
}

static void send_exited(const struct task *task, struct wire_event *event, const struct reaping_usage *usage,
                        int64_t cpu_limit_us, int kept)
{
    struct err err = ERR_INIT;

    event->version = WIRE_VERSION;
    event->kind = WIRE_EXITED;
    event->cpu_us = usage->cpu_us;
    event->peak_rss_bytes = usage->peak_rss_bytes;
    event->disk_full |= workspace_is_full();
    event->cpu_exceeded = (WIFSIGNALED(event->wait_status) && WTERMSIG(event->wait_status) == SIGXCPU) ||
                          (cpu_limit_us > 0 && usage->cpu_us >= cpu_limit_us);
    if (!wire_send(task->setup->socket, event, sizeof(*event), &kept, kept >= 0 ? 1 : 0, &err))
        fail(task, &err);
}

/* A step that breaks down here is the machinery's failure. */
static void start(const struct task *task, const struct wire_request *request, struct step_plan *plan,
                  const struct warm_way *warm, struct leader *leader, int *exec_errno)
{
    struct err err = ERR_INIT;

    uid_t uid = task->setup->container_uid;

    if (warm->server >= 0) {
        plan->confinement.limits.processes +=
            uid == 0 && plan->confinement.limits.processes > 0 ? WAITERS : 0;
        if (!warm_step_start(warm->server, uid, &plan->confinement, request, warm->command, &leader->channel,
                             &err))
            fail(task, &err);
    } else if (step_start(plan, &leader->pid, exec_errno, &err) == STEP_BROKEN) {
        fail(task, &err);
    }
}

/* `names`: of what is kept when the step exits with 0. */
static void run(const struct task *task, const struct wire_request *request, struct step_plan *plan,
                const struct warm_way *warm, struct wire_view *names)
{
    struct wire_event event = {.kind = WIRE_EXITED};
    struct reaping_usage usage = {0, 0};
    struct leader leader = {0, -1, false};
    struct step_clock clock = {clock_us(), INT64_MAX, request->parked != 0, false};
    bool disk_exceeded = false;

    start(task, request, plan, warm, &leader, &event.exec_errno);
    event.warm = leader.channel >= 0;
    event.wait_status = wait_for(task, &leader, &clock, &usage, &disk_exceeded);
    event.started_us = clock.started_us;
    event.wall_us = clock_us() - clock.started_us;
    event.disk_full = disk_exceeded;
    event.left_processes = clear(task, &leader, &usage);
    close_fd(&leader.channel);
    autofd int kept = event.exec_errno == 0 && event.wait_status == 0
                          ? workspace_keep(SANDBOX_WORK_DIR, names, request->keep_items)
                          : -1;
    event.kept_items = kept >= 0 ? request->keep_items : 0;
    send_exited(task, &event, &usage, request->cpu_ms * 1000, kept);
}

/* Splits the blob of a RUN request into argv and environment, each NULL-terminated, in one array. */
static const char **strings_of(struct wire_view *view, const struct wire_request *request, struct err *err)
{
    uint32_t count = request->blob_items, argc = request->argv_items;
    const char **strings = calloc((size_t)count + 2, sizeof(*strings));

    if (strings == NULL) {
        err_set(err, ERR_NO_MEMORY, "no memory for %u strings", count);
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *text = wire_view_string(view);
        if (text == NULL || argc == 0 || argc > count) {
            free(strings);
            err_set(err, ERR_INTERNAL, "the command of a step is cut off");
            return NULL;
        }
        strings[i < argc ? i : i + 1] = text;
    }
    return strings;
}

static void serve_run(const struct task *task, const struct wire_request *request, const int *fds,
                      size_t fd_count)
{
    struct wire_view view = {NULL, 0, 0};
    struct err err = ERR_INIT;
    struct step_plan plan = {.confinement = {.limits = {.cpu_ms = request->cpu_ms,
                                                        .address_space_bytes = request->address_space_bytes,
                                                        .file_size_bytes = request->file_size_bytes,
                                                        .open_files = request->open_files,
                                                        .processes = task->setup->begin.processes},
                                             .proc = task->setup->proc,
                                             .landlock = task->landlock}};
    size_t used = 1;

    for (unsigned i = 0; i < WIRE_STEP_FDS; i++) {
        bool given = (request->step_fds & (1u << i)) != 0 && used < fd_count;
        plan.confinement.fds[i] = given ? fds[used++] : -1;
    }
    struct warm_way warm = {.server = request->server > 0 && used < fd_count ? fds[used] : -1,
                            .command = fds[0]};
    if (fd_count == 0 || !wire_view_open(&view, fds[0], &err)) {
        err_wrap(&err, "start a step");
        fail(task, &err);
    }
    const char **strings = strings_of(&view, request, &err);
    if (strings != NULL) {
        plan.argv = strings;
        plan.environment = strings + request->argv_items + 1;
        run(task, request, &plan, &warm, &view);
        free(strings);
    } else {
        fail(task, &err);
    }
    wire_view_close(&view);
}

static void serve(const struct task *task)
{
    struct wire_request request;
    int fds[WIRE_FDS_MAX];
    size_t fd_count;
    struct err err = ERR_INIT;

    switch (wire_receive(task->setup->socket, &request, sizeof(request), fds, &fd_count, 0, &err)) {
    case WIRE_GOT:
        /* A KILL that comes when the step is over already has done its work. */
        if (request.kind == WIRE_RUN)
            serve_run(task, &request, fds, fd_count);
        if (request.kind == WIRE_FILES)
            take_files(task, &request, fds, fd_count);
        wire_close_fds(fds, fd_count);
        /* The blob is gone by now: in a container it would count as the task's memory. */
        if (request.kind == WIRE_FILES)
            send_ready(task);
        return;
    case WIRE_EMPTY:
        return;
    case WIRE_CLOSED:
        _exit(0);
    case WIRE_BROKEN:
        fail(task, &err);
    }
}

_Noreturn void task_init_main(const struct task_setup *setup)
{
    struct task task = {.setup = setup, .landlock = -1, .child_signal = -1};
    struct err err = ERR_INIT;

    if (!task_set_up(&task, &err)) {
        err_wrap(&err, "set up the task");
        fail(&task, &err);
    }
    send_ready(&task);
    for (;;)
        serve(&task);
}
