/* Opening and closing: the slot init is started, told what to build, and tried with an empty task. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "worker/sandbox/sandbox_internal.h"
#include "worker/sandbox/slot_init.h"

#define OPEN_WITHIN_MS   15000
#define CLOSE_WITHIN_MS  10000
#define MEMORY_SPARE     ((int64_t)2 << 20)
#define TRIAL_DISK_BYTES ((int64_t)1 << 20)

const char *const sandbox_optional[] = {"cgroup_memory", "cgroup_cpu", "landlock", NULL};

/* The slot init lies beside the running program. */
static bool slot_init_path(char *path, size_t size, struct err *err)
{
    char own[PATH_MAX];

    ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
    if (length < 0)
        return err_set_errno(err, ERR_INFRA, "find the running program's folder");
    own[length] = '\0';
    *strrchr(own, '/') = '\0';
    if ((size_t)snprintf(path, size, "%s/%s", own, SLOT_INIT_PROGRAM) >= size || access(path, X_OK) != 0)
        return err_set_errno(err, ERR_CONFIG, "%s must be installed beside the worker, in %s",
                             SLOT_INIT_PROGRAM, own);
    return true;
}

static bool check_options(const struct sandbox_options *options, struct err *err)
{
    for (size_t i = 0; options->allow_missing != NULL && options->allow_missing[i] != NULL; i++)
        if (!mechanism_named(sandbox_optional, options->allow_missing[i]))
            return err_set(
                err, ERR_CONFIG,
                "sandbox.allow_missing: %s cannot be missing (cgroup_memory, cgroup_cpu and landlock "
                "can)",
                options->allow_missing[i]);
    return true;
}

/* Every limit that needs a cgroup has one, or the operator does without it. */
static bool check_cgroup(const struct sandbox *sandbox, const struct sandbox_options *options,
                         struct err *err)
{
    uint64_t have = cgroup_mechanisms(sandbox->cgroup);
    bool memory = (have & (CGROUP_MEMORY_BITS | CONTAINER_MEMORY_BIT)) != 0 ||
                  mechanism_named(options->allow_missing, sandbox_optional[0]);
    bool cpu = (have & (CGROUP_CPU_BITS | CONTAINER_CPU_BIT)) != 0 ||
               mechanism_named(options->allow_missing, sandbox_optional[1]);

    if (memory && cpu)
        return true;
    return err_set(
        err, ERR_INFRA,
        "%s%s%s: no cgroup to limit the whole task (%s); delegate one to the worker, or name this in "
        "sandbox.allow_missing",
        memory ? "" : "cgroup_memory", memory || cpu ? "" : ", ", cpu ? "" : "cgroup_cpu",
        cgroup_problem(sandbox->cgroup));
}

/* There is one sandbox in a container. Of the last one's pipe the other end is held by each of its processes
 * until it is a program, or ended: one that is not could still become a program of the next one's uid. */
static int last_one = -1;

/* *lifeline gets the other end for this one, the caller's; -1 with namespaces. */
static bool follow_the_last(const struct sandbox *sandbox, int *lifeline, struct err *err)
{
    struct pollfd polled = {last_one, POLLIN, last_one >= 0 ? 0 : POLLHUP};
    int64_t left_ms, deadline_ms = clock_ms() + OPEN_WITHIN_MS;
    int ends[2];

    if (sandbox->setting != SETTING_CONTAINER)
        return true;
    while ((polled.revents & POLLHUP) == 0) {
        if ((left_ms = deadline_ms - clock_ms()) <= 0)
            return err_set(err, ERR_INFRA, "own_uid: a process of the sandbox before this one does not end");
        (void)poll(&polled, 1, (int)left_ms);
    }
    close_fd(&last_one);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_set_errno(err, ERR_INFRA, "pipe");
    last_one = ends[0];
    *lifeline = ends[1];
    return true;
}

static bool send_open(const struct sandbox *sandbox, const struct sandbox_options *options, int lifeline,
                      struct err *err)
{
    bool has_memory = (cgroup_mechanisms(sandbox->cgroup) & (CGROUP_MEMORY_BITS | CONTAINER_MEMORY_BIT)) != 0;
    bool is_container = sandbox->setting == SETTING_CONTAINER;
    struct wire_request request = {.version = WIRE_VERSION,
                                   .kind = WIRE_OPEN,
                                   .uid = sandbox->uid,
                                   .gid = sandbox->uid,
                                   .container = is_container,
                                   .deny_memory = !has_memory,
                                   .no_landlock = mechanism_named(options->allow_missing, "landlock")};
    struct wire_blob blob;

