#include "worker/sandbox/servers.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "worker/sandbox/rlimits.h"
#include "worker/sandbox/step.h"
#include "worker/sandbox/syscall_filter.h"
#include "worker/sandbox/warm.h"

#define ERROR_TAIL    400 /* of what a server wrote before it died */
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
    *servers = (struct servers){.null = null, .proc = proc};
}

bool servers_configure(struct servers *servers, const struct wire_request *request, int *fds, size_t fd_count,
                       struct err *err)
{
    bool known = request->server >= 1 && request->server <= WIRE_SERVERS;
    struct server *server = known ? &servers->items[request->server - 1] : NULL;

    if (server == NULL || server->configured || fd_count != 2)
        return err_set(err, ERR_INTERNAL, "warm server %u is configured twice, or wrongly", request->server);
    *server = (struct server){.socket = -1,
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

/* After exec it holds no capability: the slot init's securebits give uid 0 none. Its score for the OOM killer
 * stays the slot init's: with a program's 1000 the program is chosen, however much the server has loaded. */
static _Noreturn void child(const struct server *server, const int *fds)
{
    char *const *argv = (char *const *)(uintptr_t)server->argv;
    char *const *environment = (char *const *)(uintptr_t)server->environment;

    struct err err = ERR_INIT;

    if (setsid() > 0 && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && rlimits_apply_stack(&err) &&
        place(fds, WARM_FIRST_FREE) && syscall_filter_complete(true, &err))
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
    const int fds[WARM_FIRST_FREE] = {servers->null, writing,       writing,
                                      its_end,       servers->null, server->library};
    server->pid = fork();
    if (server->pid == 0)
        child(server, fds);
    if (server->pid < 0) {
        server->pid = 0;
        return err_set_errno(err, ERR_INFRA, "fork");
    }
    return true;
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

/* One that has ended may have been reaped already: its number could be another process's by now. */
static void stop(struct server *server)
{
    if (server->pid > 0 && waitpid(server->pid, NULL, WNOHANG) == 0) {
        (void)kill(server->pid, SIGKILL);
        while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    server->pid = 0;
    close_fd(&server->socket);
    close_fd(&server->errors);
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
        stop(server);
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

static bool runs(struct server *server)
{
    if (!server->configured || server->pid == 0)
        return false;
    /* Its end not by waitid: whoever waits for a task's end reaps what it meets. */
    struct pollfd polled = {server->errors, POLLIN, 0};
    if ((poll(&polled, 1, 0) == 0 || (polled.revents & POLLHUP) == 0) && !is_stopped(server))
        return true;
    stop(server);
    return false;
}

void servers_start(struct servers *servers, servers_report_fn *report)
{
    struct wire_event event;

    for (size_t i = 0; i < WIRE_SERVERS; i++) {
        struct server *server = &servers->items[i];
        if (!server->configured || runs(server) || server->failures >= SERVER_TRIES_MAX)
            continue;
        start(servers, server, &event);
        report(&event);
    }
}

int servers_take(struct servers *servers, uint32_t number)
{
    if (number < 1 || number > WIRE_SERVERS || !runs(&servers->items[number - 1]))
        return -1;
    servers->items[number - 1].tasks++;
    return servers->items[number - 1].socket;
}

int servers_watch(struct servers *servers, uint32_t number)
{
    return number >= 1 && number <= WIRE_SERVERS && runs(&servers->items[number - 1]) ? SERVER_WATCH_MS : -1;
}

static int64_t resident_bytes(pid_t pid, int proc)
{
    char name[32], text[128];
    long long pages = 0;

    (void)snprintf(name, sizeof(name), "%d/statm", (int)pid);
    autofd int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    (void)sscanf(text, "%*s %lld", &pages);
    return pages * sysconf(_SC_PAGESIZE);
}

static void look_after(struct server *server, int proc)
{
    bool done = server->tasks_max > 0 && server->tasks >= server->tasks_max;
    bool grown = server->growth_bytes_max > 0 &&
                 resident_bytes(server->pid, proc) > server->resident_bytes + server->growth_bytes_max;

    if (done || grown)
        stop(server);
}

void servers_look_after(struct servers *servers)
{
    for (size_t i = 0; i < WIRE_SERVERS; i++)
        if (runs(&servers->items[i]))
            look_after(&servers->items[i], servers->proc);
}
