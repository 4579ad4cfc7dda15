#include "common/pg.h"

#include <libpq-fe.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pg_certificate.h"

/* A dead network is noticed within half a minute, also in the middle of a statement. */
#define KEEPALIVE_IDLE_S  "15"
#define KEEPALIVE_EVERY_S "5"
#define KEEPALIVE_COUNT   "3"
#define UNACKNOWLEDGED_MS "30000"
#define CONNECT_DEFAULT_S 10

#define CERTIFICATE_REFUSED "certificate verify failed"

struct pg {
    PGconn *connection;
    char sqlstate[PG_SQLSTATE_SIZE];
    PGresult *pending;   /* of the statement that pg_poll is collecting */
    int64_t patience_ms; /* with pg_query; 0 = for ever */
    bool given_up;       /* no answer came in that time: the connection is of no more use */
};

struct pg_result {
    PGresult *result;
};

static void clear_pending(struct pg *pg)
{
    PQclear(pg->pending);
    pg->pending = NULL;
}

/* libpq's messages end in newlines and have some inside: one line, without the LOCATION of verbose ones. */
static void one_line(const char *message, char *out, size_t size)
{
    size_t used = 0;
    const char *location = strstr(message, "\nLOCATION:");
    size_t length = location == NULL ? strlen(message) : (size_t)(location - message);
    while (length > 0 && message[length - 1] == '\n')
        length--;
    for (size_t i = 0; i < length && used + 3 < size; i++) {
        if (message[i] != '\n') {
            out[used++] = message[i];
        } else {
            out[used++] = ';';
            out[used++] = ' ';
        }
    }
    out[used] = '\0';
}

/* PostgreSQL, appendix A. Class 57 is the operator's: the server goes down or comes up. */
static enum err_code sqlstate_error(const char *sqlstate)
{
    if (strncmp(sqlstate, "28", 2) == 0 || strcmp(sqlstate, "42501") == 0)
        return ERR_DENIED;
    if (strcmp(sqlstate, "57P01") == 0 || strcmp(sqlstate, "57P02") == 0 || strcmp(sqlstate, "57P03") == 0 ||
        strncmp(sqlstate, "08", 2) == 0 || strcmp(sqlstate, "53300") == 0)
        return ERR_UNREACHABLE;
    return ERR_PROTOCOL;
}

/* The value of a parameter of the connection as libpq has it; "" when unset. */
static void parameter(PGconn *connection, const char *name, char *out, size_t size)
{
    PQconninfoOption *all = PQconninfo(connection);
    out[0] = '\0';
    for (const PQconninfoOption *one = all; one != NULL && one->keyword != NULL; one++) {
        if (strcmp(one->keyword, name) == 0 && one->val != NULL)
            (void)snprintf(out, size, "%s", one->val);
    }
    PQconninfoFree(all);
}

/* Says why the server's certificate is refused. */
static void append_certificate_fault(PGconn *connection, char *text, size_t size)
{
    char ca_file[PATH_MAX];
    parameter(connection, "sslrootcert", ca_file, sizeof ca_file);
    const char *fault = pg_certificate_fault(PQhost(connection), PQport(connection), ca_file);
    size_t used = strlen(text);
    if (fault != NULL)
        (void)snprintf(text + used, size - used, ": %s", fault);
}

/* libpq's own words (fe-secure*.c) are all that tells one fault of TLS from another. */
static const char *tls_remedy(const char *text)
{
    if (strstr(text, "has expired") != NULL || strstr(text, "not yet valid") != NULL)
        return "; renew it on the server, and look at this machine's clock";
    if (strstr(text, CERTIFICATE_REFUSED) != NULL || strstr(text, "root certificate file") != NULL)
        return "; name the file of the authority that signed the server's certificate with sslrootcert=FILE "
               "in the "
               "database URL (ASSAY_PG_URL)";
    if (strstr(text, "does not match host name") != NULL)
        return "; put a name that the certificate has into the database URL (ASSAY_PG_URL)";
    if (strstr(text, "no encryption") != NULL)
        return "; put sslmode=verify-full&sslrootcert=FILE into the database URL (ASSAY_PG_URL), or allow "
               "this in "
               "the server's pg_hba.conf";
    if (strstr(text, "does not support SSL") != NULL)
        return "; switch TLS on in the server (ssl = on); or is this another server?";
    return NULL;
}

