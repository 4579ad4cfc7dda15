#include "common/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/clock.h"
#include "common/mem.h"

#define CONNECTIONS_MAX        64
#define IDLE_SECONDS           30
#define CONNECTION_MEMORY      ((size_t)16 * 1024)
#define RESPONSE_MAX           ((size_t)8 * 1024 * 1024)
#define PLAIN_TEXT             "text/plain; charset=utf-8"
#define PROMETHEUS_TEXT        "text/plain; version=0.0.4; charset=utf-8"
#define STATUS_OF(ok, failure) ((ok) ? MHD_HTTP_OK : (failure))

/*
 * libmicrohttpd keeps its sockets in an epoll set of its own, whose descriptor is readable when one of them
 * has an event: the loop watches that one descriptor (libmicrohttpd manual, "external event loop").
 */
struct http_server {
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct loop_watch *watch;
    struct loop_timer *timer; /* idle connections */
    struct http_server_source source;
};

/* `body` is copied. */
static enum MHD_Result respond(struct MHD_Connection *connection, unsigned status, const char *type,
                               struct buf *body)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->size, (void *)(uintptr_t)buf_text(body), MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result respond_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
    autobuf struct buf body = BUF_INIT;
    buf_append_text(&body, text);
    return respond(connection, status, PLAIN_TEXT, &body);
}

static enum MHD_Result respond_page(struct MHD_Connection *connection, const char *type,
                                    void (*write)(void *, struct buf *), void *context)
{
    autobuf struct buf body = BUF_LIMIT(RESPONSE_MAX);
    write(context, &body);
    if (body.failed)
        return respond_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "the page does not fit\n");
    return respond(connection, MHD_HTTP_OK, type, &body);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request_context)
{
    (void)version;
    (void)upload;
    (void)upload_size;
    (void)request_context;
    const struct http_server_source *source = &((struct http_server *)context)->source;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return respond_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    if (strcmp(url, "/healthz") == 0 || strcmp(url, "/health") == 0)
        return respond_text(connection, MHD_HTTP_OK, "ok\n");
    if (strcmp(url, "/readyz") == 0) {
        bool ready = source->ready(source->context);
        return respond_text(connection, STATUS_OF(ready, MHD_HTTP_SERVICE_UNAVAILABLE),
                            ready ? "ready\n" : "not ready\n");
    }
    if (strcmp(url, "/status") == 0)
        return respond_page(connection, "application/json", source->status, source->context);
    if (strcmp(url, "/metrics") == 0)
        return respond_page(connection, PROMETHEUS_TEXT, source->metrics, source->context);
    return respond_text(connection, MHD_HTTP_NOT_FOUND,
                        "not found; there are /healthz /health /readyz /status /metrics\n");
}

static void schedule(struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    if (MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES)
        loop_timer_set(server->timer, clock_ms() + (int64_t)(wait_ms < 60000 ? wait_ms : 60000));
    else
        loop_timer_stop(server->timer);
}

static void on_timer(void *context)
{
    struct http_server *server = context;
    (void)MHD_run(server->daemon);
    schedule(server);
}

static void on_readable(void *context, int fd, uint32_t events)
{
    (void)fd;
    (void)events;
    on_timer(context);
}

/* "host:port" into a socket address; numeric hosts and "localhost". */
static bool resolve(const char *address, struct addrinfo **out, struct err *err)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon[1] == '\0')
        return err_set(err, ERR_CONFIG, "listen on \"%s\": want ADDRESS:PORT, for example 127.0.0.1:9100",
                       address);
    const char *host = address;
    size_t length = (size_t)(colon - address);
    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    }
    autofree char *name = length > 0 ? strndup(host, length) : strdup("127.0.0.1");
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int failure = name != NULL ? getaddrinfo(name, colon + 1, &hints, out) : EAI_MEMORY;
    if (failure != 0)
        return err_set(err, ERR_CONFIG, "listen on \"%s\": %s", address, gai_strerror(failure));
    return true;
}

static bool start_daemon(struct http_server *server, const char *address, struct err *err)
{
    struct addrinfo *where = NULL;
    if (!resolve(address, &where, err))
        return false;
    unsigned flags = MHD_USE_EPOLL;
    if (where->ai_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    errno = 0;
    server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_SOCK_ADDR,
                                      where->ai_addr, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                                      MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
                                      MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_END);
    int saved = errno;
    freeaddrinfo(where);
    if (server->daemon == NULL) {
        errno = saved;
        return err_set_errno(err, ERR_CONFIG, "listen on %s", address);
    }
    return true;
}

struct http_server *http_server_open(struct loop *loop, const char *address,
                                     const struct http_server_source *source, struct err *err)
{
    if (*address == '\0')
        return NULL;
    struct http_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        err_set(err, ERR_NO_MEMORY, "listen on %s: out of memory", address);
        return NULL;
    }
    server->loop = loop;
    server->source = *source;
    server->timer = loop_timer_new(loop, on_timer, server);
    if (server->timer == NULL) {
        err_set(err, ERR_NO_MEMORY, "listen on %s: out of memory", address);
        goto fail;
    }
    if (!start_daemon(server, address, err))
        goto fail;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL) {
        err_set(err, ERR_INTERNAL, "listen on %s: libmicrohttpd has no epoll", address);
        goto fail;
    }
    server->watch = loop_watch_fd(loop, info->epoll_fd, EPOLLIN, on_readable, server, err);
    if (server->watch == NULL)
        goto fail;
    schedule(server);
    return server;
fail:
    http_server_close(server);
    return NULL;
}

unsigned http_server_port(const struct http_server *server)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info != NULL ? info->port : 0;
}

void http_server_close(struct http_server *server)
{
    if (server == NULL)
        return;
    loop_watch_remove(server->watch);
    loop_timer_free(server->timer);
    if (server->daemon != NULL)
        MHD_stop_daemon(server->daemon);
    free(server);
}
