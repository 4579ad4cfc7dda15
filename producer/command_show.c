#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/message/result.h"
#include "producer/commands.h"
#include "producer/screen.h"
#include "producer/store.h"
#include "producer/verdict.h"

struct show_options {
    const char *format;
};

static const struct option_entry options[] = {
    {"format", OPTION_CHOICE, offsetof(struct show_options, format), NULL, 0, 0, "text|json", "text",
     "readable text, or the result message"},
};

static bool print_stored(const char *body, bool json, struct err *err)
{
    if (json) {
        (void)puts(body);
        return true;
    }
    struct result *result = result_parse(body, strlen(body), err);
    if (result == NULL)
        return err_wrap(err, "read the stored verdict");
    autobuf struct buf out = BUF_INIT;
    verdict_append_details(&out, result, screen_has_colour(stdout));
    (void)fputs(buf_text(&out), stdout);
    result_free(result);
    return true;
}

static bool show(const struct subcommand_context *context, struct pg *pg, bool json, struct err *err)
{
    autobuf struct buf sql = BUF_INIT;
    const char *params[] = {context->operands[0], context->operands[1]};
    buf_printf(&sql, "SELECT %s FROM executions e WHERE e.job_id = $1 AND e.task_id = $2", store_result_json);
    struct pg_result *result = store_query(pg, buf_text(&sql), 2, params, err);
    if (result == NULL)
        return false;
    bool good = pg_rows(result) == 1
                    ? print_stored(pg_value(result, 0, 0), json, err)
                    : store_check_job(pg, params[0], err) &&
                          err_set(err, ERR_INPUT, "job '%s' has no stored verdict for task '%s'", params[0],
                                  params[1]);
    pg_result_free(result);
    return good;
}

static int run(const struct subcommand_context *context, const void *values, struct err *err)
{
    const struct show_options *chosen = values;
    struct pg *pg = store_open(context->config, err);
    bool good = pg != NULL && show(context, pg, strcmp(chosen->format, "json") == 0, err);
    pg_close(pg);
    return good ? 0 : err_exit_status(err->code);
}

const struct subcommand command_show = {
    .name = "show",
    .operands = "JOB TASK",
    .operands_min = 2,
    .operands_max = 2,
    .summary = "Shows one stored verdict: errors, tests, output, figures.",
    .details = "exit status: 0 done, 2 wrong usage, no such job or task, 3 database unreachable\n",
    .options = options,
    .option_count = ARRAY_SIZE(options),
    .options_size = sizeof(struct show_options),
    .run = run,
};
