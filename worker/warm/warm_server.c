#include "worker/warm/warm_server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/confine.h"
#include "worker/sandbox/suite_store.h"
#include "worker/sandbox/warm.h"
#include "worker/sandbox/wire.h"
#include "worker/warm/heap_holes.h"
#include "worker/warm/huge_pages.h"
#include "worker/warm/waiter.h"
#include "worker/warm/warm_internal.h"

/* Of Python's interface, where the process is one. */
void PyOS_BeforeFork(void) __attribute__((weak));
void PyOS_AfterFork_Parent(void) __attribute__((weak));
void PyOS_AfterFork_Child(void) __attribute__((weak));

/* One a process. */
static struct {
    int proc;
    int64_t preload_bytes;
    struct suite_store *store; /* NULL: nothing is kept */
    /* What was kept of the suite of the step that is being forked; the fork inherits this and nothing else of
     * it. */
    unsigned char kept[SUITE_BYTES_MAX];
    size_t kept_size;
    bool may_hand_back;          /* in a fork: what it makes of its suite is asked for */
    struct warm_command command; /* in a fork */
} server = {.proc = -1};

/* Before what is handed back. */
#define WARM_HANDBACK_MAGIC 0x0165746975537961u
struct warm_handback {
    uint64_t magic, size;
};

/* A fork only completes the filter that it inherits. */
static bool is_filtered(struct err *err)
{
    return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER ||
           err_set(err, ERR_INFRA, "seccomp: the server is under no filter");
}

/* Memory that the forks would share with each other. */
static bool shares_nothing(struct err *err)
{
    autofile FILE *maps = fopen("/proc/self/maps", "re");
    char line[4352], mode[5];

    if (maps == NULL)
        return err_set_errno(err, ERR_INFRA, "read /proc/self/maps");
    while (fgets(line, sizeof(line), maps) != NULL)
        if (sscanf(line, "%*s %4s", mode) == 1 && mode[1] == 'w' && mode[3] == 's')
            return err_set(err, ERR_INFRA, "memory that tasks would share was mapped: %s", line);
    return true;
}

static bool read_sizes(struct wire_event *event, struct err *err)
{
    autofile FILE *statm = fopen("/proc/self/statm", "re");
    const int64_t page_bytes = sysconf(_SC_PAGESIZE);
    long long pages, resident, of_files;

    if (statm == NULL || fscanf(statm, "%lld %lld %lld", &pages, &resident, &of_files) != 3)
        return err_set_errno(err, ERR_INFRA, "read /proc/self/statm");
    event->address_bytes = pages * page_bytes - server.preload_bytes;
    event->server_bytes = resident * page_bytes;
    /* With the room that what is kept will take: a task's memory is none of it. */
    event->server_own_bytes = (resident - of_files) * page_bytes;
    if (server.store != NULL)
        event->server_own_bytes += (int64_t)(SUITE_STORE_BYTES + sizeof(server.kept));
    return true;
}

int warm_ready(const char *loaded, int64_t preload_bytes, bool keeps_suites)
{
    struct wire_event event = {.version = WIRE_VERSION, .kind = WIRE_SERVER};

    server.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    server.preload_bytes = preload_bytes;
    if (server.proc < 0)
        err_set_errno(&event.err, ERR_INFRA, "open /proc");
    else if ((!keeps_suites || (server.store = suite_store_open(&event.err)) != NULL) &&
             is_filtered(&event.err) && shares_nothing(&event.err) && read_sizes(&event, &event.err))
        (void)snprintf(event.err.text, sizeof(event.err.text), "%s", loaded);
    bool sent = wire_send(WARM_SOCKET_FD, &event, sizeof(event), NULL, 0, NULL);
    return sent && event.err.code == ERR_NONE ? 0 : -1;
}

int assay_warm_ready(const char *loaded, int64_t preload_bytes)
{
    heap_holes_fill();
    huge_pages_use();
    return warm_ready(loaded, preload_bytes, true);
}

static bool confine(const struct warm_job *job, struct err *err)
{
    const struct wire_request *request = &job->request;
    int64_t address_space_bytes =
        request->address_space_bytes > 0 ? request->address_space_bytes + server.preload_bytes : 0;
    struct confinement confinement = {.limits = {.cpu_ms = request->cpu_ms,
                                                 .address_space_bytes = address_space_bytes,
                                                 .file_size_bytes = request->file_size_bytes,
                                                 .open_files = request->open_files,
                                                 .processes = request->processes},
                                      .proc = server.proc,
                                      .landlock = -1,
                                      .handback = job->handback[1],
                                      .container_init = (pid_t)request->init};
    size_t next = request->uid == 0 ? WIRE_FORK_FDS : WIRE_FORK_USER;

    if ((request->step_fds & WIRE_FORK_LANDLOCK) != 0 && next < job->fd_count)
        confinement.landlock = job->fds[next++];
    for (unsigned i = 0; i < WIRE_STEP_FDS; i++) {
        bool given = (request->step_fds & (1u << i)) != 0 && next < job->fd_count;
        confinement.fds[i] = given ? job->fds[next++] : -1;
    }
    return confine_fork(&confinement, err);
}

/* Kept until the process is confined: what goes wrong before is the machinery's failure. */
static void become_step(const struct warm_job *job)
{
    struct err err = ERR_INIT;

    /* Mapped, as confining closes it; what it holds is looked at afterwards. */
    server.command.argv_items = job->request.argv_items;
    if (!wire_view_open(&server.command.words, job->fds[WIRE_FORK_COMMAND], &err) || !confine(job, &err)) {
        waiter_tell_failed(job, &err);
        _exit(1);
    }
    server.may_hand_back = job->handback[1] >= 0;
    if (PyOS_AfterFork_Child != NULL)
        PyOS_AfterFork_Child();
}

