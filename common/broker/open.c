#include "common/broker/internal.h"

#include <amqp_tcp_socket.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/mem.h"

#define FRAME_BYTES_MAX    131072
#define RPC_TIMEOUT_S      10
#define CLOSE_TIMEOUT_S    2
#define HEARTBEAT_CHECK_MS 1000
#define CONNECT_DEFAULT_MS 10000
#define UNACKNOWLEDGED_MS  30000

static struct timeval milliseconds(int ms)
{
    struct timeval time = {ms / 1000, (ms % 1000) * 1000};
    return time;
}

static bool connect_fault(struct broker *broker, const struct broker_url *url, int status, struct err *err)
{
    switch (status) {
    case AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED:
        return broker_fault(broker, err, ERR_UNREACHABLE, "the host name is unknown; check the broker URL");
    case AMQP_STATUS_TIMEOUT:
        return broker_fault(broker, err, ERR_UNREACHABLE, "no answer in time; check host, port and firewall");
    case AMQP_STATUS_SSL_ERROR:
    case AMQP_STATUS_SSL_PEER_VERIFY_FAILED:
    case AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED:
    case AMQP_STATUS_SSL_CONNECTION_FAILED:
        return broker_tls_fault(broker, url, status, err);
    default:
        return broker_fault(broker, err, ERR_UNREACHABLE, "cannot connect; is RabbitMQ running there?");
    }
}

/* librabbitmq sets CLOEXEC, TCP_NODELAY and SO_KEEPALIVE itself; said again, so that nothing depends on it.
 */
static bool set_socket_options(struct broker *broker, struct err *err)
{
    int fd = amqp_get_sockfd(broker->connection);
    const int on = 1;
    const unsigned unacknowledged_ms = UNACKNOWLEDGED_MS;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof(unacknowledged_ms)) != 0)
        return broker_fault(broker, err, ERR_UNREACHABLE, "socket options: %s", strerror(errno));
    return true;
}

static bool open_socket(struct broker *broker, const struct broker_url *url, int timeout_ms, struct err *err)
{
    amqp_socket_t *socket;
    if (url->tls) {
        socket = broker_tls_socket(broker, url, err);
        if (socket == NULL)
            return false;
    } else {
        socket = amqp_tcp_socket_new(broker->connection);
        if (socket == NULL)
            return broker_fault(broker, err, ERR_NO_MEMORY, "cannot make a socket");
    }
    struct timeval timeout = milliseconds(timeout_ms);
    int status = amqp_socket_open_noblock(socket, url->host, url->port, &timeout);
    if (status != AMQP_STATUS_OK)
        return connect_fault(broker, url, status, err);
    return set_socket_options(broker, err);
}

static amqp_table_entry_t flag_entry(const char *name)
{
    amqp_table_entry_t entry = {.key = amqp_cstring_bytes(name)};
    entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
    entry.value.value.boolean = 1;
    return entry;
}

static amqp_table_entry_t text_entry(const char *name, const char *text)
{
    amqp_table_entry_t entry = {.key = amqp_cstring_bytes(name)};
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = amqp_cstring_bytes(text);
    return entry;
}

/* The server took the connection and ended it before it knew who we are: a port of another kind, most often.
 */
static bool hung_up(amqp_rpc_reply_t reply)
{
    int status = reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION ? reply.library_error : AMQP_STATUS_OK;
    return status == AMQP_STATUS_CONNECTION_CLOSED || status == AMQP_STATUS_SOCKET_CLOSED ||
           status == AMQP_STATUS_SOCKET_ERROR || status == AMQP_STATUS_SSL_ERROR;
}

static bool log_in(struct broker *broker, const struct broker_url *url, const struct broker_options *options,
                   struct err *err)
{
    amqp_table_entry_t capabilities[] = {
        flag_entry("consumer_cancel_notify"),
        flag_entry("connection.blocked"),
        flag_entry("publisher_confirms"),
        flag_entry("basic.nack"),
    };
    amqp_table_entry_t properties[] = {
        text_entry("product", "Assay"),
        text_entry("version", ASSAY_VERSION),
        text_entry("connection_name", options->connection_name == NULL ? "assay" : options->connection_name),
        {.key = amqp_cstring_bytes("capabilities")},
    };
    properties[3].value.kind = AMQP_FIELD_KIND_TABLE;
    properties[3].value.value.table.num_entries = (int)ARRAY_SIZE(capabilities);
    properties[3].value.value.table.entries = capabilities;
    amqp_table_t table = {(int)ARRAY_SIZE(properties), properties};
    int heartbeat_s = url->heartbeat_s >= 0 ? url->heartbeat_s : options->heartbeat_s;
    amqp_rpc_reply_t reply =
        amqp_login_with_properties(broker->connection, url->vhost, 0, FRAME_BYTES_MAX, heartbeat_s, &table,
                                   AMQP_SASL_METHOD_PLAIN, url->user, url->password);
    if (hung_up(reply))
        return broker_fault(
            broker, err, ERR_UNREACHABLE, "log in as user %s: the server ended the connection; %s", url->user,
            url->tls ? "does it ask for a certificate of ours (?certfile=FILE&keyfile=FILE in the "
                       "broker URL)?"
                     : "is this its TLS port (then the broker URL starts with amqps://)?");
    if (!broker_check_reply(broker, reply, err, "log in as user %s", url->user))
        return false;
    (void)amqp_channel_open(broker->connection, CHANNEL);
    return broker_check_reply(broker, amqp_get_rpc_reply(broker->connection), err, "open a channel");
}

