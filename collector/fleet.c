#include "collector/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "collector/array.h"
#include "collector/memory.h"
#include "collector/statements.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/message/job.h"

#define EVERY_MS    1000
#define WORKERS_MAX 10000

struct seen {
    struct worker_event event;
    int64_t at_ms;
};

struct fleet {
    struct database *database;
    struct stats *stats;
    struct seen *seen; /* not written yet, one a worker */
    size_t count, capacity;
    bool writing;
    int64_t next_ms;
};

struct fleet *fleet_new(struct database *database, struct stats *stats)
{
    struct fleet *fleet = memory_take(sizeof(*fleet));
    fleet->database = database;
    fleet->stats = stats;
    return fleet;
}

void fleet_free(struct fleet *fleet)
{
    if (fleet == NULL)
        return;
    free(fleet->seen);
    free(fleet);
}

static struct seen *place_for(struct fleet *fleet, const char *worker)
{
    for (size_t i = 0; i < fleet->count; i++) {
        if (strcmp(fleet->seen[i].event.worker, worker) == 0)
            return &fleet->seen[i];
    }
    if (fleet->count == WORKERS_MAX)
        return NULL;
    if (fleet->count == fleet->capacity) {
        fleet->capacity = fleet->capacity > 0 ? 2 * fleet->capacity : 16;
        fleet->seen = memory_resize(fleet->seen, fleet->capacity, sizeof(*fleet->seen));
    }
    return &fleet->seen[fleet->count++];
}

const char *fleet_take(struct fleet *fleet, const char *body, size_t size, int64_t now_ms)
{
    struct worker_event event;
    struct err err = ERR_INIT;
    if (!worker_event_parse(body, size, &event, &err)) {
        log_warn("a worker's event cannot be read: %s", err.text);
        return NULL;
    }
    struct seen *seen = place_for(fleet, event.worker);
    if (seen == NULL) {
        log_warn("event of worker %s dropped: %d workers wait for the database", event.worker, WORKERS_MAX);
        return NULL;
    }
    *seen = (struct seen){event, now_ms};
    fleet->stats->events++;
    return event.kind == WORKER_HELLO ? seen->event.worker : NULL;
}

static void on_written(void *context, const struct pg_result *result, const struct database_refusal *refusal)
{
    (void)result;
    struct fleet *fleet = context;
    fleet->writing = false;
    if (refusal != NULL)
        log_error("the events of workers could not be stored: %s", refusal->message);
}

/* One array of the statement: the text of each event. */
static char *column(const struct fleet *fleet, void (*write)(const struct seen *, int64_t, struct buf *),
                    int64_t now_ms)
{
    char **values = memory_take(fleet->count * sizeof(*values));
    for (size_t i = 0; i < fleet->count; i++) {
        autobuf struct buf value = BUF_INIT;
        write(&fleet->seen[i], now_ms, &value);
        values[i] = memory_steal(&value);
    }
    autobuf struct buf array = BUF_INIT;
    array_append((const char *const *)values, fleet->count, &array);
    for (size_t i = 0; i < fleet->count; i++)
        free(values[i]);
    free(values);
    return memory_steal(&array);
}

#define TEXT_COLUMN(name)                                                                                    \
    static void write_##name(const struct seen *seen, int64_t now_ms, struct buf *out)                       \
    {                                                                                                        \
        (void)now_ms;                                                                                        \
        buf_append_text(out, seen->event.name);                                                              \
    }
#define NUMBER_COLUMN(name, value)                                                                           \
    static void write_##name(const struct seen *seen, int64_t now_ms, struct buf *out)                       \
    {                                                                                                        \
        (void)now_ms;                                                                                        \
        buf_printf(out, "%lld", (long long)(value));                                                         \
    }

TEXT_COLUMN(worker)
TEXT_COLUMN(host)
TEXT_COLUMN(version)
TEXT_COLUMN(runtimes)
NUMBER_COLUMN(pid, seen->event.pid)
NUMBER_COLUMN(slots, seen->event.slots)
NUMBER_COLUMN(busy, seen->event.busy)
NUMBER_COLUMN(consuming, seen->event.consuming)
NUMBER_COLUMN(tasks_done, seen->event.tasks_done)
NUMBER_COLUMN(tasks_error, seen->event.tasks_error)
NUMBER_COLUMN(heartbeat_s, seen->event.heartbeat_s > 0 ? seen->event.heartbeat_s : 10)
NUMBER_COLUMN(started_ms, seen->event.started_at_ms)
NUMBER_COLUMN(age_ms, now_ms > seen->at_ms ? now_ms - seen->at_ms : 0)
NUMBER_COLUMN(goodbye, seen->event.kind == WORKER_GOODBYE)

void fleet_step(struct fleet *fleet, int64_t now_ms)
{
    if (fleet->count == 0 || fleet->writing || now_ms < fleet->next_ms || !database_is_up(fleet->database))
        return;
    char *params[] = {column(fleet, write_worker, now_ms),      column(fleet, write_host, now_ms),
                      column(fleet, write_pid, now_ms),         column(fleet, write_version, now_ms),
                      column(fleet, write_slots, now_ms),       column(fleet, write_busy, now_ms),
                      column(fleet, write_consuming, now_ms),   column(fleet, write_runtimes, now_ms),
                      column(fleet, write_tasks_done, now_ms),  column(fleet, write_tasks_error, now_ms),
                      column(fleet, write_heartbeat_s, now_ms), column(fleet, write_started_ms, now_ms),
                      column(fleet, write_age_ms, now_ms),      column(fleet, write_goodbye, now_ms)};
    fleet->count = 0;
    fleet->writing = true;
    fleet->next_ms = now_ms + EVERY_MS;
    database_submit(fleet->database, statement_workers, ARRAY_SIZE(params), params, on_written, fleet);
}

int64_t fleet_deadline_ms(const struct fleet *fleet)
{
    return fleet->count > 0 && !fleet->writing && database_is_up(fleet->database) ? fleet->next_ms
                                                                                  : INT64_MAX;
}
