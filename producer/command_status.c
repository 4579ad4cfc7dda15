#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/broker.h"
#include "common/mem.h"
#include "common/message/names.h"
#include "producer/commands.h"
#include "producer/management.h"
#include "producer/screen.h"
#include "producer/store.h"
#include "producer/table.h"

struct status_options {
    bool watch;
    int64_t interval_ms;
    const char *format;
};

#define AT(member) offsetof(struct status_options, member)

static const struct option_entry options[] = {
    {"watch", OPTION_FLAG, AT(watch), NULL, 0, 0, NULL, NULL,
     "show it again and again; with JOB until it is known and complete"},
    {"interval", OPTION_SECONDS, AT(interval_ms), "S", 200, 3600000, NULL, "2", "seconds between two looks"},
    {"format", OPTION_CHOICE, AT(format), NULL, 0, 0, "text|json", "text", "text, or one JSON object a look"},
};

/* One look. */
struct look {
    const struct producer_config *config;
    const char *job; /* NULL = the latest ones */
    struct pg *pg;   /* NULL = not configured */
    struct queue_list queues;
    bool has_rates;
    bool complete; /* of `job` */
};

/* Without the management API: what a passive declaration tells, of the runtimes that are configured. */
static bool ask_over_amqp(struct look *look, struct err *err)
{
    if (!producer_config_need_amqp(look->config, err))
        return false;
    struct runtimes *runtimes = producer_config_runtimes(look->config, err);
    if (runtimes == NULL)
        return false;
    static const char *const lanes[] = {"", ".interactive", ".bulk"};
    size_t most = runtimes->count * ARRAY_SIZE(lanes) + 1;
    look->queues.items = calloc(most, sizeof *look->queues.items);
    struct broker_handler handler = {NULL};
    struct broker_options broker_options = {.url = look->config->amqp_url,
                                            .connection_name = "assay-producer status",
                                            .heartbeat_s = (int)look->config->heartbeat_s,
                                            .connect_timeout_ms =
                                                (int)look->config->connect_timeout_s * 1000};
    struct broker *broker = look->queues.items != NULL ? broker_open(&broker_options, &handler, err) : NULL;
    bool good = broker != NULL;
    for (size_t i = 0; good && i < most; i++) {
        struct queue_status *item = &look->queues.items[look->queues.count];
        if (i == 0)
            (void)snprintf(item->name, sizeof item->name, "%s", QUEUE_RESULTS);
        else
            (void)snprintf(item->name, sizeof item->name, "%s%s%s", QUEUE_TASKS_PREFIX,
                           runtimes->items[(i - 1) / ARRAY_SIZE(lanes)].name,
                           lanes[(i - 1) % ARRAY_SIZE(lanes)]);
        bool exists = false;
        uint32_t messages = 0;
        uint32_t consumers = 0;
        good = broker_inspect_queue(broker, item->name, &exists, &messages, &consumers, err);
        item->ready = messages;
        item->consumers = consumers;
        look->queues.count += exists;
    }
    broker_close(broker);
    runtimes_free(runtimes);
    return good;
}

static bool ask_broker(struct look *look, struct err *err)
{
    queue_list_free(&look->queues);
    look->has_rates = look->config->management_url[0] != '\0';
    return look->has_rates ? management_queues(look->config, &look->queues, err) : ask_over_amqp(look, err);
}

static bool is_shown(const struct queue_status *queue)
{
    if (strncmp(queue->name, "assay.", 6) != 0 ||
        strncmp(queue->name, QUEUE_WAIT_PREFIX, strlen(QUEUE_WAIT_PREFIX)) == 0)
        return false;
    const char *dot = strrchr(queue->name, '.');
    bool lane = strcmp(dot, ".interactive") == 0 || strcmp(dot, ".bulk") == 0;
    return !lane || queue->ready + queue->unacknowledged > 0;
}

static void print_queues(const struct look *look, struct buf *out)
{
    static const struct table_column columns[] = {{"queue", false, 48}, {"waiting", true, 0},
                                                  {"running", true, 0}, {"consumers", true, 0},
                                                  {"in/s", true, 0},    {"done/s", true, 0}};
    struct table *table = table_new(columns, look->has_rates ? 6 : 4);
    for (size_t i = 0; table != NULL && i < look->queues.count; i++) {
        const struct queue_status *queue = &look->queues.items[i];
        char cells[5][32];
        (void)snprintf(cells[0], sizeof cells[0], "%lld", (long long)queue->ready);
        (void)snprintf(cells[1], sizeof cells[1], look->has_rates ? "%lld" : "",
                       (long long)queue->unacknowledged);
        (void)snprintf(cells[2], sizeof cells[2], "%lld", (long long)queue->consumers);
        (void)snprintf(cells[3], sizeof cells[3], "%.1f", queue->publish_rate);
        (void)snprintf(cells[4], sizeof cells[4], "%.1f", queue->ack_rate);
        const char *row[] = {queue->name, cells[0], cells[1], cells[2], cells[3], cells[4]};
        if (is_shown(queue))
            (void)table_add(table, row);
    }
    if (table != NULL)
        table_print(table, out);
    table_free(table);
}

