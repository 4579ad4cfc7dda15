#include "worker/sandbox/slot_init.h"

#include <errno.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "worker/sandbox/clone.h"
#include "worker/sandbox/slot_init_internal.h"
#include "worker/sandbox/task_init.h"

#define SETTLE_WAIT_MS   20
#define SETTLE_WITHIN_MS 3000 /* before the servers that have not are ended */

static void send_with(const struct wire_event *event, const int *fds, size_t fd_count)
{
    if (!wire_send(WIRE_SOCKET, event, sizeof(*event), fds, fd_count, NULL))
        _exit(1); /* the worker is gone */
}

static void send_event(const struct wire_event *event)
{
    send_with(event, NULL, 0);
}

static void send_kind(enum wire_kind kind, uint64_t mechanisms)
{
    struct wire_event event = {.version = WIRE_VERSION, .kind = kind, .mechanisms = mechanisms};

    send_event(&event);
}

static void send_failed(struct slot_state *slot, const struct err *err)
{
    struct wire_event event = {.version = WIRE_VERSION, .kind = WIRE_FAILED, .err = *err};

    slot->task.failed = true;
    send_event(&event);
}

static void send_killed(void)
{
    struct wire_event event = {
        .version = WIRE_VERSION, .kind = WIRE_EXITED, .wait_status = SIGKILL, .task_init_killed = 1};

    send_event(&event);
}

/* --- the task --- */

static void forget_task(struct slot_state *slot)
{
    close_fd(&slot->task.pidfd);
    close_fd(&slot->task.socket);
    slot->task = (struct running_task){.pidfd = -1, .socket = -1};
}

static void serve_warm(struct slot_state *slot, const struct wire_request *request, int *fds, size_t fd_count)
{
    struct wire_event event = {.version = WIRE_VERSION, .kind = WIRE_SERVER, .server = request->server};

    if (fd_count == 0)
        servers_forget(&slot->servers, request->server);
    else if (servers_configure(&slot->servers, request, fds, fd_count, &event.err))
        servers_start(&slot->servers, send_event);
    else
        send_event(&event);
}

static void begin(struct slot_state *slot, const struct wire_request *request, int files)
{
    struct task_setup setup = {.proc = slot->proc,
                               .landlock = slot->landlock,
                               .no_landlock = slot->no_landlock,
                               .container_uid = slot->container_uid,
                               .begin = *request,
                               .files = files};
    struct err err = ERR_INIT;
    int ends[2];

    if (slot->task.pidfd >= 0) {
        err_set(&err, ERR_INTERNAL, "a task was begun before the last one was ended");
        send_failed(slot, &err);
        return;
    }
    /* Now and not while a task runs, so that the task's limits are its own. */
    servers_start(&slot->servers, send_event);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        err_set_errno(&err, ERR_INFRA, "begin a task: socketpair");
        send_failed(slot, &err);
        return;
    }
    setup.socket = ends[1];
    memory_watch_begin(&slot->memory, request->memory_bytes, request->worker_bytes);
    pid_t pid =
        slot->container_uid != 0
            ? slot_container_fork(&slot->task.pidfd)
            : clone_with(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC, &slot->task.pidfd);
    if (pid == 0) {
        (void)close(ends[0]);
        (void)close(WIRE_SOCKET);
        task_init_main(&setup);
    }
    (void)close(ends[1]);
    slot->task.pid = pid;
    slot->task.lacks_files = files < 0;
    slot->task.socket = ends[0];
    if (pid < 0) {
        err_set_errno(&err, ERR_INFRA, "begin a task: clone (into new user, pid, mount and ipc namespaces)");
        forget_task(slot);
        send_failed(slot, &err);
    }
}

/* Whatever else ends meanwhile is reaped as well: the init of a pid namespace waits for every process in it,
 * also for one whose parent lived outside, died, and left it to us. */
static void reap_task(const struct slot_state *slot, siginfo_t *info)
{
    do
        memset(info, 0, sizeof(*info));
    while ((waitid(P_ALL, 0, info, WEXITED) != 0 && errno == EINTR) ||
           (info->si_pid != 0 && info->si_pid != slot->task.pid));
}

