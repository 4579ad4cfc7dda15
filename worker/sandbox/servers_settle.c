/* In a container, where no namespace ends with a task: that no fork is on its way to become a task's. */
#include <poll.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "worker/sandbox/servers_internal.h"

/* A server serves one step after the other: its answer comes when all before it are over. */
static bool ask(struct server *server)
{
    struct wire_request request = {.version = WIRE_VERSION, .kind = WIRE_SETTLE};

    if (server->rest == SERVER_TAKEN && !wire_send(server->socket, &request, sizeof(request), NULL, 0, NULL))
        return false;
    server->rest = SERVER_ASKED;
    return true;
}

static bool settle(struct server *server, int64_t deadline_ms)
{
    struct pollfd polled = {server->socket, POLLIN, 0};
    struct wire_event event;
    int fds[WIRE_FDS_MAX];
    size_t fd_count;

    if (server->rest == SERVER_RESTS)
        return true;
    if (!server_runs(server) || !ask(server))
        return server_stop(server);
    int64_t left_ms = deadline_ms - clock_ms();
    (void)poll(&polled, 1, left_ms > 0 ? (int)left_ms : 0);
    switch (wire_receive(server->socket, &event, sizeof(event), fds, &fd_count, MSG_DONTWAIT, NULL)) {
    case WIRE_GOT:
        wire_close_fds(fds, fd_count);
        if (event.kind == WIRE_IDLE) {
            server->rest = SERVER_RESTS;
            return true;
        }
        break;
    case WIRE_EMPTY:
        return false;
    case WIRE_CLOSED:
    case WIRE_BROKEN:
        break;
    }
    return server_stop(server);
}

bool servers_settle(struct servers *servers, int wait_ms)
{
    int64_t deadline_ms = clock_ms() + wait_ms;
    bool settled = true;

    for (size_t i = 0; i < WIRE_SERVERS; i++)
        settled &= settle(&servers->items[i], deadline_ms);
    return settled;
}

bool servers_end(struct servers *servers, bool all)
{
    bool ended = true;

    for (size_t i = 0; i < WIRE_SERVERS; i++)
        if (servers->items[i].pid > 0 && (all || servers->items[i].rest != SERVER_RESTS))
            ended &= server_stop(&servers->items[i]);
    return ended;
}
