#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/pg/internal.h"

struct pg_result {
    PGresult *result;
};

void pg_clear_pending(struct pg *pg)
{
    PQclear(pg->pending);
    pg->pending = NULL;
}

void pg_set_patience(struct pg *pg, int64_t patience_ms)
{
    pg->patience_ms = patience_ms;
}

void pg_set_hurry(struct pg *pg, int fd, int64_t hurry_ms)
{
    pg->hurry_fd = fd;
    pg->hurry_ms = hurry_ms;
}

bool pg_alive(const struct pg *pg)
{
    return !pg->given_up && PQstatus(pg->connection) == CONNECTION_OK;
}

const char *pg_sqlstate(const struct pg *pg)
{
    return pg->sqlstate;
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
        (void)pg_statement_fault(pg, result, err);
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
        (void)pg_statement_fault(pg, result, err);
    PQclear(result);
    return ok;
}

static bool send_statement(struct pg *pg, const char *sql, int param_count, const char *const *params,
                           const int *sizes, const int *formats, struct err *err)
{
    pg->sqlstate[0] = '\0';
    pg_clear_pending(pg);
    if (PQsendQueryParams(pg->connection, sql, param_count, NULL, params, sizes, formats, 0) != 1 ||
        PQflush(pg->connection) < 0)
        return pg_statement_fault(pg, NULL, err);
    return true;
}

bool pg_send(struct pg *pg, const char *sql, int param_count, const char *const *params, struct err *err)
{
    return send_statement(pg, sql, param_count, params, NULL, NULL, err);
}

bool pg_send_binary(struct pg *pg, const char *sql, int param_count, const char *const *params,
                    const int *sizes, struct err *err)
{
    int formats[PG_BINARY_PARAMS_MAX];
    if (param_count > PG_BINARY_PARAMS_MAX)
        return err_set(err, ERR_INTERNAL, "a statement of %d binary parameters, more than %d", param_count,
                       PG_BINARY_PARAMS_MAX);
    for (int i = 0; i < param_count; i++)
        formats[i] = 1;
    return send_statement(pg, sql, param_count, params, sizes, formats, err);
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
        pg_clear_pending(pg);
        (void)pg_statement_fault(pg, NULL, err);
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

struct waiting {
    int64_t since_ms, deadline_ms;
    int hurry_fd; /* -1: none, or seen */
};

/* Waits for the socket; false when the deadline is over. */
static bool wait_for_socket(const struct pg *pg, bool want_write, struct waiting *waiting)
{
    struct pollfd watched[] = {
        {.fd = PQsocket(pg->connection), .events = (short)(POLLIN | (want_write ? POLLOUT : 0))},
        {.fd = waiting->hurry_fd, .events = POLLIN}};
    int64_t left_ms = waiting->deadline_ms - clock_ms();
    if (left_ms <= 0)
        return false;
    (void)poll(watched, 2, left_ms > INT_MAX ? INT_MAX : (int)left_ms);
    if (watched[1].revents != 0) {
        int64_t soon_ms = clock_ms() + pg->hurry_ms;
        waiting->hurry_fd = -1;
        if (soon_ms < waiting->deadline_ms)
            waiting->deadline_ms = soon_ms;
    }
    return true;
}

struct pg_result *pg_query(struct pg *pg, const char *sql, int param_count, const char *const *params,
                           struct err *err)
{
    struct waiting waiting = {.since_ms = clock_ms(), .deadline_ms = INT64_MAX, .hurry_fd = pg->hurry_fd};
    if (pg->patience_ms > 0)
        waiting.deadline_ms = waiting.since_ms + pg->patience_ms;
    struct pg_result *result = NULL;
    bool want_write = false;
    if (!pg_send(pg, sql, param_count, params, err))
        return NULL;
    while (pg_poll(pg, &result, &want_write, err) == PG_BUSY) {
        if (wait_for_socket(pg, want_write, &waiting))
            continue;
        pg->given_up = true;
        (void)err_set(
            err, ERR_UNREACHABLE,
            "PostgreSQL at %s:%s: no answer to a statement within %lld s; is the server overloaded, "
            "stopped, or a table locked (pg_stat_activity)?",
            PQhost(pg->connection), PQport(pg->connection),
            (long long)((clock_ms() - waiting.since_ms) / 1000));
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
