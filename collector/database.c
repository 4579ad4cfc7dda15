#include "collector/database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "collector/memory.h"
#include "collector/refusal.h"
#include "common/backoff.h"
#include "common/clock.h"
#include "common/log.h"

#define CONNECT_TIMEOUT_S 10
/* In the background connecting blocks the loop, and with it the broker's heartbeats: little patience. */
#define RECONNECT_TIMEOUT_S 3
/* read_only_sql_transaction (PostgreSQL, appendix A). */
#define READ_ONLY "25006"
/* The server ends a statement by itself; one that does not even do that is given up so much later. */
#define GRACE_MS 5000
/* From then on trouble is an error, not a warning. */
#define TROUBLE_LASTS_MS 10000

struct statement {
    const char *sql;
    int param_count;
    char **params;
    int *sizes; /* NULL: texts */
    database_done_fn *done;
    void *context;
    struct statement *next;
};

struct database {
    struct loop *loop;
    char *url, *name;
    struct pg *pg; /* NULL while down */
    struct loop_watch *watch;
    uint32_t events;
    bool busy;                /* the head of the queue is with the server */
    bool unpolled;            /* and was not asked for since */
    struct loop_timer *retry; /* set: nothing is sent before it fires */
    bool waiting;
    struct loop_timer *overdue; /* while a statement is with the server */
    int64_t statement_timeout_s;
    char trouble[512]; /* "" while all is well */
    int64_t trouble_since_ms;
    struct backoff backoff;
    struct statement *head, *tail;
    size_t count;
    int64_t retries;
};

static void send_next(struct database *database);
static void start(struct database *database);

static uint32_t random_number(void)
{
    uint32_t number = 0;
    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        number = (uint32_t)clock_us();
    return number;
}

static void statement_free(struct statement *statement)
{
    for (int i = 0; i < statement->param_count; i++)
        free(statement->params[i]);
    free(statement->params);
    free(statement->sizes);
    free(statement);
}

static void disconnect(struct database *database)
{
    loop_timer_stop(database->overdue);
    loop_watch_remove(database->watch);
    database->watch = NULL;
    pg_close(database->pg);
    database->pg = NULL;
    database->busy = false;
}

/* Results wait in their queue meanwhile: a line that says so, and since when, is worth an alarm. */
static void wait_and_retry(struct database *database, const char *what, const struct err *why)
{
    int64_t wait_ms = backoff_next(&database->backoff, random_number());
    int64_t now_ms = clock_ms();
    if (database->trouble[0] == '\0')
        database->trouble_since_ms = now_ms;
    (void)snprintf(database->trouble, sizeof(database->trouble), "%s: %.400s", what, why->text);
    int64_t lasts_ms = now_ms - database->trouble_since_ms;
    if (lasts_ms >= TROUBLE_LASTS_MS)
        log_error("%s: %s; nothing has been stored for %lld s, results wait in their queue until this is "
                  "mended; again in %.1f s",
                  what, why->text, (long long)(lasts_ms / 1000), (double)wait_ms / 1000.0);
    else
        log_warn("%s: %s; again in %.1f s", what, why->text, (double)wait_ms / 1000.0);
    database->retries++;
    database->waiting = true;
    loop_timer_set(database->retry, clock_ms() + wait_ms);
}

/* The result is handed to the one who asked; the statement leaves the queue before, so that the callback can
 * submit the next one, and the server has the one behind it already. */
static void finish(struct database *database, const struct pg_result *result,
                   const struct database_refusal *refusal)
{
    struct statement *done = database->head;
    database->head = done->next;
    if (database->head == NULL)
        database->tail = NULL;
    database->count--;
    database->busy = false;
    database->trouble[0] = '\0';
    loop_timer_stop(database->overdue);
    send_next(database);
    if (done->done != NULL)
        done->done(done->context, result, refusal);
    statement_free(done);
}