/* In a container: what the end of the task's init has not ended. First what is on its way to have the task's
 * uid; what runs of the task keeps it from its end. */
static bool clean(struct slot_state *slot, struct err *err)
{
    int64_t deadline_ms = clock_ms() + SETTLE_WITHIN_MS;

    if (slot->container_uid == 0)
        return true;
    while (!servers_settle(&slot->servers, SETTLE_WAIT_MS)) {
        slot_container_kill(slot->container_uid);
        if (clock_ms() >= deadline_ms && !servers_end(&slot->servers, false))
            return err_set(err, ERR_INFRA, "own_uid: a process of a warm server does not die");
    }
    return slot_container_clean(slot->container_uid, err);
}

static void end(struct slot_state *slot)
{
    struct err err = ERR_INIT;
    siginfo_t info;

    if (slot->task.pidfd >= 0) {
        (void)syscall(SYS_pidfd_send_signal, slot->task.pidfd, SIGKILL, NULL, 0);
        /* Returns when every process of the namespace is gone. */
        reap_task(slot, &info);
    }
    forget_task(slot);
    servers_look_after(&slot->servers);
    if (clean(slot, &err))
        send_kind(WIRE_ENDED, 0);
    else
        send_failed(slot, &err);
}

/* The worker is gone or has closed the sandbox. */
static _Noreturn void leave(struct slot_state *slot, int status)
{
    siginfo_t info;

    if (slot->container_uid != 0 && slot->task.pidfd >= 0) {
        (void)syscall(SYS_pidfd_send_signal, slot->task.pidfd, SIGKILL, NULL, 0);
        reap_task(slot, &info);
    }
    if (slot->container_uid != 0 && !servers_end(&slot->servers, true))
        _exit(1);
    _exit(clean(slot, NULL) ? status : 1);
}

/* A task init that died meanwhile is found by its pidfd. */
static void pass_to_task(const struct slot_state *slot, const struct wire_request *request, const int *fds,
                         size_t fd_count)
{
    if (slot->task.pidfd >= 0)
        (void)wire_send(slot->task.socket, request, sizeof(*request), fds, fd_count, NULL);
}

/* With the socket of the warm server, or, where none runs, for a cold start. */
static void pass_step(struct slot_state *slot, struct wire_request *request, const int *fds, size_t fd_count)
{
    int with_server[WIRE_FDS_MAX];
    int socket = servers_take(&slot->servers, request->server);

    if (socket < 0 || fd_count == WIRE_FDS_MAX) {
        request->server = 0;
        pass_to_task(slot, request, fds, fd_count);
        return;
    }
    memcpy(with_server, fds, fd_count * sizeof(*fds));
    with_server[fd_count] = socket;
    pass_to_task(slot, request, with_server, fd_count + 1);
}

/* For a task that was begun ahead of them. */
static void pass_files(struct slot_state *slot, const struct wire_request *request, const int *fds,
                       size_t fd_count)
{
    /* As in begin: a server that has ended while the task was waited for serves it all the same. */
    if (!slot->task.in_step)
        servers_start(&slot->servers, send_event);
    memory_watch_files(&slot->memory, request->worker_bytes);
    slot->task.lacks_files = false;
    pass_to_task(slot, request, fds, fd_count);
}

static void serve_worker(struct slot_state *slot)
{
    struct wire_request request;
    int fds[WIRE_FDS_MAX];
    size_t fd_count;
    struct err err = ERR_INIT;

    enum wire_result got =
        wire_receive(WIRE_SOCKET, &request, sizeof(request), fds, &fd_count, MSG_DONTWAIT, &err);
    if (got == WIRE_EMPTY)
        return;
    if (got != WIRE_GOT)
        leave(slot, got == WIRE_CLOSED ? 0 : 1);
    switch (request.kind) {
    case WIRE_BEGIN:
        begin(slot, &request, fd_count > 0 ? fds[0] : -1);
        break;
    case WIRE_FILES:
        pass_files(slot, &request, fds, fd_count);
        break;
    case WIRE_RUN:
        if (slot->task.killed)
            send_killed();
        slot_watch_step(slot, &request);
        pass_step(slot, &request, fds, fd_count);
        break;
    case WIRE_KILL:
        pass_to_task(slot, &request, fds, fd_count);
        break;
    case WIRE_SERVE:
        serve_warm(slot, &request, fds, fd_count);
        break;
    case WIRE_END:
        end(slot);
        break;
    default:
        break;
    }
    wire_close_fds(fds, fd_count);
}

