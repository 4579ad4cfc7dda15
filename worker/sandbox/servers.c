#include "worker/sandbox/servers_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "worker/sandbox/landlock.h"
#include "worker/sandbox/privileges.h"
#include "worker/sandbox/rlimits.h"
#include "worker/sandbox/step.h"
#include "worker/sandbox/syscall_filter.h"
#include "worker/sandbox/warm.h"

#define ERROR_TAIL    400 /* of what a server wrote before it died */
#define END_WAIT_NS   1000000
#define FIRST_FREE_FD 64

static bool read_strings(struct server *server, const struct wire_request *request, struct err *err)
{
    uint32_t count = request->blob_items, argc = request->argv_items;
    autofree const char **strings = calloc((size_t)count + 2, sizeof(*strings));

    if (strings == NULL)
        return err_set(err, ERR_NO_MEMORY, "no memory for %u strings", count);
    for (uint32_t i = 0; i < count; i++) {
        const char *text = wire_view_string(&server->blob);
        if (text == NULL || argc == 0 || argc > count)
            return err_set(err, ERR_INTERNAL, "the command of a warm server is cut off");
        strings[i < argc ? i : i + 1] = text;
    }
    server->environment = step_environment(strings + argc + 1);
    if (server->environment == NULL)
        return err_set(err, ERR_NO_MEMORY, "no memory for an environment");
    server->argv = steal_ptr(strings);
    return true;
}

void servers_init(struct servers *servers, int null, int proc)
{
    *servers = (struct servers){.null = null, .proc = proc, .lifeline = -1};
}

void servers_init_container(struct servers *servers, const struct landlock *landlock, int lifeline)
{
    servers->container = true;
    servers->landlock = landlock;
    servers->lifeline = lifeline;
}

bool servers_configure(struct servers *servers, const struct wire_request *request, int *fds, size_t fd_count,
                       struct err *err)
{
    bool known = request->server >= 1 && request->server <= WIRE_SERVERS;
    struct server *server = known ? &servers->items[request->server - 1] : NULL;

    if (server == NULL || server->configured || fd_count != 2)
        return err_set(err, ERR_INTERNAL, "warm server %u is configured twice, or wrongly", request->server);
    *server = (struct server){.pidfd = -1,
                              .socket = -1,
                              .errors = -1,
                              .library = steal_fd(&fds[1]),
                              .tasks_max = request->processes,
                              .growth_bytes_max = request->memory_bytes};
    server->configured = wire_view_open(&server->blob, fds[0], err) && read_strings(server, request, err);
    return server->configured;
}

/* --- starting --- */

