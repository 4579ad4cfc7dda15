#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/text.h"
#include "producer/commands.h"
#include "producer/dead_letters.h"
#include "producer/post.h"
#include "producer/screen.h"
#include "producer/store.h"
#include "producer/table.h"

#define IDS_MAX       1000
#define LIST_PAGE     500
#define MESSAGES_PAGE 10 /* bodies may be megabytes */

struct dead_options {
    const char *job, *kind, *format;
    bool all;
};

#define AT(member) offsetof(struct dead_options, member)

static const struct option_entry options[] = {
    {"job", OPTION_TEXT, AT(job), "JOB", 0, 0, NULL, NULL, "only those of this job"},
    {"kind", OPTION_CHOICE, AT(kind), NULL, 0, 0, "task|result", NULL, "only tasks, or only results"},
    {"all", OPTION_FLAG, AT(all), NULL, 0, 0, NULL, NULL, "requeue, purge: all of them"},
    {"format", OPTION_CHOICE, AT(format), NULL, 0, 0, "text|jsonl|csv", "text",
     "list: a table, JSON lines, or CSV with a head line; show: text or one JSON object"},
};

struct dead_call {
    const struct subcommand_context *context;
    const struct dead_options *options;
    struct dead_letters_choice choice;
    struct pg *pg;
};

/* --- list --- */

static const struct table_column list_columns[] = {
    {"id", true, 0},         {"kind", false, 0}, {"job", false, 40},     {"task", false, 60},
    {"deliveries", true, 0}, {"died", false, 0}, {"requeued", false, 0}, {"reason", false, 80}};
static const char list_sql[] =
    "d.id, d.kind, d.job_id, d.task_id, d.count, to_char(d.died_at AT TIME ZONE 'UTC', "
    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), to_char(d.requeued_at AT TIME ZONE 'UTC', "
    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), d.reason";
static const char json_sql[] =
    "d.id, json_build_object('id', d.id, 'kind', d.kind, 'job_id', d.job_id, 'task_id', d.task_id, "
    "'exchange', d.exchange, 'routing_key', d.routing_key, 'properties', d.properties, 'headers', d.headers, "
    "'reason', d.reason, 'count', d.count, 'died_at', d.died_at, 'requeued_at', d.requeued_at, "
    "'body_bytes', octet_length(d.body))";