static const char *connect_remedy(const char *text, const char *sqlstate)
{
    const char *tls = tls_remedy(text);
    if (tls != NULL)
        return tls;
    if (strncmp(sqlstate, "28", 2) == 0)
        return "; check user and password in the database URL (ASSAY_PG_URL) and the server's pg_hba.conf";
    if (strcmp(sqlstate, "3D000") == 0)
        return "; create the database, or correct its name in the database URL (ASSAY_PG_URL)";
    if (sqlstate[0] == '\0')
        return "; is PostgreSQL running there (ASSAY_PG_URL)?";
    return "";
}

/* A refused connection has no PGresult, but its verbose message reads "FATAL:  28P01: text". */
static void find_sqlstate(const char *message, char out[PG_SQLSTATE_SIZE])
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    out[0] = '\0';
    for (const char *at = strstr(message, ":  "); at != NULL; at = strstr(at + 1, ":  ")) {
        const char *code = at + 3;
        if (strspn(code, alphabet) == PG_SQLSTATE_SIZE - 1 && code[PG_SQLSTATE_SIZE - 1] == ':') {
            memcpy(out, code, PG_SQLSTATE_SIZE - 1);
            out[PG_SQLSTATE_SIZE - 1] = '\0';
            return;
        }
    }
}

static bool connect_fault(struct pg *pg, struct err *err)
{
    char text[700];
    const char *message = PQerrorMessage(pg->connection);
    one_line(message, text, sizeof(text));
    find_sqlstate(message, pg->sqlstate);
    if (strstr(text, CERTIFICATE_REFUSED) != NULL)
        append_certificate_fault(pg->connection, text, sizeof(text));
    enum err_code code = strncmp(pg->sqlstate, "28", 2) == 0 || strcmp(pg->sqlstate, "42501") == 0
                             ? ERR_DENIED
                             : ERR_UNREACHABLE;
    return err_set(err, code, "PostgreSQL: %s%s", text, connect_remedy(text, pg->sqlstate));
}

static void on_notice(void *context, const char *message)
{
    (void)context;
    char text[512];
    one_line(message, text, sizeof(text));
    log_debug("PostgreSQL: %s", text);
}

static bool finish_connecting(struct pg *pg, int timeout_s, struct err *err)
{
    int64_t deadline = clock_ms() + (int64_t)timeout_s * 1000;
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK) {
        if (state == PGRES_POLLING_FAILED)
            return connect_fault(pg, err);
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

static const char *option_value(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword != NULL; options++) {
        if (strcmp(options->keyword, keyword) == 0)
            return options->val;
    }
    return NULL;
}

/* A URL whose password has an @ or / in it as it is, or that lost its end, is read as if a part of the
 * password were host or port, which libpq's messages quote. */
static bool is_ambiguous(const char *url, const PQconninfoOption *parsed)
{
    const char *authority = strstr(url, "://");
    const char *at = authority != NULL ? strchr(authority, '@') : NULL;
    if (at != NULL && memchr(at + 1, '@', strcspn(at + 1, "?")) != NULL)
        return true;
    const char *port = option_value(parsed, "port");
    return port != NULL && port[strspn(port, "0123456789,")] != '\0';
}

static PQconninfoOption *parse_url(const char *url, struct err *err)
{
    if (url == NULL || url[0] == '\0') {
        (void)err_set(err, ERR_CONFIG,
                      "no database URL: set ASSAY_PG_URL, e.g. postgresql://user:password@localhost/assay");
        return NULL;
    }
    PQconninfoOption *parsed = PQconninfoParse(url, NULL); /* its message may quote the password */
    if (parsed != NULL && !is_ambiguous(url, parsed))
        return parsed;
    PQconninfoFree(parsed);
    (void)err_set(err, ERR_CONFIG,
                  "the database URL cannot be read; it must look like "
                  "postgresql://user:password@host:5432/database, special characters percent-encoded");
    return NULL;
}

/* Element `index` of a comma-separated list, malloc'ed; the only one of a list of one stands for all. NULL:
 * the list has none. */
static char *list_element(const char *list, unsigned index)
{
    if (list == NULL)
        return NULL;
    const char *first = list;
    for (; index > 0 && strchr(list, ',') != NULL; index--) {
        const char *comma = strchr(first, ',');
        if (comma == NULL)
            return NULL;
        first = comma + 1;
    }
    return strndup(first, strcspn(first, ","));
}

