#include "producer/catch_up.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pg.h"
#include "producer/store.h"

#define FIRST_LOOK_MS   2000
#define SLOWEST_LOOK_MS 60000

struct catch_up {
    const struct producer_config *config;
    const struct jobs *jobs;
    const struct waiter_callbacks *callbacks;
    struct loop_timer *timer;
    int64_t since_ms; /* the beginning of the wait */
    int64_t pause_ms; /* 0: not started */
};

static void hand_over(struct catch_up *catch_up, const char *body)
{
    struct err err = ERR_INIT;
    struct result *result = result_parse(body, strlen(body), &err);
    if (result != NULL)
        catch_up->callbacks->on_result(catch_up->callbacks->context, result, body, strlen(body));
    else
        log_warn("a stored verdict cannot be read and is ignored: %s", err.text);
    result_free(result);
}

/* A row that tells of the machinery may be an older one, which a rerun is about to replace: it counts only
 * when it was stored since the wait began, by the database's clock. */
static bool read_job(struct catch_up *catch_up, struct pg *pg, const char *job_id, struct err *err)
{
    autobuf struct buf sql = BUF_INIT;
    char last[TEXT_ID_MAX + 1] = "";
    buf_printf(&sql,
               "SELECT %s, e.task_id FROM executions e WHERE e.job_id = $1 AND e.task_id > $2"
               " AND (e.reason NOT IN " STORE_REPLACEABLE
               " OR e.stored_at > now() - %lld * interval '1 millisecond') ORDER BY e.task_id LIMIT 500",
               store_result_json, (long long)(clock_ms() - catch_up->since_ms));
    for (int rows = 1; rows > 0;) {
        const char *params[] = {job_id, last};
        struct pg_result *page = store_query(pg, buf_text(&sql), 2, params, err);
        if (page == NULL)
            return false;
        rows = pg_rows(page);
        for (int row = 0; row < rows; row++)
            hand_over(catch_up, pg_value(page, row, 0));
        if (rows > 0)
            (void)snprintf(last, sizeof last, "%s", pg_value(page, rows - 1, 1));
        pg_result_free(page);
    }
    return true;
}

static void look(void *context)
{
    struct catch_up *catch_up = context;
    struct err err = ERR_INIT;
    struct pg *pg = store_open(catch_up->config, &err);
    bool good = pg != NULL;
    for (size_t i = 0; good && i < catch_up->jobs->count; i++)
        good = read_job(catch_up, pg, catch_up->jobs->items[i].job_id, &err);
    pg_close(pg);
    if (!good)
        log_warn("verdicts that were missed meanwhile cannot be read from the database: %s", err.text);
    catch_up->pause_ms = catch_up->pause_ms < SLOWEST_LOOK_MS / 2 ? catch_up->pause_ms * 2 : SLOWEST_LOOK_MS;
    loop_timer_set(catch_up->timer, clock_ms() + catch_up->pause_ms);
}

struct catch_up *catch_up_new(struct loop *loop, const struct producer_config *config,
                              const struct jobs *jobs, const struct waiter_callbacks *callbacks,
                              struct err *err)
{
    struct catch_up *catch_up = calloc(1, sizeof *catch_up);
    if (catch_up != NULL) {
        *catch_up =
            (struct catch_up){.config = config, .jobs = jobs, .callbacks = callbacks, .since_ms = clock_ms()};
        catch_up->timer = loop_timer_new(loop, look, catch_up);
    }
    if (catch_up == NULL || catch_up->timer == NULL) {
        free(catch_up);
        err_set(err, ERR_NO_MEMORY, "no memory for waiting");
        return NULL;
    }
    return catch_up;
}

void catch_up_start(struct catch_up *catch_up)
{
    if (catch_up->config->pg_url[0] == '\0' || catch_up->pause_ms != 0)
        return;
    catch_up->pause_ms = FIRST_LOOK_MS;
    loop_timer_set(catch_up->timer, clock_ms() + catch_up->pause_ms);
}

void catch_up_at_once(struct catch_up *catch_up)
{
    catch_up_start(catch_up);
    if (catch_up->pause_ms != 0)
        loop_timer_set(catch_up->timer, clock_ms());
}

void catch_up_free(struct catch_up *catch_up)
{
    if (catch_up == NULL)
        return;
    loop_timer_free(catch_up->timer);
    free(catch_up);
}