static void failed(struct database *database, const struct err *err)
{
    struct database_refusal refusal = {"", err->text};
    (void)snprintf(refusal.sqlstate, sizeof(refusal.sqlstate), "%s", pg_sqlstate(database->pg));
    if (err->code == ERR_UNREACHABLE || !pg_alive(database->pg)) {
        disconnect(database);
        wait_and_retry(database, "the database connection was lost", err);
    } else if (strcmp(refusal.sqlstate, READ_ONLY) == 0) {
        /* The server was made a standby: another host of the URL may be the primary now. */
        disconnect(database);
        wait_and_retry(database, "the database takes no writes", err);
    } else if (fault_of_sqlstate(refusal.sqlstate) == FAULT_ROW) {
        backoff_reset(&database->backoff);
        finish(database, NULL, &refusal);
    } else {
        database->busy = false;
        loop_timer_stop(database->overdue);
        wait_and_retry(database, "the database could not take a statement", err);
    }
}

static void watch_events(struct database *database, bool want_write)
{
    uint32_t events = EPOLLIN | (want_write ? EPOLLOUT : 0u);
    if (events != database->events && loop_watch_change(database->watch, events, NULL))
        database->events = events;
}

static void poll_statement(struct database *database)
{
    struct err err = ERR_INIT;
    struct pg_result *result = NULL;
    bool want_write = false;
    enum pg_state state = pg_poll(database->pg, &result, &want_write, &err);
    if (state == PG_BUSY) {
        watch_events(database, want_write);
        return;
    }
    if (state == PG_DONE) {
        backoff_reset(&database->backoff);
        watch_events(database, false);
        finish(database, result, NULL);
        pg_result_free(result);
    } else {
        failed(database, &err);
    }
}

/* Between statements the server speaks only to say goodbye. */
static void check_idle(struct database *database)
{
    free(pg_notification(database->pg));
    if (pg_alive(database->pg))
        return;
    struct err err = ERR_INIT;
    err_set(&err, ERR_UNREACHABLE, "closed by the server");
    disconnect(database);
    wait_and_retry(database, "the database connection was lost", &err);
}

static void on_event(void *context, int fd, uint32_t events)
{
    (void)fd;
    (void)events;
    struct database *database = context;
    if (database->busy)
        poll_statement(database);
    else
        check_idle(database);
    start(database);
}

/* Also so that what a lost connection left with the server does not wait for a lock for ever. */
static bool limit_statements(struct database *database, int timeout_s, struct err *err)
{
    char limit[32];
    (void)snprintf(limit, sizeof(limit), "%llds", (long long)database->statement_timeout_s);
    const char *params[] = {limit};
    pg_set_patience(database->pg, (int64_t)timeout_s * 1000);
    struct pg_result *result =
        pg_query(database->pg, "SELECT set_config('statement_timeout', $1, false)", 1, params, err);
    pg_result_free(result);
    return result != NULL;
}

static bool open_connection(struct database *database, int timeout_s, struct err *err)
{
    autobuf struct buf name = BUF_INIT;
    buf_printf(&name, "assay-collector %s", database->name);
    database->pg = pg_open(database->url, buf_text(&name), timeout_s, err);
    if (database->pg == NULL)
        return false;
    if (!limit_statements(database, timeout_s, err)) {
        disconnect(database);
        return false;
    }
    database->events = EPOLLIN;
    database->watch = loop_watch_fd(database->loop, pg_fd(database->pg), EPOLLIN, on_event, database, err);
    if (database->watch == NULL) {
        disconnect(database);
        return false;
    }
    return true;
}

static void on_overdue(void *context)
{
    struct database *database = context;
    struct err err = ERR_INIT;
    err_set(&err, ERR_UNREACHABLE, "no answer to a statement within %lld s",
            (long long)database->statement_timeout_s);
    disconnect(database);
    wait_and_retry(database, "the database is silent", &err);
}