/* --- what is kept of suites (warm.h) --- */

static bool has_key(const struct warm_job *job)
{
    static const unsigned char none[SUITE_KEY_SIZE];

    return server.store != NULL && memcmp(job->request.suite_key, none, sizeof(none)) != 0;
}

/* What the fork will find: what is kept of its suite, or, when the suite comes again, a pipe for what it
 * makes of it. Not a byte of another suite. */
static void lay_out(struct warm_job *job)
{
    size_t before = server.kept_size;
    const void *kept =
        has_key(job) ? suite_store_get(server.store, job->request.suite_key, &server.kept_size) : NULL;

    if (kept != NULL)
        memcpy(server.kept, kept, server.kept_size);
    else
        server.kept_size = 0;
    if (before > server.kept_size)
        memset(server.kept + server.kept_size, 0, before - server.kept_size);
    /* Without a pipe nothing will be kept. */
    if (kept == NULL && has_key(job) && suite_store_seen(server.store, job->request.suite_key) &&
        pipe2(job->handback, O_CLOEXEC | O_NONBLOCK) == 0)
        (void)fcntl(job->handback[1], F_SETPIPE_SZ, (int)SUITE_BYTES_MAX);
}

/* The step is over. What stands in the pipe counts only when nobody holds the other end any more: the fork
 * closed it before it loaded anything of the program, or has ended without a word. */
static void take_back(struct warm_job *job)
{
    unsigned char *scratch = suite_store_scratch(server.store);
    size_t size = 0;
    ssize_t got = 0;

    close_fd(&job->handback[1]);
    while (job->handback[0] >= 0 && size < SUITE_BYTES_MAX &&
           (got = read(job->handback[0], scratch + size, SUITE_BYTES_MAX - size)) > 0)
        size += (size_t)got;
    struct warm_handback head;
    if (got == 0 && size > sizeof(head)) {
        memcpy(&head, scratch, sizeof(head));
        if (head.magic == WARM_HANDBACK_MAGIC && head.size == size - sizeof(head))
            (void)suite_store_put(server.store, job->request.suite_key, scratch + sizeof(head), head.size);
    }
    close_fd(&job->handback[0]);
}

struct warm_command *warm_command(void)
{
    return &server.command;
}

int64_t assay_warm_kept(const void **data)
{
    *data = server.kept;
    return (int64_t)server.kept_size;
}

void assay_warm_keep(const void *data, int64_t size)
{
    struct warm_handback head = {WARM_HANDBACK_MAGIC, (uint64_t)size};
    struct iovec parts[] = {{&head, sizeof(head)}, {(void *)(uintptr_t)data, (size_t)size}};

    if (!server.may_hand_back)
        return;
    server.may_hand_back = false;
    /* All of it or, when the pipe cannot hold it, what nobody will take for the whole. */
    if (size > 0)
        (void)!writev(CONFINE_HANDBACK_FD, parts, ARRAY_SIZE(parts));
    (void)close(CONFINE_HANDBACK_FD);
}

uint32_t assay_warm_differ(const uint64_t *addresses, const uint64_t *known, uint32_t count, uint32_t *found,
                           uint64_t *now)
{
    uint32_t different = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t word = *(const volatile uint64_t *)(uintptr_t)addresses[i];
        if (word != known[i]) {
            found[different] = i;
            now[different++] = word;
        }
    }
    return different;
}

/* True in the process of the step. */
static bool fork_step(const struct warm_job *job)
{
    struct err err = ERR_INIT;

    if (PyOS_BeforeFork != NULL)
        PyOS_BeforeFork();
    pid_t waiter = vfork();
    if (waiter == 0) {
        waiter_fork(job);
        become_step(job);
        return true;
    }
    /* Here the step is over: the waiter held this process. */
    if (waiter < 0) {
        err_set_errno(&err, ERR_INFRA, "vfork");
        waiter_tell_failed(job, &err);
    }
    while (waiter > 0 && waitpid(waiter, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (PyOS_AfterFork_Parent != NULL)
        PyOS_AfterFork_Parent();
    return false;
}

static bool tell_idle(void)
{
    const struct wire_event event = {.version = WIRE_VERSION, .kind = WIRE_IDLE};

    return wire_send(WARM_SOCKET_FD, &event, sizeof(event), NULL, 0, NULL);
}

static bool is_whole(const struct warm_job *job)
{
    return job->fd_count >= (job->request.uid == 0 ? WIRE_FORK_FDS : WIRE_FORK_USER) &&
           (job->request.uid == 0) == (job->request.init == 0);
}

int assay_warm_serve(void)
{
    for (;;) {
        struct warm_job job = {.handback = {-1, -1}};
        switch (wire_receive(WARM_SOCKET_FD, &job.request, sizeof(job.request), job.fds, &job.fd_count, 0,
                             NULL)) {
        case WIRE_GOT:
            if (job.request.kind == WIRE_SETTLE && !tell_idle())
                return -1;
            if (job.request.kind == WIRE_FORK && is_whole(&job)) {
                lay_out(&job);
                if (fork_step(&job))
                    return 0;
                take_back(&job);
            }
            wire_close_fds(job.fds, job.fd_count);
            break;
        case WIRE_EMPTY:
            break;
        case WIRE_CLOSED:
        case WIRE_BROKEN:
            return -1;
        }
    }
}