static unsigned list_count(const char *list)
{
    unsigned count = 1;
    for (; list != NULL && *list != '\0'; list++)
        count += *list == ',';
    return count;
}

/* One host of the URL. libpq goes from one host to the next by itself, but in this way of connecting it stays
 * for ever with one that is silent. */
static PGconn *start_connecting(const char *url, const char *application_name,
                                const PQconninfoOption *options, unsigned turn)
{
    autofree char *host = list_element(option_value(options, "host"), turn);
    autofree char *address = list_element(option_value(options, "hostaddr"), turn);
    autofree char *port = list_element(option_value(options, "port"), turn);
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
    if (pg != NULL)
        pg->connection = start_connecting(url, application_name, options, turn);
    bool ok = pg != NULL && pg->connection != NULL;
    if (!ok)
        (void)err_set(err, ERR_NO_MEMORY, "PostgreSQL connection: out of memory");
    if (ok) {
        (void)PQsetErrorVerbosity(pg->connection, PQERRORS_VERBOSE);
        (void)PQsetNoticeProcessor(pg->connection, on_notice, NULL);
        ok = PQstatus(pg->connection) != CONNECTION_BAD ? finish_connecting(pg, timeout_s, err)
                                                        : connect_fault(pg, err);
    }
    if (ok && PQsetnonblocking(pg->connection, 1) != 0)
        ok = connect_fault(pg, err);
    if (!ok) {
        pg_close(pg);
        return NULL;
    }
    (void)PQsetErrorVerbosity(pg->connection, PQERRORS_DEFAULT);
    return pg;
}