static bool send_to_server(struct database *database, const struct statement *statement, struct err *err)
{
    const char *const *params = (const char *const *)statement->params;
    if (statement->sizes != NULL)
        return pg_send_binary(database->pg, statement->sql, statement->param_count, params, statement->sizes,
                              err);
    return pg_send(database->pg, statement->sql, statement->param_count, params, err);
}

/* Sends the head of the queue when that is possible now. */
static void send_next(struct database *database)
{
    if (database->pg == NULL || database->busy || database->waiting || database->head == NULL)
        return;
    struct err err = ERR_INIT;
    database->busy = true;
    database->unpolled = true;
    loop_timer_set(database->overdue, clock_ms() + database->statement_timeout_s * 1000 + GRACE_MS);
    if (!send_to_server(database, database->head, &err))
        failed(database, &err);
}

/* The same, and sees to it that the loop wakes for what the server answers. */
static void start(struct database *database)
{
    send_next(database);
    while (database->busy && database->unpolled) {
        database->unpolled = false;
        poll_statement(database);
        send_next(database);
    }
}

static void on_retry(void *context)
{
    struct database *database = context;
    struct err err = ERR_INIT;
    database->waiting = false;
    if (database->pg == NULL) {
        if (!open_connection(database, RECONNECT_TIMEOUT_S, &err)) {
            wait_and_retry(database, "the database cannot be reached", &err);
            return;
        }
        log_info("connected to the database again");
        if (database->head == NULL)
            database->trouble[0] = '\0';
    }
    start(database);
}

struct database *database_new(struct loop *loop, const char *url, const char *name,
                              int64_t statement_timeout_s)
{
    struct database *database = memory_take(sizeof(*database));
    database->loop = loop;
    database->url = memory_text(url);
    database->name = memory_text(name);
    database->backoff = (struct backoff)BACKOFF_INIT;
    database->statement_timeout_s = statement_timeout_s;
    database->retry = loop_timer_new(loop, on_retry, database);
    database->overdue = loop_timer_new(loop, on_overdue, database);
    return database;
}

bool database_connect(struct database *database, struct err *err)
{
    return open_connection(database, CONNECT_TIMEOUT_S, err);
}

void database_free(struct database *database)
{
    if (database == NULL)
        return;
    disconnect(database);
    loop_timer_free(database->retry);
    loop_timer_free(database->overdue);
    while (database->head != NULL) {
        struct statement *next = database->head->next;
        statement_free(database->head);
        database->head = next;
    }
    explicit_bzero(database->url, strlen(database->url));
    free(database->url);
    free(database->name);
    free(database);
}

void database_submit(struct database *database, const char *sql, int param_count, char **params,
                     database_done_fn *done, void *context)
{
    database_submit_binary(database, sql, param_count, params, NULL, done, context);
}

void database_submit_binary(struct database *database, const char *sql, int param_count, char **params,
                            const int *sizes, database_done_fn *done, void *context)
{
    struct statement *statement = memory_take(sizeof(*statement));
    size_t count = (size_t)param_count;
    statement->sql = sql;
    statement->param_count = param_count;
    statement->params = memory_take(count * sizeof(*params));
    if (count > 0)
        memcpy(statement->params, params, count * sizeof(*params));
    if (sizes != NULL)
        statement->sizes = memory_take(count * sizeof(*sizes));
    if (sizes != NULL && count > 0)
        memcpy(statement->sizes, sizes, count * sizeof(*sizes));
    statement->done = done;
    statement->context = context;
    if (database->tail != NULL)
        database->tail->next = statement;
    else
        database->head = statement;
    database->tail = statement;
    database->count++;
    start(database);
}

bool database_is_up(const struct database *database)
{
    return database->pg != NULL;
}

const char *database_trouble(const struct database *database)
{
    return database->trouble[0] != '\0' ? database->trouble : NULL;
}

size_t database_waiting(const struct database *database)
{
    return database->count;
}

int64_t database_retries(const struct database *database)
{
    return database->retries;
}