    wire_blob_open(&blob);
    wire_blob_string(&blob, options->harness_dir);
    for (size_t i = 0; options->read_only_paths != NULL && options->read_only_paths[i] != NULL; i++)
        wire_blob_string(&blob, options->read_only_paths[i]);
    request.blob_items = blob.items;
    autofd int strings = wire_blob_seal(&blob, err);
    wire_blob_discard(&blob);
    if (strings < 0)
        return false;
    autofd int cpu_usage = cgroup_cpu_usage(sandbox->cgroup);
    autofd int memory_stat = is_container ? cgroup_memory_stat(sandbox->cgroup) : -1;
    int fds[4] = {strings};
    size_t fd_count = 1;
    if (cpu_usage >= 0) {
        request.step_fds |= WIRE_OPEN_CPU_USAGE;
        fds[fd_count++] = cpu_usage;
    }
    if (memory_stat >= 0) {
        request.step_fds |= WIRE_OPEN_MEMORY_STAT;
        fds[fd_count++] = memory_stat;
    }
    if (lifeline >= 0) {
        request.step_fds |= WIRE_OPEN_LIFELINE;
        fds[fd_count++] = lifeline;
    }
    return wire_send(sandbox->socket, &request, sizeof(request), fds, fd_count, err);
}

/* Waits for one frame of this kind while opening. */
static bool expect(struct sandbox *sandbox, enum wire_kind kind, int64_t deadline_ms, struct err *err)
{
    struct wire_event event;
    int fds[WIRE_FDS_MAX];
    size_t fd_count;

    for (;;) {
        struct pollfd polled = {sandbox->socket, POLLIN, 0};
        int64_t left_ms = deadline_ms - clock_ms();
        if (left_ms <= 0 || poll(&polled, 1, (int)left_ms) == 0)
            return err_set(err, ERR_INFRA, "the slot init did not answer within %d s", OPEN_WITHIN_MS / 1000);
        switch (wire_receive(sandbox->socket, &event, sizeof(event), fds, &fd_count, MSG_DONTWAIT, err)) {
        case WIRE_GOT:
            wire_close_fds(fds, fd_count);
            sandbox->mechanisms |= event.mechanisms;
            if (event.kind == kind)
                return true;
            if (event.kind == WIRE_FAILED && err != NULL)
                *err = event.err;
            return event.kind == WIRE_FAILED
                       ? false
                       : err_set(err, ERR_INTERNAL, "the slot init sent %u instead of %u", event.kind, kind);
        case WIRE_EMPTY:
            break; /* woken by a signal */
        case WIRE_CLOSED:
            return err_set(err, ERR_INFRA, "the slot init died while it set up the sandbox");
        case WIRE_BROKEN:
            return false;
        }
    }
}

/* An empty task, so that what only a task sets up is known to work, and what the inits themselves need is
 * known when limits are set. */
static bool try_a_task(struct sandbox *sandbox, int64_t deadline_ms, struct err *err)
{
    struct wire_request request = {
        .version = WIRE_VERSION, .kind = WIRE_BEGIN, .disk_bytes = TRIAL_DISK_BYTES, .processes = 1};
    struct cgroup_counters counters;

    cgroup_reset_peak(sandbox->cgroup);
    if (!wire_send(sandbox->socket, &request, sizeof(request), NULL, 0, err) ||
        !expect(sandbox, WIRE_READY, deadline_ms, err) || !sandbox_send(sandbox, WIRE_END, err) ||
        !expect(sandbox, WIRE_ENDED, deadline_ms, err))
        return false;
    cgroup_read(sandbox->cgroup, &counters);
    sandbox->own_memory_bytes = counters.peak_memory_bytes + MEMORY_SPARE;
    return true;
}

static bool start(struct sandbox *sandbox, const struct sandbox_options *options, struct err *err)
{
    char program[PATH_MAX];
    autofd int lifeline = -1;
    int ends[2];

    if (!slot_init_path(program, sizeof(program), err) || !follow_the_last(sandbox, &lifeline, err))
        return false;
    int64_t deadline_ms = clock_ms() + OPEN_WITHIN_MS;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return err_set_errno(err, ERR_INFRA, "socketpair");
    sandbox->socket = ends[0];
    bool started = sandbox->setting == SETTING_CONTAINER
                       ? setting_container_start(program, ends[1], &sandbox->process, err)
                       : setting_namespaces_start(program, ends[1], &sandbox->process, err);
    (void)close(ends[1]);
    return started && cgroup_add(sandbox->cgroup, sandbox->process.pid, err) &&
           send_open(sandbox, options, lifeline, err) && expect(sandbox, WIRE_OPENED, deadline_ms, err) &&
           try_a_task(sandbox, deadline_ms, err);
}

/* What cannot be set up belongs to a layer, which then does not hold. */
static void name_the_layer(struct err *err)
{
    enum sandbox_layer layer = err == NULL ? LAYER_COUNT : mechanism_layer_in(err->text);

    if (layer != LAYER_COUNT)
        err_wrap(err, "the %s layer does not hold", sandbox_layer_name(layer));
}