static bool list_row(const struct dead_call *call, const struct pg_result *page, int row, struct table *table)
{
    const char *cells[ARRAY_SIZE(list_columns)];
    if (strcmp(call->options->format, "jsonl") == 0) {
        (void)puts(pg_value(page, row, 1));
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
        cells[i] = pg_value(page, row, (int)i);
    if (strcmp(call->options->format, "csv") != 0)
        return table_add(table, cells);
    autobuf struct buf out = BUF_INIT;
    csv_append(&out, cells, ARRAY_SIZE(cells));
    (void)fputs(buf_text(&out), stdout);
    return true;
}

/* Calls `visit` for each chosen row, page by page. */
static bool each_row(const struct dead_call *call, const char *columns, int page_size,
                     bool (*visit)(const struct dead_call *call, const struct pg_result *page, int row,
                                   void *context, struct err *err),
                     void *context, struct err *err)
{
    char last[24] = "0";
    for (int rows = page_size; rows == page_size;) {
        struct pg_result *page = dead_letters_page(call->pg, &call->choice, columns, last, page_size, err);
        if (page == NULL)
            return false;
        rows = pg_rows(page);
        bool good = true;
        for (int row = 0; good && row < rows; row++)
            good = visit(call, page, row, context, err);
        if (good && rows > 0)
            (void)snprintf(last, sizeof last, "%s", pg_value(page, rows - 1, 0));
        pg_result_free(page);
        if (!good)
            return false;
    }
    return true;
}

static bool visit_list(const struct dead_call *call, const struct pg_result *page, int row, void *context,
                       struct err *err)
{
    return list_row(call, page, row, context) || err_set(err, ERR_NO_MEMORY, "no memory for the table");
}

static bool list(const struct dead_call *call, struct err *err)
{
    const char *format = call->options->format;
    autobuf struct buf out = BUF_INIT;
    struct table *table = table_new(list_columns, ARRAY_SIZE(list_columns));
    if (table == NULL)
        return err_set(err, ERR_NO_MEMORY, "no memory for the table");
    if (strcmp(format, "csv") == 0) {
        const char *titles[ARRAY_SIZE(list_columns)];
        for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
            titles[i] = list_columns[i].title;
        csv_append(&out, titles, ARRAY_SIZE(titles));
    }
    (void)fputs(buf_text(&out), stdout);
    bool good =
        each_row(call, strcmp(format, "jsonl") == 0 ? json_sql : list_sql, LIST_PAGE, visit_list, table, err);
    if (good && strcmp(format, "text") == 0) {
        buf_reset(&out);
        if (table_rows(table) > 0)
            table_print(table, &out);
        else
            buf_append_text(&out, "no dead letters\n");
        (void)fputs(buf_text(&out), stdout);
    }
    table_free(table);
    return good;
}

/* --- show --- */

static void show_line(struct buf *out, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return;
    buf_printf(out, "%-12s ", name);
    screen_append_line(out, value, 0);
    buf_append_char(out, '\n');
}

static bool visit_show(const struct dead_call *call, const struct pg_result *page, int row, void *context,
                       struct err *err)
{
    static const char *const names[] = {"dead letter", "kind",     "job",    "task",       "deliveries",
                                        "died",        "requeued", "reason", "properties", "headers"};
    (void)call, (void)context;
    autobuf struct buf body = BUF_INIT;
    autobuf struct buf text = BUF_INIT;
    autobuf struct buf out = BUF_INIT;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        show_line(&out, names[i], pg_value(page, row, (int)i));
    if (!dead_letters_body(pg_value(page, row, (int)ARRAY_SIZE(names)), &body, err))
        return false;
    text_append_clean(&text, body.data, body.size);
    buf_printf(&out, "%-12s %zu bytes\n", "body", body.size);
    screen_append_block(&out, buf_text(&text), "  ", 0);
    (void)fputs(buf_text(&out), stdout);
    return true;
}

static bool visit_json(const struct dead_call *call, const struct pg_result *page, int row, void *context,
                       struct err *err)
{
    (void)call, (void)context;
    autobuf struct buf body = BUF_INIT;
    autobuf struct buf out = BUF_INIT;
    const char *object = pg_value(page, row, 1);
    if (!dead_letters_body(pg_value(page, row, 2), &body, err))
        return false;
    buf_append(&out, object, strlen(object) - 1);
    buf_append_text(&out, ", \"body\" : ");
    text_append_json(&out, body.data, body.size);
    buf_append_text(&out, "}");
    (void)puts(buf_text(&out));
    return true;
}

static bool show(const struct dead_call *call, struct err *err)
{
    autobuf struct buf columns = BUF_INIT;
    bool json = strcmp(call->options->format, "jsonl") == 0;
    if (json)
        buf_printf(&columns, "%s, d.body", json_sql);
    else
        buf_printf(&columns, "%s, d.properties, d.headers, d.body", list_sql);
    return each_row(call, buf_text(&columns), MESSAGES_PAGE, json ? visit_json : visit_show, NULL, err);
}

/* --- requeue, purge --- */

struct requeue {
    struct post *post;
    long long sent;
};

/* Marked after the confirm: what dies between the two is requeued once more, which the store bears. */
static bool visit_requeue(const struct dead_call *call, const struct pg_result *page, int row, void *context,
                          struct err *err)
{
    struct requeue *requeue = context;
    autobuf struct buf body = BUF_INIT;
    struct broker_message message;
    if (!dead_letters_message(page, row, &body, &message, err))
        return false;
    if (!post_send(requeue->post, &message, err))
        return err_wrap(err, "dead letter %s", pg_value(page, row, 0));
    if (!dead_letters_mark_requeued(call->pg, pg_value(page, row, 0), err))
        return false;
    requeue->sent++;
    return true;
}

static bool requeue(const struct dead_call *call, struct err *err)
{
    struct requeue state = {.post = post_open(call->context->config, err)};
    bool good = state.post != NULL &&
                each_row(call, dead_letters_message_columns, MESSAGES_PAGE, visit_requeue, &state, err);
    post_close(state.post);
    if (good || state.sent > 0)
        (void)printf("%lld published again\n", state.sent);
    return good;
}

static bool purge(const struct dead_call *call, struct err *err)
{
    int64_t count = dead_letters_delete(call->pg, &call->choice, err);
    if (count >= 0)
        (void)printf("%lld deleted; their verdicts stay\n", (long long)count);
    return count >= 0;
}

/* --- the command --- */

static const struct action {
    const char *name;
    bool (*act)(const struct dead_call *call, struct err *err);
    bool choose;  /* ids, --job, --kind or --all have to say which */
    bool ids;     /* takes ids */
    bool waiting; /* without ids: only those that were not requeued yet */
} actions[] = {
    {"list", list, false, false, false},
    {"show", show, true, true, false},
    {"requeue", requeue, true, true, true},
    {"purge", purge, true, true, false},
};

static const struct action *find_action(const char *name, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    }
    err_set(err, ERR_USAGE, "dead %s: there is no such action; they are list, show, requeue, purge", name);
    return NULL;
}