struct pg *pg_open(const char *url, const char *application_name, int connect_timeout_s, struct err *err)
{
    PQconninfoOption *options = parse_url(url, err);
    if (options == NULL)
        return NULL;
    const char *own_timeout = option_value(options, "connect_timeout");
    int timeout_s = own_timeout != NULL ? atoi(own_timeout) : connect_timeout_s;
    const char *hosts = option_value(options, "host");
    unsigned count = list_count(hosts != NULL ? hosts : option_value(options, "hostaddr"));
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

void pg_set_patience(struct pg *pg, int64_t patience_ms)
{
    pg->patience_ms = patience_ms;
}

void pg_close(struct pg *pg)
{
    if (pg == NULL)
        return;
    clear_pending(pg);
    PQfinish(pg->connection);
    free(pg);
}

bool pg_alive(const struct pg *pg)
{
    return !pg->given_up && PQstatus(pg->connection) == CONNECTION_OK;
}

const char *pg_sqlstate(const struct pg *pg)
{
    return pg->sqlstate;
}

/* `result` may be NULL: the failure is the connection's. */
static bool statement_fault(struct pg *pg, const PGresult *result, struct err *err)
{
    char text[900];
    const char *sqlstate = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = result == NULL ? "" : PQresultErrorMessage(result);
    one_line(message[0] == '\0' ? PQerrorMessage(pg->connection) : message, text, sizeof(text));
    (void)snprintf(pg->sqlstate, sizeof(pg->sqlstate), "%s", sqlstate == NULL ? "" : sqlstate);
    enum err_code code = sqlstate_error(pg->sqlstate);
    if (PQstatus(pg->connection) == CONNECTION_BAD)
        code = ERR_UNREACHABLE;
    return err_set(err, code, "PostgreSQL: %s", text);
}

static bool succeeded(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

/* Takes over `result`. */
static struct pg_result *wrap(struct pg *pg, PGresult *result, struct err *err)
{
    if (result == NULL || !succeeded(result)) {
        (void)statement_fault(pg, result, err);
        PQclear(result);
        return NULL;
    }
    struct pg_result *wrapped = calloc(1, sizeof(*wrapped));
    if (wrapped == NULL) {
        PQclear(result);
        (void)err_set(err, ERR_NO_MEMORY, "PostgreSQL: out of memory");
        return NULL;
    }
    wrapped->result = result;
    return wrapped;
}

bool pg_script(struct pg *pg, const char *sql, struct err *err)
{
    pg->sqlstate[0] = '\0';
    PGresult *result = PQexec(pg->connection, sql);
    bool ok = result != NULL && succeeded(result);
    if (!ok)
        (void)statement_fault(pg, result, err);
    PQclear(result);
    return ok;
}

bool pg_send(struct pg *pg, const char *sql, int param_count, const char *const *params, struct err *err)
{
    pg->sqlstate[0] = '\0';
    clear_pending(pg);
    if (PQsendQueryParams(pg->connection, sql, param_count, NULL, params, NULL, NULL, 0) != 1 ||
        PQflush(pg->connection) < 0)
        return statement_fault(pg, NULL, err);
    return true;
}

int pg_fd(const struct pg *pg)
{
    return PQsocket(pg->connection);
}

/* The first failure of a statement counts, else its last result. */
static void keep(struct pg *pg, PGresult *result)
{
    if (pg->pending != NULL && !succeeded(pg->pending)) {
        PQclear(result);
        return;
    }
    PQclear(pg->pending);
    pg->pending = result;
}

enum pg_state pg_poll(struct pg *pg, struct pg_result **result, bool *want_write, struct err *err)
{
    *result = NULL;
    int unsent = PQflush(pg->connection);
    *want_write = unsent > 0;
    if (unsent < 0 || PQconsumeInput(pg->connection) != 1) {
        /* The server's own words (57P01 ...) may have come before the end of the connection. */
        clear_pending(pg);
        (void)statement_fault(pg, NULL, err);
        if (err != NULL)
            err->code = ERR_UNREACHABLE;
        return PG_FAILED;
    }
    while (PQisBusy(pg->connection) == 0) {
        PGresult *next = PQgetResult(pg->connection);
        if (next == NULL) {
            *result = wrap(pg, steal_ptr(pg->pending), err);
            return *result == NULL ? PG_FAILED : PG_DONE;
        }
        keep(pg, next);
    }
    return PG_BUSY;
}

/* Waits for the socket; false when the deadline is over. */
static bool wait_for_socket(const struct pg *pg, bool want_write, int64_t deadline_ms)
{
    struct pollfd socket = {.fd = PQsocket(pg->connection),
                            .events = (short)(POLLIN | (want_write ? POLLOUT : 0))};
    int64_t left_ms = deadline_ms - clock_ms();
    if (left_ms <= 0)
        return false;
    (void)poll(&socket, 1, left_ms > INT_MAX ? INT_MAX : (int)left_ms);
    return true;
}

struct pg_result *pg_query(struct pg *pg, const char *sql, int param_count, const char *const *params,
                           struct err *err)
{
    int64_t deadline_ms = pg->patience_ms > 0 ? clock_ms() + pg->patience_ms : INT64_MAX;
    struct pg_result *result = NULL;
    bool want_write = false;
    if (!pg_send(pg, sql, param_count, params, err))
        return NULL;
    while (pg_poll(pg, &result, &want_write, err) == PG_BUSY) {
        if (wait_for_socket(pg, want_write, deadline_ms))
            continue;
        pg->given_up = true;
        (void)err_set(
            err, ERR_UNREACHABLE,
            "PostgreSQL at %s:%s: no answer to a statement within %lld s; is the server overloaded, "
            "stopped, or a table locked (pg_stat_activity)?",
            PQhost(pg->connection), PQport(pg->connection), (long long)(pg->patience_ms / 1000));
        return NULL;
    }
    return result;
}

int pg_rows(const struct pg_result *result)
{
    return PQntuples(result->result);
}

int64_t pg_affected(const struct pg_result *result)
{
    const char *text = PQcmdTuples(result->result);
    return text[0] == '\0' ? 0 : strtoll(text, NULL, 10);
}

const char *pg_value(const struct pg_result *result, int row, int column)
{
    return PQgetisnull(result->result, row, column) != 0 ? NULL : PQgetvalue(result->result, row, column);
}

void pg_result_free(struct pg_result *result)
{
    if (result == NULL)
        return;
    PQclear(result->result);
    free(result);
}

char *pg_notification(struct pg *pg)
{
    if (PQconsumeInput(pg->connection) != 1)
        return NULL;
    PGnotify *notification = PQnotifies(pg->connection);
    if (notification == NULL)
        return NULL;
    char *channel = strdup(notification->relname);
    PQfreemem(notification);
    return channel;
}