/* What the operator does without stands in every result. (What allow_missing does not name is in force.) */
static void list_missing(struct sandbox *sandbox)
{
    static const struct {
        uint64_t bits;
        const char *name;
    } optional[SANDBOX_OPTIONAL_COUNT] = {
        {CGROUP_MEMORY_BITS | CONTAINER_MEMORY_BIT, MECHANISM_MISSING "cgroup_memory"},
        {CGROUP_CPU_BITS | CONTAINER_CPU_BIT, MECHANISM_MISSING "cgroup_cpu"},
        {MECHANISM_BIT(MECHANISM_LANDLOCK), MECHANISM_MISSING "landlock"},
    };
    size_t count = 0;

    while (sandbox->names[count] != NULL)
        count++;
    for (size_t i = 0; i < SANDBOX_OPTIONAL_COUNT; i++)
        if ((sandbox->mechanisms & optional[i].bits) == 0)
            sandbox->names[count++] = optional[i].name;
    /* Polling cannot stop a fast writer between two looks: only the container's own tmpfs are exact. */
    if (sandbox->setting == SETTING_CONTAINER)
        sandbox->names[count++] = MECHANISM_MISSING "task_disk";
    sandbox->names[count] = NULL;
}

static bool choose_setting(struct sandbox *sandbox, const struct sandbox_options *options, struct err *err)
{
    char name[64];

    if (!setting_choose(options->setting, &sandbox->setting, err))
        return false;
    if (sandbox->setting == SETTING_CONTAINER) {
        if (options->slot != 1)
            return err_set(
                err, ERR_CONFIG,
                "a container holds one slot: its memory limit and uid are the task's (slots = 1; start "
                "more containers instead)");
        if (!setting_container_check(err))
            return false;
        sandbox->uid = setting_container_uid();
        sandbox->cgroup = cgroup_open_container(err);
        return sandbox->cgroup != NULL;
    }
    if (setting_is_privileged())
        sandbox->uid = options->uid != 0 ? options->uid : (uid_t)(SANDBOX_UID_BASE + options->slot);
    (void)snprintf(name, sizeof(name), "assay-%d-%u", (int)getpid(), options->slot);
    sandbox->cgroup = cgroup_open(name, err);
    return sandbox->cgroup != NULL;
}

struct sandbox *sandbox_open(const struct sandbox_options *options, struct err *err)
{
    struct sandbox *sandbox = calloc(1, sizeof(*sandbox));

    if (sandbox == NULL) {
        err_set(err, ERR_NO_MEMORY, "open the sandbox of slot %u: out of memory", options->slot);
        return NULL;
    }
    sandbox->socket = sandbox->process.pidfd = sandbox->kept = -1;
    sandbox->disk_bytes_max = options->scratch_bytes_max;
    if (!choose_setting(sandbox, options, err) || !check_options(options, err) ||
        !check_cgroup(sandbox, options, err) || !start(sandbox, options, err)) {
        name_the_layer(err);
        err_wrap(err, "open the sandbox of slot %u", options->slot);
        sandbox_close(sandbox);
        return NULL;
    }
    sandbox->mechanisms |= cgroup_mechanisms(sandbox->cgroup);
    mechanism_list(sandbox->mechanisms, sandbox->names);
    list_missing(sandbox);
    sandbox_start_servers(sandbox, options);
    return sandbox;
}

/* Nothing ends by itself there with the slot init: it removes what is left once the socket is closed. */
static void let_it_clean_up(struct sandbox *sandbox)
{
    struct pollfd polled = {sandbox->process.pidfd, POLLIN, 0};

    close_fd(&sandbox->socket);
    if (polled.fd >= 0)
        (void)poll(&polled, 1, CLOSE_WITHIN_MS);
}

void sandbox_close(struct sandbox *sandbox)
{
    siginfo_t info;

    if (sandbox == NULL)
        return;
    if (sandbox->setting == SETTING_CONTAINER)
        let_it_clean_up(sandbox);
    if (sandbox->process.pidfd >= 0) {
        (void)syscall(SYS_pidfd_send_signal, sandbox->process.pidfd, SIGKILL, NULL, 0);
        while (waitid(P_PIDFD, (id_t)sandbox->process.pidfd, &info, WEXITED) != 0 && errno == EINTR)
            continue;
    }
    close_fd(&sandbox->process.pidfd);
    close_fd(&sandbox->socket);
    close_fd(&sandbox->kept);
    cgroup_close(sandbox->cgroup);
    free(sandbox);
}

int sandbox_fd(const struct sandbox *sandbox)
{
    return sandbox->socket;
}

const char *const *sandbox_mechanisms(const struct sandbox *sandbox)
{
    return sandbox->names;
}