/* Passes on what the task init says. False when nothing (more) is there. */
static bool serve_task(struct slot_state *slot)
{
    struct wire_event event;
    int fds[WIRE_FDS_MAX];
    size_t fd_count;

    if (wire_receive(slot->task.socket, &event, sizeof(event), fds, &fd_count, MSG_DONTWAIT, NULL) !=
        WIRE_GOT)
        return false;
    if (event.kind == WIRE_EXITED) {
        slot->task.in_step = false;
        event.cpu_exceeded |= slot->task.cpu_exceeded;
        event.memory_exceeded = slot->memory.exceeded;
        event.memory_peak_bytes = slot->memory.peak_bytes;
    }
    if (event.kind == WIRE_READY)
        memory_watch_ready(&slot->memory);
    if (event.kind == WIRE_READY && slot->task.parked && !slot->task.lacks_files)
        slot_watch_time(slot);
    slot->task.failed |= event.kind == WIRE_FAILED;
    slot->task.ready |= event.kind == WIRE_READY;
    send_with(&event, fds, event.kind == WIRE_EXITED && event.kept_items > 0 ? fd_count : 0);
    wire_close_fds(fds, fd_count);
    return true;
}

static void task_died(struct slot_state *slot)
{
    struct running_task task = slot->task;
    struct err err = ERR_INIT;
    siginfo_t info;

    reap_task(slot, &info);
    forget_task(slot);
    if (task.failed)
        return;
    /* A program that filled its memory with what outlives it (files, System V segments) can bring the init
     * down. That is the step's end, and no fault of the machinery: the worker, who sees the cgroup, decides.
     * One that has no program yet was killed from outside.
     */
    slot->task.killed =
        task.ready && info.si_code != CLD_EXITED && info.si_status == SIGKILL && !task.lacks_files;
    if (slot->task.killed && task.in_step)
        send_killed();
    if (slot->task.killed)
        return;
    if (info.si_code == CLD_EXITED)
        err_set(&err, ERR_INFRA, "the task's init ended by itself with status %d", info.si_status);
    else
        err_set(&err, ERR_INFRA, "the task's init was killed by signal %d%s", info.si_status,
                info.si_status == SIGKILL ? " (the machine or the slot's cgroup is out of memory?)" : "");
    send_failed(slot, &err);
}

static void serve(struct slot_state *slot)
{
    struct pollfd polled[] = {
        {WIRE_SOCKET, POLLIN, 0}, {slot->task.socket, POLLIN, 0}, {slot->task.pidfd, POLLIN, 0}};

    if (poll(polled, ARRAY_SIZE(polled), slot_watch(slot)) < 0 && errno != EINTR)
        _exit(1);
    if (polled[1].revents != 0 || polled[2].revents != 0)
        while (serve_task(slot))
            continue;
    if (polled[2].revents != 0)
        task_died(slot);
    if (polled[0].revents != 0)
        serve_worker(slot);
}

/* What the worker ignores stays ignored by exec, down to the programs. */
static void default_signals(void)
{
    for (int signal_number = 1; signal_number < NSIG; signal_number++)
        if (signal_number != SIGKILL && signal_number != SIGSTOP)
            (void)signal(signal_number, SIG_DFL);
}

_Noreturn void slot_init_main(void)
{
    struct slot_state slot = {.cpu_usage = -1,
                              .proc = -1,
                              .null = -1,
                              .lifeline = -1,
                              .memory = {.stat = -1},
                              .task = {.pidfd = -1, .socket = -1}};
    struct err err = ERR_INIT;

    slot.memory.servers = &slot.servers;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    default_signals();
    (void)close_range(WIRE_SOCKET + 1, ~0U, 0);
    if (!slot_set_up(&slot, &err)) {
        send_failed(&slot, &err);
        _exit(1);
    }
    send_kind(WIRE_OPENED, slot.mechanisms);
    for (;;)
        serve(&slot);
}
