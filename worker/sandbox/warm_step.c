#include "worker/sandbox/warm_step.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/mem.h"

static const char *const namespaces[WIRE_FORK_FDS] = {
    [WIRE_FORK_USER] = "/proc/self/ns/user",
    [WIRE_FORK_PID] = "/proc/self/ns/pid",
    [WIRE_FORK_IPC] = "/proc/self/ns/ipc",
    [WIRE_FORK_MOUNT] = "/proc/self/ns/mnt",
};

static bool open_namespaces(int *fds, size_t *count, struct err *err)
{
    for (; *count < WIRE_FORK_FDS; (*count)++) {
        fds[*count] = open(namespaces[*count], O_RDONLY | O_CLOEXEC);
        if (fds[*count] < 0)
            return err_set_errno(err, ERR_INFRA, "open %s", namespaces[*count]);
    }
    return true;
}

static void collect(const struct confinement *confinement, int *fds, size_t *count,
                    struct wire_request *request)
{
    if (confinement->landlock >= 0) {
        request->step_fds |= WIRE_FORK_LANDLOCK;
        fds[(*count)++] = confinement->landlock;
    }
    for (unsigned i = 0; i < WIRE_STEP_FDS; i++) {
        if (confinement->fds[i] < 0)
            continue;
        request->step_fds |= 1u << i;
        fds[(*count)++] = confinement->fds[i];
    }
}

bool warm_step_start(int socket, uid_t container_uid, const struct confinement *confinement,
                     const struct wire_request *run, int command, int *channel, struct err *err)
{
    bool is_container = container_uid != 0;
    struct wire_request request = {.version = WIRE_VERSION,
                                   .kind = WIRE_FORK,
                                   .argv_items = run->argv_items,
                                   .uid = container_uid,
                                   .init = is_container ? (uint32_t)getpid() : 0,
                                   .processes = confinement->limits.processes,
                                   .cpu_ms = confinement->limits.cpu_ms,
                                   .address_space_bytes = confinement->limits.address_space_bytes,
                                   .file_size_bytes = confinement->limits.file_size_bytes,
                                   .open_files = confinement->limits.open_files};
    int fds[WIRE_FDS_MAX] = {-1, -1, -1, -1, -1, -1};
    size_t own = WIRE_FORK_USER; /* to be closed here */
    int ends[2];

    memcpy(request.suite_key, run->suite_key, sizeof(request.suite_key));
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return err_set_errno(err, ERR_INFRA, "start a warm step: socketpair");
    fds[WIRE_FORK_CHANNEL] = ends[1];
    fds[WIRE_FORK_COMMAND] = command;
    bool sent = is_container || open_namespaces(fds, &own, err);
    size_t count = own;
    collect(confinement, fds, &count, &request);
    sent = sent && wire_send(socket, &request, sizeof(request), fds, count, err);
    fds[WIRE_FORK_COMMAND] = -1; /* the caller's */
    wire_close_fds(fds, own);
    if (!sent) {
        (void)close(ends[0]);
        return err_wrap(err, "start a warm step");
    }
    *channel = ends[0];
    return true;
}

enum warm_step warm_step_receive(int channel, struct wire_event *event, struct err *err)
{
    int fds[WIRE_FDS_MAX];
    size_t fd_count;

    switch (wire_receive(channel, event, sizeof(*event), fds, &fd_count, MSG_DONTWAIT, err)) {
    case WIRE_GOT:
        wire_close_fds(fds, fd_count);
        if (event->kind == WIRE_EXITED)
            return WARM_STEP_EXITED;
        *err = event->err;
        break;
    case WIRE_EMPTY:
        return WARM_STEP_RUNS;
    case WIRE_CLOSED:
        err_set(err, ERR_INFRA, "the warm server died");
        break;
    case WIRE_BROKEN:
        break;
    }
    err_wrap(err, "warm step");
    return WARM_STEP_BROKEN;
}