/* A table straight from a query: text columns left, the last `right` ones right-aligned. */
static bool print_query(struct pg *pg, const char *sql, const char *parameter,
                        const struct table_column *columns, size_t count, struct buf *out, struct err *err)
{
    struct pg_result *result = store_query(pg, sql, parameter != NULL ? 1 : 0, &parameter, err);
    if (result == NULL)
        return false;
    struct table *table = table_new(columns, count);
    for (int row = 0; table != NULL && row < pg_rows(result); row++) {
        const char *cells[TABLE_COLUMNS_MAX];
        for (size_t i = 0; i < count; i++)
            cells[i] = pg_value(result, row, (int)i);
        (void)table_add(table, cells);
    }
    if (table != NULL && table_rows(table) > 0) {
        buf_append_char(out, '\n');
        table_print(table, out);
    }
    table_free(table);
    pg_result_free(result);
    return true;
}

#define JOB_COLUMNS                                                                                          \
    "job_id, state, done, coalesce(total::text, '?'),"                                                       \
    "CASE WHEN total > 0 THEN round(100.0 * done / total, 1) || ' %' ELSE '' END, passed, failed, "          \
    "timed_out, errors,"                                                                                     \
    "CASE WHEN last_result_at > first_result_at THEN "                                                       \
    "round((done / extract(epoch FROM last_result_at - first_result_at))::numeric, 1)::text ELSE '' END,"    \
    "to_char(created_at, 'YYYY-MM-DD HH24:MI:SS')"

static bool print_jobs(struct look *look, struct buf *out, struct err *err)
{
    static const struct table_column columns[] = {
        {"job", false, 40}, {"state", false, 0}, {"done", true, 0},   {"total", true, 0},
        {"", true, 0},      {"pass", true, 0},   {"fail", true, 0},   {"timeout", true, 0},
        {"error", true, 0}, {"per s", true, 0},  {"since", false, 0},
    };
    const char *sql = look->job != NULL ? "SELECT " JOB_COLUMNS " FROM jobs WHERE job_id = $1"
                                        : "SELECT " JOB_COLUMNS
                                          " FROM jobs ORDER BY created_at DESC, job_id LIMIT 10";
    return print_query(look->pg, sql, look->job, columns, ARRAY_SIZE(columns), out, err);
}

static bool print_workers(struct look *look, struct buf *out, struct err *err)
{
    static const struct table_column columns[] = {
        {"worker", false, 32}, {"state", false, 0}, {"slots", true, 0},      {"busy", true, 0},
        {"done", true, 0},     {"errors", true, 0}, {"runtimes", false, 40}, {"seen", false, 0},
    };
    return print_query(
        look->pg,
        "SELECT worker, state, slots, CASE WHEN state IN ('lost', 'stopped') THEN '' ELSE busy::text END,"
        "tasks_done, tasks_error, array_to_string(runtimes, ' '),"
        "extract(epoch FROM now() - last_seen_at)::bigint || ' s ago' FROM worker_states "
        "WHERE last_seen_at > now() - interval '1 day' ORDER BY worker LIMIT 200",
        NULL, columns, ARRAY_SIZE(columns), out, err);
}

static bool find_complete(struct look *look, struct err *err)
{
    const char *params[] = {look->job};
    struct pg_result *result =
        store_query(look->pg, "SELECT state <> 'open' FROM jobs WHERE job_id = $1", 1, params, err);
    if (result == NULL)
        return false;
    const char *value = pg_rows(result) > 0 ? pg_value(result, 0, 0) : NULL;
    look->complete = value != NULL && value[0] == 't';
    pg_result_free(result);
    return true;
}

static bool print_text(struct look *look, struct buf *out, struct err *err)
{
    print_queues(look, out);
    if (look->pg == NULL) {
        buf_append_text(out, "\nno database is configured (ASSAY_PG_URL): jobs and workers are not known\n");
        return true;
    }
    return print_jobs(look, out, err) && (look->job != NULL || print_workers(look, out, err));
}

