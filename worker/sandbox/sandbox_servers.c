/* The warm servers of a sandbox, as the worker knows them. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "worker/sandbox/sandbox_internal.h"
#include "worker/sandbox/servers.h"
#include "worker/sandbox/warm.h"

#define WAIT_MS (SERVER_START_MS + 5000)

/* It lies beside the running program. */
static int open_library(struct err *err)
{
    char path[PATH_MAX];

    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof(WARM_LIBRARY) - 1);
    if (length < 0)
        return err_set_errno(err, ERR_INFRA, "find the running program's folder"), -1;
    path[length] = '\0';
    strcpy(strrchr(path, '/') + 1, WARM_LIBRARY);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        err_set_errno(err, ERR_CONFIG, "open %s, which comes with the worker", path);
    return fd;
}

static bool start(struct sandbox *sandbox, unsigned number, struct err *err)
{
    const struct sandbox_server *server = &sandbox->server_commands[number - 1];
    struct wire_request request = {.version = WIRE_VERSION,
                                   .kind = WIRE_SERVE,
                                   .server = number,
                                   .processes = sandbox->server_tasks_max,
                                   .memory_bytes = sandbox->server_growth_bytes};
    struct wire_blob blob;

    wire_blob_open(&blob);
    for (size_t i = 0; server->argv[i] != NULL; i++)
        wire_blob_string(&blob, server->argv[i]);
    request.argv_items = blob.items;
    for (size_t i = 0; server->environment[i] != NULL; i++)
        wire_blob_string(&blob, server->environment[i]);
    request.blob_items = blob.items;
    autofd int strings = wire_blob_seal(&blob, err);
    wire_blob_discard(&blob);
    autofd int library = strings < 0 ? -1 : open_library(err);
    const int fds[] = {strings, library};
    return library >= 0 && wire_send(sandbox->socket, &request, sizeof(request), fds, ARRAY_SIZE(fds), err);
}

bool sandbox_start_server(struct sandbox *sandbox, unsigned number)
{
    const struct cgroup_limits none = {.memory_bytes = 0};
    struct err err = ERR_INIT;

    if (sandbox->state != STATE_IDLE || number < 1 || number > sandbox->server_count ||
        sandbox->servers[number - 1].asked)
        return true;
    struct sandbox_server_state *state = &sandbox->servers[number - 1];
    state->asked = true;
    /* The limits in force are the last task's. */
    if (cgroup_limit(sandbox->cgroup, &none, &err) && start(sandbox, number, &err))
        return true;
    state->starts = 1;
    memcpy(state->text, err.text, sizeof(state->text));
    return false;
}

void sandbox_start_servers(struct sandbox *sandbox, const struct sandbox_options *options)
{
    sandbox->server_commands = options->servers;
    sandbox->server_count =
        options->server_count < SANDBOX_SERVERS_MAX ? options->server_count : SANDBOX_SERVERS_MAX;
    sandbox->server_tasks_max = options->server_tasks_max;
    sandbox->server_growth_bytes = options->server_growth_bytes;
    for (unsigned number = 1; number <= sandbox->server_count; number++)
        if (!options->servers[number - 1].on_demand)
            (void)sandbox_start_server(sandbox, number);
}

void sandbox_end_servers_on_demand(struct sandbox *sandbox)
{
    for (unsigned number = 1; number <= sandbox->server_count; number++) {
        struct wire_request request = {.version = WIRE_VERSION, .kind = WIRE_SERVE, .server = number};
        struct sandbox_server_state *state = &sandbox->servers[number - 1];
        if (!sandbox->server_commands[number - 1].on_demand || state->starts == 0 ||
            !wire_send(sandbox->socket, &request, sizeof(request), NULL, 0, NULL))
            continue;
        sandbox->server_memory_bytes -= state->own_bytes;
        *state = (struct sandbox_server_state){.asked = false};
    }
}

void sandbox_note_server(struct sandbox *sandbox, const struct wire_event *from)
{
    if (from->server < 1 || from->server > sandbox->server_count)
        return;
    struct sandbox_server_state *state = &sandbox->servers[from->server - 1];
    state->serves = from->err.code == ERR_NONE;
    state->starts++;
    state->start_ms = from->start_ms;
    state->memory_bytes = from->server_bytes;
    state->address_bytes = from->address_bytes;
    memcpy(state->text, from->err.text, sizeof(state->text));
    /* What is of files, the kernel takes away where a task needs room; what is not must not be the task's. */
    if (state->serves && state->own_bytes == 0) {
        state->own_bytes = from->server_own_bytes;
        sandbox->server_memory_bytes += from->server_own_bytes;
    }
    if (state->serves && sandbox->state == STATE_BEGINNING) /* the counters were read without it */
        sandbox->at_begin.memory_bytes += from->server_own_bytes;
}

bool sandbox_awaits_servers(const struct sandbox *sandbox)
{
    for (size_t i = 0; i < sandbox->server_count; i++)
        if (sandbox->servers[i].asked && sandbox->servers[i].starts == 0)
            return true;
    return false;
}

void sandbox_wait_for_servers(struct sandbox *sandbox)
{
    int64_t deadline_ms = clock_ms() + WAIT_MS;
    struct wire_event event;
    int fds[WIRE_FDS_MAX];
    size_t fd_count;

    while (sandbox_awaits_servers(sandbox) && clock_ms() < deadline_ms) {
        struct pollfd polled = {sandbox->socket, POLLIN, 0};
        (void)poll(&polled, 1, (int)(deadline_ms - clock_ms()));
        enum wire_result got =
            wire_receive(sandbox->socket, &event, sizeof(event), fds, &fd_count, MSG_DONTWAIT, NULL);
        wire_close_fds(fds, fd_count);
        if (got == WIRE_GOT && event.kind == WIRE_SERVER)
            sandbox_note_server(sandbox, &event);
        else if (got != WIRE_EMPTY)
            return; /* what else is wrong, the first task will find */
    }
}

const struct sandbox_server_state *sandbox_server_state(const struct sandbox *sandbox, unsigned number)
{
    return number >= 1 && number <= sandbox->server_count ? &sandbox->servers[number - 1] : NULL;
}