static bool place(const int *from, size_t count)
{
    int moved[WARM_FIRST_FREE];

    for (size_t i = 0; i < count; i++)
        if ((moved[i] = fcntl(from[i], F_DUPFD_CLOEXEC, FIRST_FREE_FD)) < 0)
            return false;
    for (size_t i = 0; i < count; i++)
        if (dup2(moved[i], (int)i) < 0)
            return false;
    return close_range((unsigned)count, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

/* In a container, where securebits need a capability that nobody there has: exec gives uid 0 no more than it
 * has. Under Landlock as its forks are, so that it reaches nothing that they cannot. */
static bool confine_in_container(const struct landlock *landlock, int library, struct err *err)
{
    if (landlock != NULL) {
        autofd int ruleset = landlock_build_for_server(landlock, library, err);
        if (ruleset < 0 || !landlock_enforce(ruleset, err))
            return false;
    }
    return privileges_keep_to_become(err) && syscall_filter_complete(false, err);
}

/* With namespaces it holds no capability after exec: the slot init's securebits give uid 0 none. Its score
 * for the OOM killer stays the slot init's: with a program's 1000 the program is chosen, however much the
 * server has loaded. */
static _Noreturn void child(const struct servers *servers, const struct server *server, const int *fds,
                            pid_t parent)
{
    char *const *argv = (char *const *)(uintptr_t)server->argv;
    char *const *environment = (char *const *)(uintptr_t)server->environment;

    struct err err = ERR_INIT;

    /* Its process group is its waiters' and, until they are a task's, its forks' too. */
    if (setsid() > 0 && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == parent &&
        rlimits_apply_stack(&err) &&
        (servers->container ? confine_in_container(servers->landlock, server->library, &err)
                            : syscall_filter_complete(true, &err)) &&
        place(fds, WARM_FIRST_FREE))
        (void)execve(argv[0], argv, environment);
    (void)dprintf(STDERR_FILENO, "start %s: %s", argv[0], err.code == ERR_NONE ? strerror(errno) : err.text);
    _exit(127);
}

static bool start_process(const struct servers *servers, struct server *server, struct err *err)
{
    int ends[2], errors[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return err_set_errno(err, ERR_INFRA, "socketpair");
    autofd int its_end = ends[1];
    server->socket = ends[0];
    if (pipe2(errors, O_CLOEXEC) != 0)
        return err_set_errno(err, ERR_INFRA, "pipe");
    autofd int writing = errors[1];
    server->errors = errors[0];
    int taken = servers->lifeline >= 0 ? servers->lifeline : servers->null;
    const int fds[WARM_FIRST_FREE] = {servers->null, writing, writing, its_end, taken, server->library};
    pid_t own = getpid();
    server->pid = fork();
    if (server->pid == 0)
        child(servers, server, fds, own);
    if (server->pid < 0) {
        server->pid = 0;
        return err_set_errno(err, ERR_INFRA, "fork");
    }
    server->pidfd = (int)syscall(SYS_pidfd_open, server->pid, 0);
    return server->pidfd >= 0 || err_set_errno(err, ERR_INFRA, "pidfd_open");
}

/* What it wrote at last: the reason, as a rule. */
static void tell_death(const struct server *server, struct err *err)
{
    char text[4096];
    ssize_t size = 0, got;

    (void)fcntl(server->errors, F_SETFL, O_NONBLOCK);
    while ((got = read(server->errors, text, sizeof(text) - 1)) > 0)
        size = got;
    text[size] = '\0';
    err_set(err, ERR_INFRA, "it ended before it was ready: %s",
            size > ERROR_TAIL ? text + size - ERROR_TAIL : text);
}

static bool wait_until_ready(struct server *server, struct wire_event *event)
{
    struct pollfd polled = {server->socket, POLLIN, 0};
    int64_t deadline_ms = clock_ms() + SERVER_START_MS;
    int fds[WIRE_FDS_MAX];
    size_t fd_count;
    struct err err = ERR_INIT;
    enum wire_result got = WIRE_EMPTY;

    while (got == WIRE_EMPTY) {
        int64_t left_ms = deadline_ms - clock_ms();
        if (left_ms <= 0)
            return err_set(&event->err, ERR_INFRA, "it was not ready within %d s", SERVER_START_MS / 1000);
        (void)poll(&polled, 1, (int)left_ms);
        got = wire_receive(server->socket, event, sizeof(*event), fds, &fd_count, MSG_DONTWAIT, &err);
        wire_close_fds(fds, fd_count);
    }
    if (got == WIRE_CLOSED)
        tell_death(server, &event->err);
    else if (got == WIRE_BROKEN)
        event->err = err;
    return got == WIRE_GOT && event->err.code == ERR_NONE;
}

/* Its waiters and forks, which are ours when their parents have died; those that are a task's have a group of
 * their own. A number that is nobody's any more is no group of a child. */
static bool end_group(pid_t group)
{
    const struct timespec moment = {0, END_WAIT_NS};
    int64_t deadline_ms = clock_ms() + SERVER_END_MS;

    for (;;) {
        pid_t ended = waitpid(-group, NULL, WNOHANG);
        if (ended < 0 && errno == ECHILD)
            return true;
        if (ended != 0)
            continue;
        if (clock_ms() >= deadline_ms)
            return false;
        (void)kill(-group, SIGKILL);
        (void)nanosleep(&moment, NULL);
    }
}

/* One that has ended may have been reaped already: its number could be another process's by now. */
bool server_stop(struct server *server)
{
    if (server->pid > 0 && waitpid(server->pid, NULL, WNOHANG) == 0)
        (void)kill(server->pid, SIGKILL);
    while (server->pid > 0 && waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    server->stuck = server->pid > 0 && !end_group(server->pid);
    if (!server->stuck) {
        server->pid = 0;
        server->rest = SERVER_RESTS;
    }
    close_fd(&server->pidfd);
    close_fd(&server->socket);
    close_fd(&server->errors);
    return !server->stuck;
}

/* A stuck one stays what it is. */
void servers_forget(struct servers *servers, uint32_t number)
{
    struct server *server = number >= 1 && number <= WIRE_SERVERS ? &servers->items[number - 1] : NULL;

    if (server == NULL || !server->configured || server->stuck || !server_stop(server))
        return;
    free((void *)(uintptr_t)server->argv);
    free((void *)(uintptr_t)server->environment);
    wire_view_close(&server->blob);
    close_fd(&server->library);
    server->configured = false;
}

static void start(const struct servers *servers, struct server *server, struct wire_event *event)
{
    int64_t started_ms = clock_ms();

    *event = (struct wire_event){.version = WIRE_VERSION};
    if (start_process(servers, server, &event->err) && wait_until_ready(server, event)) {
        server->failures = 0;
        server->tasks = 0;
        server->resident_bytes = event->server_bytes;
    } else {
        server->failures++;
        (void)server_stop(server);
    }
    event->version = WIRE_VERSION;
    event->kind = WIRE_SERVER;
    event->server = (uint32_t)(server - servers->items) + 1;
    event->start_ms = clock_ms() - started_ms;
}

/* --- serving --- */

/* By a signal, and nobody will let it go on. One that waits for its waiter (vfork) is not: the signal takes
 * effect when the step has ended. */
static bool is_stopped(const struct server *server)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)server->pid, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == server->pid && info.si_code == CLD_STOPPED;
}

/* Not by waitid: whoever waits for a task's end reaps what it meets. */
static bool has_ended(const struct server *server)
{
    struct pollfd polled = {server->pidfd, POLLIN, 0};

    return poll(&polled, 1, 0) != 0;
}

bool server_runs(struct server *server)
{
    if (!server->configured || server->pid == 0)
        return false;
    if (!server->stuck && !has_ended(server) && !is_stopped(server))
        return true;
    (void)server_stop(server);
    return false;
}

void servers_start(struct servers *servers, servers_report_fn *report)
{
    struct wire_event event;

    for (size_t i = 0; i < WIRE_SERVERS; i++) {
        struct server *server = &servers->items[i];
        if (!server->configured || server_runs(server) || server->stuck ||
            server->failures >= SERVER_TRIES_MAX)
            continue;
        start(servers, server, &event);
        report(&event);
    }
}

int servers_take(struct servers *servers, uint32_t number)
{
    if (number < 1 || number > WIRE_SERVERS || !server_runs(&servers->items[number - 1]))
        return -1;
    servers->items[number - 1].tasks++;
    servers->items[number - 1].rest = SERVER_TAKEN;
    return servers->items[number - 1].socket;
}

int servers_watch(struct servers *servers, uint32_t number)
{
    return number >= 1 && number <= WIRE_SERVERS && server_runs(&servers->items[number - 1]) ? SERVER_WATCH_MS
                                                                                             : -1;
}

struct memory {
    int64_t resident_bytes, of_files_bytes;
};

/* Zeros: it has none any more. */
static struct memory memory_of(pid_t pid, int proc)
{
    char name[32], text[128];
    const int64_t page_bytes = sysconf(_SC_PAGESIZE);
    long long resident = 0, of_files = 0;

    (void)snprintf(name, sizeof(name), "%d/statm", (int)pid);
    autofd int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (size <= 0)
        return (struct memory){0, 0};
    text[size] = '\0';
    (void)sscanf(text, "%*s %lld %lld", &resident, &of_files);
    return (struct memory){resident * page_bytes, of_files * page_bytes};
}

/* While it ends, its memory is still counted where nothing of it can be seen any more. */
static int64_t own_memory(struct server *server, int proc)
{
    if (has_ended(server))
        return 0; /* its number may be another process's */
    struct memory now = memory_of(server->pid, proc);
    if (now.resident_bytes > 0)
        server->own_bytes = now.resident_bytes - now.of_files_bytes;
    return server->own_bytes;
}

int64_t servers_memory(struct servers *servers)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < WIRE_SERVERS; i++)
        if (servers->items[i].pid > 0)
            bytes += own_memory(&servers->items[i], servers->proc);
    return bytes;
}

static void look_after(struct server *server, int proc)
{
    bool done = server->tasks_max > 0 && server->tasks >= server->tasks_max;
    bool grown = server->growth_bytes_max > 0 && memory_of(server->pid, proc).resident_bytes >
                                                     server->resident_bytes + server->growth_bytes_max;

    if (done || grown)
        (void)server_stop(server);
}

void servers_look_after(struct servers *servers)
{
    for (size_t i = 0; i < WIRE_SERVERS; i++)
        if (server_runs(&servers->items[i]))
            look_after(&servers->items[i], servers->proc);
}