static bool watch(struct broker *broker, int fd, struct err *err)
{
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(broker->poll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return broker_fault(broker, err, ERR_INFRA, "epoll_ctl: %s", strerror(errno));
    return true;
}

static bool open_connection(struct broker *broker, const struct broker_url *url,
                            const struct broker_options *options, struct err *err)
{
    int timeout_ms = options->connect_timeout_ms > 0 ? options->connect_timeout_ms : CONNECT_DEFAULT_MS;
    struct timeval timeout = milliseconds(timeout_ms);
    const struct timeval rpc_timeout = {RPC_TIMEOUT_S, 0};
    if (!broker_check_status(broker, amqp_set_handshake_timeout(broker->connection, &timeout), err,
                             "set the handshake timeout") ||
        !open_socket(broker, url, timeout_ms, err))
        return false;
    broker->open = log_in(broker, url, options, err);
    return broker->open &&
           broker_check_status(broker, amqp_set_rpc_timeout(broker->connection, &rpc_timeout), err,
                               "set the RPC timeout") &&
           watch(broker, amqp_get_sockfd(broker->connection), err) && watch(broker, broker->wake_fd, err);
}

static struct broker *new_broker(const struct broker_url *url, const struct broker_handler *handler,
                                 struct err *err)
{
    struct broker *broker = calloc(1, sizeof(*broker));
    if (broker == NULL) {
        (void)err_set(err, ERR_NO_MEMORY, "broker connection: out of memory");
        return NULL;
    }
    (void)broker_assembly_init(&broker->assembly);
    if (handler != NULL)
        broker->handler = *handler;
    broker->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    broker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    broker->connection = amqp_new_connection();
    if (asprintf(&broker->place, "RabbitMQ at %s:%d, vhost %s", url->host, url->port, url->vhost) < 0)
        broker->place = NULL;
    if (broker->poll_fd < 0 || broker->wake_fd < 0 || broker->connection == NULL || broker->place == NULL) {
        broker->dead = true;
        broker_close(broker);
        (void)err_set_errno(err, ERR_INFRA, "broker connection: no descriptors or memory");
        return NULL;
    }
    return broker;
}

static struct broker *open_host(const struct broker_url *url, const struct broker_options *options,
                                const struct broker_handler *handler, struct err *err)
{
    struct broker *broker = new_broker(url, handler, err);
    if (broker != NULL && !open_connection(broker, url, options, err)) {
        broker_close(broker);
        broker = NULL;
    }
    return broker;
}

struct broker *broker_open(const struct broker_options *options, const struct broker_handler *handler,
                           struct err *err)
{
    struct broker *broker = NULL;
    unsigned count = 1;
    for (unsigned i = 0; i < count && broker == NULL; i++) {
        struct broker_url url;
        if (!broker_url_parse(options->url, options->turn + i, &url, err))
            return NULL;
        count = options->only_one ? 1 : url.host_count;
        broker = open_host(&url, options, handler, err);
        broker_url_free(&url);
    }
    return broker;
}

void broker_close(struct broker *broker)
{
    if (broker == NULL)
        return;
    /* A blocked server reads nothing more from us, so a polite good-bye would only wait. */
    if (broker->open && !broker->dead && !broker->blocked) {
        const struct timeval timeout = {CLOSE_TIMEOUT_S, 0};
        if (amqp_set_rpc_timeout(broker->connection, &timeout) == AMQP_STATUS_OK)
            (void)amqp_connection_close(broker->connection, AMQP_REPLY_SUCCESS);
    }
    if (broker->connection != NULL)
        (void)amqp_destroy_connection(broker->connection);
    broker_assembly_free(&broker->assembly);
    close_fd(&broker->poll_fd);
    close_fd(&broker->wake_fd);
    free(broker->place);
    free(broker);
}

bool broker_is_blocked(const struct broker *broker)
{
    return broker->blocked;
}

int broker_fd(const struct broker *broker)
{
    return broker->poll_fd;
}

bool broker_wait(struct broker *broker, int timeout_ms, struct err *err)
{
    int64_t deadline = clock_ms() + timeout_ms;
    for (;;) {
        int64_t left = deadline - clock_ms();
        int slice = left > HEARTBEAT_CHECK_MS ? HEARTBEAT_CHECK_MS : left > 0 ? (int)left : 0;
        struct pollfd input = {.fd = broker->poll_fd, .events = POLLIN};
        int ready = poll(&input, 1, slice);
        if (ready < 0 && errno != EINTR)
            return broker_fault(broker, err, ERR_INFRA, "poll: %s", strerror(errno));
        if (!broker_process(broker, err))
            return false;
        if (ready != 0 || clock_ms() >= deadline)
            return true;
    }
}