/* A JSON array made by the database. */
static bool append_json_query(struct pg *pg, const char *name, const char *sql, const char *parameter,
                              struct buf *out, struct err *err)
{
    struct pg_result *result = store_query(pg, sql, parameter != NULL ? 1 : 0, &parameter, err);
    if (result == NULL)
        return false;
    const char *value = pg_value(result, 0, 0);
    buf_printf(out, ",\"%s\":%s", name, value != NULL ? value : "[]");
    pg_result_free(result);
    return true;
}

static bool print_json(struct look *look, struct buf *out, struct err *err)
{
    buf_append_text(out, "{\"queues\":[");
    for (size_t i = 0; i < look->queues.count; i++) {
        const struct queue_status *queue = &look->queues.items[i];
        buf_append_text(out, i > 0 ? ",{\"name\":" : "{\"name\":");
        screen_append_json(out, queue->name);
        buf_printf(out, ",\"waiting\":%lld,\"running\":%lld,\"consumers\":%lld", (long long)queue->ready,
                   (long long)queue->unacknowledged, (long long)queue->consumers);
        if (look->has_rates)
            buf_printf(out, ",\"publish_rate\":%.3f,\"ack_rate\":%.3f", queue->publish_rate, queue->ack_rate);
        buf_append_char(out, '}');
    }
    buf_append_char(out, ']');
    bool good = true;
    if (look->pg != NULL) {
        const char *jobs =
            look->job != NULL
                ? "SELECT json_agg(j) FROM (SELECT * FROM jobs WHERE job_id = $1) j"
                : "SELECT json_agg(j) FROM (SELECT * FROM jobs ORDER BY created_at DESC LIMIT 100) j";
        good = append_json_query(look->pg, "jobs", jobs, look->job, out, err) &&
               append_json_query(
                   look->pg, "workers",
                   "SELECT json_agg(w) FROM (SELECT * FROM worker_states ORDER BY worker LIMIT 1000) w", NULL,
                   out, err);
    }
    buf_append_text(out, "}\n");
    return good;
}

/* While watching, a job may be on its way to the collector still. */
static bool look_at_job(struct look *look, bool watching, struct err *err)
{
    struct err why = ERR_INIT;
    if (store_check_job(look->pg, look->job, &why))
        return find_complete(look, err);
    if (watching && why.code == ERR_INPUT)
        return true;
    *err = why;
    return false;
}

static bool take_look(struct look *look, const struct status_options *chosen, struct err *err)
{
    autobuf struct buf out = BUF_INIT;
    bool json = strcmp(chosen->format, "json") == 0;
    if (!ask_broker(look, err))
        return false;
    bool good = json ? print_json(look, &out, err) : print_text(look, &out, err);
    if (look->pg != NULL && look->job != NULL)
        good = good && look_at_job(look, chosen->watch, err);
    if (chosen->watch && !json && isatty(STDOUT_FILENO) == 1)
        (void)fputs("\033[H\033[2J", stdout);
    (void)fputs(buf_text(&out), stdout);
    if (fflush(stdout) != 0)
        return err_set_errno(err, ERR_IO, "write standard output");
    return good;
}

static int run(const struct subcommand_context *context, const void *values, struct err *err)
{
    const struct status_options *chosen = values;
    struct look look = {.config = context->config,
                        .job = context->operand_count > 0 ? context->operands[0] : NULL};
    if (look.job != NULL && !producer_config_need_pg(context->config, err))
        return err_exit_status(err->code);
    bool good = true;
    if (context->config->pg_url[0] != '\0') {
        look.pg = store_open(context->config, err);
        good = look.pg != NULL;
    }
    while (good) {
        good = take_look(&look, chosen, err);
        if (!good || !chosen->watch || look.complete)
            break;
        struct timespec pause = {chosen->interval_ms / 1000, chosen->interval_ms % 1000 * 1000000};
        (void)nanosleep(&pause, NULL);
    }
    queue_list_free(&look.queues);
    pg_close(look.pg);
    return good ? 0 : err_exit_status(err->code);
}

const struct subcommand command_status = {
    .name = "status",
    .operands = "[JOB]",
    .operands_min = 0,
    .operands_max = 1,
    .summary = "Shows queues, jobs and workers.",
    .details =
        "Queues come from RabbitMQ's management API (management_url; its figures are a few seconds old), or\n"
        "over AMQP without it; jobs and workers from PostgreSQL (pg_url), where it is configured.\n"
        "\n"
        "exit status: 0 done, 2 wrong usage or unknown job, 3 broker or database unreachable\n",
    .options = options,
    .option_count = ARRAY_SIZE(options),
    .options_size = sizeof(struct status_options),
    .run = run,
};
