#include "worker/sandbox/slot_init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/clone.h"
#include "worker/sandbox/mechanisms.h"
#include "worker/sandbox/privileges.h"
#include "worker/sandbox/root_fs.h"
#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/servers.h"
#include "worker/sandbox/slot_container.h"
#include "worker/sandbox/syscall_filter.h"
#include "worker/sandbox/task_init.h"
#include "worker/sandbox/wire.h"

#define CPU_WATCH_MS_MIN 5
#define CPU_WATCH_MS_MAX 1000

struct running_task {
    pid_t pid;
    int pidfd; /* -1 = no task */
    int socket;
    bool failed; /* FAILED was sent */
    bool ready;  /* READY was sent */
    bool killed; /* its init is gone by SIGKILL: each step of it ends so */
    bool in_step;
    int64_t cpu_stop_us; /* of the slot's cgroup: where the step must end; 0 = not watched */
    bool cpu_exceeded;
};

struct slot_state {
    int cpu_usage; /* file of the slot's cgroup, -1 = none */
    int proc, null;
    long processors;
    uint64_t mechanisms;
    bool no_landlock;             /* is no obstacle */
    const char **read_only_paths; /* NULL-terminated; point into `options` */
    const char *harness_dir;
    struct wire_view options;
    struct sock_fprog filter;
    uid_t container_uid; /* 0 = namespaces */
    struct memory_watch memory;
    struct running_task task;
    struct servers servers;
};

static void send_event(const struct wire_event *event)
{
    if (!wire_send(WIRE_SOCKET, event, sizeof(*event), NULL, 0, NULL))
        _exit(1); /* the worker is gone */
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

/* --- set-up --- */

static bool receive_options(struct slot_state *slot, struct wire_request *request, struct err *err)
{
    int fds[WIRE_FDS_MAX];
    size_t fd_count;

    if (wire_receive(WIRE_SOCKET, request, sizeof(*request), fds, &fd_count, 0, err) != WIRE_GOT)
        return false;
    if (request->kind != WIRE_OPEN || fd_count < 1 || request->blob_items < 1)
        return err_set(err, ERR_INTERNAL, "the slot init got request %u before it was opened", request->kind);
    if (!wire_view_open(&slot->options, fds[0], err))
        return false;
    close_fd(&fds[0]);
    slot->no_landlock = request->no_landlock != 0;
    if (request->container != 0)
        slot->container_uid = request->uid;
    size_t next = 1;
    slot->cpu_usage = (request->step_fds & WIRE_OPEN_CPU_USAGE) != 0 && next < fd_count ? fds[next++] : -1;
    slot->memory.stat =
        (request->step_fds & WIRE_OPEN_MEMORY_STAT) != 0 && next < fd_count ? fds[next++] : -1;
    slot->read_only_paths = calloc(request->blob_items, sizeof(*slot->read_only_paths));
    slot->harness_dir = wire_view_string(&slot->options);
    if (slot->read_only_paths == NULL || slot->harness_dir == NULL)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    for (uint32_t i = 0; i + 1 < request->blob_items; i++)
        slot->read_only_paths[i] = wire_view_string(&slot->options);
    return true;
}

static bool open_descriptors(struct slot_state *slot, struct err *err)
{
    slot->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    slot->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (slot->null < 0 || slot->proc < 0)
        return err_set_errno(err, ERR_INFRA, "open /dev/null and /proc in the slot's root");
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
        if (dup2(slot->null, i) < 0)
            return err_set_errno(err, ERR_INFRA, "put /dev/null on descriptor %d", i);
    return true;
}

static bool enter(int flag, enum mechanism mechanism, struct slot_state *slot, struct err *err)
{
    if (unshare(flag) != 0)
        return err_set_errno(err, ERR_INFRA, "%s: unshare", mechanism_name(mechanism));
    slot->mechanisms |= MECHANISM_BIT(mechanism);
    return true;
}

/* As root: up to here real root built the slot's root; from here on the slot's uid, whose capabilities reach
 * no further than its own user namespace. */
static bool become_the_slot(struct slot_state *slot, const struct wire_request *request, struct err *err)
{
    if (!privileges_become(request->uid, request->gid, err))
        return false;
    /* The mounts made so far belong to a more privileged namespace now: locked together and read-only. */
    if (!enter(CLONE_NEWUSER | CLONE_NEWNS, MECHANISM_USER_NAMESPACE, slot, err))
        return err_wrap(err, "the machine must allow user namespaces (sysctl user.max_user_namespaces, "
                             "kernel.unprivileged_userns_clone)");
    slot->mechanisms |= MECHANISM_BIT(MECHANISM_OWN_UID);
    return privileges_map_self(0, request->uid, request->gid, err);
}

static bool enter_namespaces(struct slot_state *slot, struct err *err)
{
    static const char host[] = "assay";

    if (!enter(CLONE_NEWNET, MECHANISM_NETWORK_NAMESPACE, slot, err) ||
        !enter(CLONE_NEWIPC, MECHANISM_IPC_NAMESPACE, slot, err) ||
        !enter(CLONE_NEWUTS, MECHANISM_UTS_NAMESPACE, slot, err) ||
        !enter(CLONE_NEWCGROUP, MECHANISM_CGROUP_NAMESPACE, slot, err))
        return false;
    if (sethostname(host, sizeof(host) - 1) != 0 || setdomainname("", 0) != 0)
        return err_set_errno(err, ERR_INFRA, "uts_namespace: sethostname");
    /* A session keyring of its own, so that programs possess nothing of the worker's. */
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
        return err_set_errno(err, ERR_INFRA, "join a new session keyring");
    return true;
}

/* Also after the change of uid. */
static bool die_with_the_worker(struct err *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "PR_SET_PDEATHSIG");
    return true;
}

