#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pg/internal.h"

/* A dead network is noticed within half a minute, also in the middle of a statement. */
#define KEEPALIVE_IDLE_S  "15"
#define KEEPALIVE_EVERY_S "5"
#define KEEPALIVE_COUNT   "3"
#define UNACKNOWLEDGED_MS "30000"
#define CONNECT_DEFAULT_S 10

static void on_notice(void *context, const char *message)
{
    (void)context;
    char text[512];
    pg_one_line(message, text, sizeof(text));
    log_debug("PostgreSQL: %s", text);
}

static bool finish_connecting(struct pg *pg, int timeout_s, struct err *err)
{
    int64_t deadline = clock_ms() + (int64_t)timeout_s * 1000;
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK) {
        if (state == PGRES_POLLING_FAILED)
            return pg_connect_fault(pg, err);
        struct pollfd socket = {.fd = PQsocket(pg->connection),
                                .events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        int64_t left = deadline - clock_ms();
        if (left <= 0)
            return err_set(err, ERR_UNREACHABLE,
                           "PostgreSQL at %s:%s: no answer within %d s; check host, port and firewall "
                           "(ASSAY_PG_URL)",
                           PQhost(pg->connection), PQport(pg->connection), timeout_s);
        (void)poll(&socket, 1, (int)left);
        state = PQconnectPoll(pg->connection);
    }
    return true;
}

/* One host of the URL. libpq goes from one host to the next by itself, but in this way of connecting it stays
 * for ever with one that is silent. */
static PGconn *start_connecting(const char *url, const char *application_name,
                                const PQconninfoOption *options, unsigned turn)
{
    autofree char *host = pg_list_element(pg_option(options, "host"), turn);
    autofree char *address = pg_list_element(pg_option(options, "hostaddr"), turn);
    autofree char *port = pg_list_element(pg_option(options, "port"), turn);
    const char *const keys[] = {"dbname",
                                "host",
                                "hostaddr",
                                "port",
                                "fallback_application_name",
                                "client_encoding",
                                "keepalives_idle",
                                "keepalives_interval",
                                "keepalives_count",
                                "tcp_user_timeout",
                                NULL};
    const char *const values[] = {url, /* NULL below: as the URL has it */
                                  host,
                                  address,
                                  port,
                                  application_name == NULL ? "assay" : application_name,
                                  "UTF8",
                                  KEEPALIVE_IDLE_S,
                                  KEEPALIVE_EVERY_S,
                                  KEEPALIVE_COUNT,
                                  UNACKNOWLEDGED_MS,
                                  NULL};
    return PQconnectStartParams(keys, values, 1);
}

static struct pg *open_host(const char *url, const char *application_name, const PQconninfoOption *options,
                            unsigned turn, int timeout_s, struct err *err)
{
    struct pg *pg = calloc(1, sizeof(*pg));
    if (pg != NULL) {
        pg->hurry_fd = -1;
        pg->connection = start_connecting(url, application_name, options, turn);
    }
    bool ok = pg != NULL && pg->connection != NULL;
    if (!ok)
        (void)err_set(err, ERR_NO_MEMORY, "PostgreSQL connection: out of memory");
    if (ok) {
        (void)PQsetErrorVerbosity(pg->connection, PQERRORS_VERBOSE);
        (void)PQsetNoticeProcessor(pg->connection, on_notice, NULL);
        ok = PQstatus(pg->connection) != CONNECTION_BAD ? finish_connecting(pg, timeout_s, err)
                                                        : pg_connect_fault(pg, err);
    }
    if (ok && PQsetnonblocking(pg->connection, 1) != 0)
        ok = pg_connect_fault(pg, err);
    if (!ok) {
        pg_close(pg);
        return NULL;
    }
    (void)PQsetErrorVerbosity(pg->connection, PQERRORS_DEFAULT);
    return pg;
}

struct pg *pg_open(const char *url, const char *application_name, int connect_timeout_s, struct err *err)
{
    PQconninfoOption *options = pg_parse_url(url, err);
    if (options == NULL)
        return NULL;
    const char *own_timeout = pg_option(options, "connect_timeout");
    int timeout_s = own_timeout != NULL ? atoi(own_timeout) : connect_timeout_s;
    const char *hosts = pg_option(options, "host");
    unsigned count = pg_list_count(hosts != NULL ? hosts : pg_option(options, "hostaddr"));
    struct pg *pg = NULL;
    for (unsigned turn = 0; pg == NULL && turn < count; turn++) {
        struct err why = ERR_INIT;
        pg = open_host(url, application_name, options, turn, timeout_s > 0 ? timeout_s : CONNECT_DEFAULT_S,
                       &why);
        if (pg != NULL || err == NULL)
            continue;
        if (turn > 0)
            (void)err_wrap(&why, "%.400s; then", err->text);
        *err = why;
    }
    if (pg != NULL && err != NULL)
        *err = (struct err)ERR_INIT;
    PQconninfoFree(options);
    return pg;
}

void pg_close(struct pg *pg)
{
    if (pg == NULL)
        return;
    pg_clear_pending(pg);
    PQfinish(pg->connection);
    free(pg);
}