static bool check_words(const struct action *action, const struct dead_call *call, struct err *err)
{
    const struct dead_letters_choice *choice = &call->choice;
    bool chosen = choice->job_id != NULL || choice->kind != NULL || call->options->all;
    if (choice->id_count > 0 && !action->ids)
        return err_set(err, ERR_USAGE, "dead %s takes no ids; --job and --kind choose", action->name);
    if (choice->id_count > 0 && chosen)
        return err_set(err, ERR_USAGE, "dead %s: either ids, or --job, --kind and --all", action->name);
    return !action->choose || choice->id_count > 0 || chosen ||
           err_set(err, ERR_USAGE, "dead %s: which? Give ids (dead list shows them), --job, --kind or --all",
                   action->name);
}

static int run(const struct subcommand_context *context, const void *values, struct err *err)
{
    const struct dead_options *chosen = values;
    const struct action *action = find_action(context->operands[0], err);
    if (action == NULL)
        return 2;
    int ids = context->operand_count - 1;
    struct dead_call call = {.context = context,
                             .options = chosen,
                             .choice = {.ids = context->operands + 1,
                                        .id_count = ids,
                                        .job_id = chosen->job,
                                        .kind = chosen->kind,
                                        .waiting = action->waiting && ids == 0}};
    if (!check_words(action, &call, err))
        return 2;
    call.pg = store_open(context->config, err);
    bool good =
        call.pg != NULL && dead_letters_check_ids(call.pg, &call.choice, err) && action->act(&call, err);
    pg_close(call.pg);
    return good ? 0 : err_exit_status(err->code);
}

const struct subcommand command_dead = {
    .name = "dead",
    .operands = "list|show|requeue|purge [ID ...]",
    .operands_min = 1,
    .operands_max = 1 + IDS_MAX,
    .summary = "Lists, shows, publishes again or deletes what could not be delivered or stored.",
    .details =
        "A task that its broker gave up on (delivery limit) and a result that PostgreSQL refused are kept "
        "in\n"
        "dead_letters. `requeue` publishes them again as they were, when their cause is mended: a real "
        "verdict\n"
        "then replaces undeliverable. With --job, --kind or --all it leaves out what was requeued before.\n"
        "`purge` deletes them; verdicts stay.\n"
        "\n"
        "exit status: 0 done; 2 wrong usage, no such dead letter; 3 broker or database unreachable; 4 the\n"
        "message was not taken\n",
    .options = options,
    .option_count = ARRAY_SIZE(options),
    .options_size = sizeof(struct dead_options),
    .run = run,
};