static bool build_namespaces(struct slot_state *slot, const struct wire_request *request, struct err *err)
{
    if (!root_fs_enter(slot->harness_dir, slot->read_only_paths, err))
        return false;
    slot->mechanisms |= MECHANISM_BIT(MECHANISM_READ_ONLY_ROOT);
    if (request->uid == 0)
        slot->mechanisms |= MECHANISM_BIT(MECHANISM_USER_NAMESPACE);
    else if (!become_the_slot(slot, request, err))
        return false;
    return open_descriptors(slot, err) && enter_namespaces(slot, err) && privileges_drop_but_setfcap(err) &&
           die_with_the_worker(err);
}

/* Also removes what a worker before this one may have left. */
static bool join_container(struct slot_state *slot, struct err *err)
{
    return slot_container_set_up(slot->harness_dir, slot->read_only_paths, err) &&
           open_descriptors(slot, err) && slot_container_clean(slot->container_uid, err);
}

static bool set_up(struct slot_state *slot, struct err *err)
{
    struct wire_request request;
    unsigned more;

    if (!receive_options(slot, &request, err))
        return false;
    bool is_container = slot->container_uid != 0;
    if (!(is_container ? join_container(slot, err) : build_namespaces(slot, &request, err)))
        return false;
    if (access(SANDBOX_HARNESS_DIR, R_OK | X_OK) != 0)
        return err_set_errno(err, ERR_CONFIG,
                             "the harness folder %s must be readable by the slot's programs (chmod -R a+rX)",
                             slot->harness_dir);
    more = (request.deny_memory != 0 ? SYSCALL_FILTER_MEMORY : 0) | (is_container ? SYSCALL_FILTER_IPC : 0);
    if (!syscall_filter_build(more, &slot->filter, err))
        return false;
    /* Nobody of the same uid looks inside. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "PR_SET_DUMPABLE");
    slot->processors = sysconf(_SC_NPROCESSORS_ONLN);
    servers_init(&slot->servers, slot->null, slot->proc);
    return true;
}

/* --- CPU time of the whole task --- */

/* cgroup v1 has nanoseconds alone in cpuacct.usage, v2 "usage_usec N" first in cpu.stat. */
static int64_t cpu_usage_us(const struct slot_state *slot)
{
    char text[64];

    ssize_t size = pread(slot->cpu_usage, text, sizeof(text) - 1, 0);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    if (strncmp(text, "usage_usec ", 11) == 0)
        return strtoll(text + 11, NULL, 10);
    return strtoll(text, NULL, 10) / 1000;
}

/* Kills a step whose processes together used up their time; says when to look again (poll's timeout). */
static int watch_cpu(struct slot_state *slot)
{
    struct running_task *task = &slot->task;
    struct wire_request request = {.version = WIRE_VERSION, .kind = WIRE_KILL};

    if (!task->in_step || task->cpu_stop_us == 0 || task->cpu_exceeded)
        return -1;
    int64_t left_us = task->cpu_stop_us - cpu_usage_us(slot);
    if (left_us <= 0) {
        task->cpu_exceeded = true;
        (void)wire_send(task->socket, &request, sizeof(request), NULL, 0, NULL);
        return -1;
    }
    int64_t soonest_ms = left_us / 1000 / (slot->processors > 0 ? slot->processors : 1) + 1;
    if (soonest_ms < CPU_WATCH_MS_MIN)
        return CPU_WATCH_MS_MIN;
    return soonest_ms > CPU_WATCH_MS_MAX ? CPU_WATCH_MS_MAX : (int)soonest_ms;
}

/* The same for the memory of a task in a container. */
static int watch_memory(struct slot_state *slot)
{
    struct wire_request request = {.version = WIRE_VERSION, .kind = WIRE_KILL};

    if (slot->memory.stat < 0 || !slot->task.in_step || slot->memory.exceeded)
        return -1;
    if (!memory_watch_look(&slot->memory))
        return MEMORY_WATCH_MS;
    (void)wire_send(slot->task.socket, &request, sizeof(request), NULL, 0, NULL);
    return -1;
}

static int watch(struct slot_state *slot)
{
    int cpu_ms = watch_cpu(slot), memory_ms = watch_memory(slot);

    return cpu_ms < 0 || (memory_ms >= 0 && memory_ms < cpu_ms) ? memory_ms : cpu_ms;
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

    if (servers_configure(&slot->servers, request, fds, fd_count, &slot->filter, &event.err))
        servers_start(&slot->servers, send_event);
    else
        send_event(&event);
}

static void begin(struct slot_state *slot, const struct wire_request *request, int files)
{
    struct task_setup setup = {.proc = slot->proc,
                               .null = slot->null,
                               .read_only_paths = slot->read_only_paths,
                               .filter = &slot->filter,
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
    memory_watch_begin(&slot->memory, request->memory_bytes);
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

/* In a container: what the end of the task's init has not ended. */
static bool clean(struct slot_state *slot, struct err *err)
{
    return slot->container_uid == 0 || slot_container_clean(slot->container_uid, err);
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
    _exit(clean(slot, NULL) ? status : 1);
}

static void start_step(struct slot_state *slot, const struct wire_request *request)
{
    slot->task.in_step = true;
    slot->task.cpu_exceeded = slot->memory.exceeded = false;
    slot->task.cpu_stop_us = 0;
    if (slot->cpu_usage >= 0 && request->cpu_ms > 0)
        slot->task.cpu_stop_us = cpu_usage_us(slot) + request->cpu_ms * 1000;
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
    case WIRE_RUN:
        if (slot->task.killed)
            send_killed();
        start_step(slot, &request);
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
    wire_close_fds(fds, fd_count);
    if (event.kind == WIRE_EXITED) {
        slot->task.in_step = false;
        event.cpu_exceeded |= slot->task.cpu_exceeded;
        event.memory_exceeded = slot->memory.exceeded;
        event.memory_peak_bytes = slot->memory.peak_bytes;
    }
    if (event.kind == WIRE_READY)
        memory_watch_ready(&slot->memory);
    slot->task.failed |= event.kind == WIRE_FAILED;
    slot->task.ready |= event.kind == WIRE_READY;
    send_event(&event);
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
     */
    slot->task.killed = task.ready && info.si_code != CLD_EXITED && info.si_status == SIGKILL;
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

    if (poll(polled, ARRAY_SIZE(polled), watch(slot)) < 0 && errno != EINTR)
        _exit(1);
    if (polled[1].revents != 0 || polled[2].revents != 0)
        while (serve_task(slot))
            continue;
    if (polled[2].revents != 0)
        task_died(slot);
    if (polled[0].revents != 0)
        serve_worker(slot);
}

_Noreturn void slot_init_main(void)
{
    struct slot_state slot = {
        .cpu_usage = -1, .proc = -1, .null = -1, .memory = {.stat = -1}, .task = {.pidfd = -1, .socket = -1}};
    struct err err = ERR_INIT;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void)close_range(WIRE_SOCKET + 1, ~0U, 0);
    if (!set_up(&slot, &err)) {
        send_failed(&slot, &err);
        _exit(1);
    }
    send_kind(WIRE_OPENED, slot.mechanisms);
    for (;;)
        serve(&slot);
}
