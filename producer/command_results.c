#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/message/result.h"
#include "producer/commands.h"
#include "producer/screen.h"
#include "producer/store.h"
#include "producer/summary.h"
#include "producer/table.h"
#include "producer/verdict.h"

struct results_options {
    const char *status, *reason, *format;
};

#define AT(member) offsetof(struct results_options, member)

static const struct option_entry options[] = {
    {"status", OPTION_CHOICE, AT(status), NULL, 0, 0, "pass|fail|timeout|error", NULL,
     "only verdicts with this status"},
    {"reason", OPTION_TEXT, AT(reason), "R", 0, 0, NULL, NULL,
     "only verdicts with this reason (assertion, wall_time, infra, ...)"},
    {"format", OPTION_CHOICE, AT(format), NULL, 0, 0, "table|jsonl|csv", "table",
     "a table with a summary, result messages one a line, or CSV with a head line"},
};

/* Read in pages along the unique index, so that a job of any size fits into memory. */
static const char page_condition[] = " FROM executions e WHERE e.job_id = $1 AND e.task_id > $2 "
                                     "AND ($3::text IS NULL OR e.status = $3) "
                                     "AND ($4::text IS NULL OR e.reason = $4) ORDER BY e.task_id LIMIT 500";

static const char *const csv_titles[] = {"job_id",         "task_id", "runtime",        "status",    "reason",
                                         "test_pass_rate", "passed",  "failed",         "skipped",   "total",
                                         "run_ms",         "cpu_ms",  "peak_memory_kb", "exit_code", "error"};
static const char csv_columns[] =
    "e.job_id, e.task_id, e.runtime, e.status, e.reason, e.test_pass_rate, e.passed, "
    "e.failed, e.skipped, e.total, e.run_ms, e.cpu_ms, e.peak_memory_kb, e.exit_code, "
    "e.errors ->> 0";

struct listing {
    bool csv, jsonl, colour;
    size_t columns;
    struct summary summary;
};

static bool print_verdict_row(struct listing *listing, const char *body, struct buf *out, struct err *err)
{
    struct result *result = result_parse(body, strlen(body), err);
    if (result == NULL)
        return err_wrap(err, "read a stored verdict");
    summary_add(&listing->summary, result);
    verdict_append_line(out, result, listing->colour, listing->columns);
    result_free(result);
    return true;
}

static bool print_row(struct listing *listing, const struct pg_result *page, int row, struct err *err)
{
    autobuf struct buf out = BUF_INIT;
    if (listing->csv) {
        const char *cells[ARRAY_SIZE(csv_titles)];
        for (size_t i = 0; i < ARRAY_SIZE(csv_titles); i++)
            cells[i] = pg_value(page, row, (int)i);
        csv_append(&out, cells, ARRAY_SIZE(csv_titles));
    } else if (listing->jsonl) {
        buf_printf(&out, "%s\n", pg_value(page, row, 0));
    } else if (!print_verdict_row(listing, pg_value(page, row, 0), &out, err)) {
        return false;
    }
    if (out.failed || fwrite(out.data, 1, out.size, stdout) != out.size)
        return err_set_errno(err, ERR_IO, "write standard output");
    return true;
}

static bool print_pages(struct pg *pg, struct listing *listing, const char *job_id,
                        const struct results_options *chosen, struct err *err)
{
    autobuf struct buf sql = BUF_INIT;
    char last[TEXT_ID_MAX + 1] = "";
    buf_printf(&sql, "SELECT %s, e.task_id%s", listing->csv ? csv_columns : store_result_json,
               page_condition);
    int id_column = listing->csv ? (int)ARRAY_SIZE(csv_titles) : 1;
    for (int rows = 1; rows > 0;) {
        const char *params[] = {job_id, last, chosen->status, chosen->reason};
        struct pg_result *page = store_query(pg, buf_text(&sql), 4, params, err);
        if (page == NULL)
            return false;
        rows = pg_rows(page);
        bool good = true;
        for (int row = 0; good && row < rows; row++)
            good = print_row(listing, page, row, err);
        if (good && rows > 0)
            (void)snprintf(last, sizeof last, "%s", pg_value(page, rows - 1, id_column));
        pg_result_free(page);
        if (!good)
            return false;
    }
    return true;
}

static bool list(const struct subcommand_context *context, const struct results_options *chosen,
                 struct pg *pg, struct err *err)
{
    const char *job_id = context->operands[0];
    struct listing listing = {.csv = strcmp(chosen->format, "csv") == 0,
                              .jsonl = strcmp(chosen->format, "jsonl") == 0,
                              .colour = screen_has_colour(stdout),
                              .columns = screen_columns(stdout)};
    autobuf struct buf out = BUF_INIT;
    if (!store_check_job(pg, job_id, err))
        return false;
    if (listing.csv)
        csv_append(&out, csv_titles, ARRAY_SIZE(csv_titles));
    (void)fputs(buf_text(&out), stdout);
    if (!print_pages(pg, &listing, job_id, chosen, err))
        return false;
    if (listing.csv || listing.jsonl)
        return true;
    buf_reset(&out);
    buf_append_char(&out, '\n');
    summary_print(&listing.summary, -1, &out);
    (void)fputs(buf_text(&out), stdout);
    return true;
}

static int run(const struct subcommand_context *context, const void *values, struct err *err)
{
    const struct results_options *chosen = values;
    enum reason reason;
    if (chosen->reason != NULL && !reason_parse(chosen->reason, &reason)) {
        err_set(err, ERR_USAGE, "--reason %s: there is no such reason; docs/messages.md lists them",
                chosen->reason);
        return 2;
    }
    struct pg *pg = store_open(context->config, err);
    bool good = pg != NULL && list(context, chosen, pg, err);
    pg_close(pg);
    return good ? 0 : err_exit_status(err->code);
}

const struct subcommand command_results = {
    .name = "results",
    .operands = "JOB",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "Lists a job's stored verdicts.",
    .details = "exit status: 0 done, 2 wrong usage or unknown job, 3 database unreachable, 4 output failed\n",
    .options = options,
    .option_count = ARRAY_SIZE(options),
    .options_size = sizeof(struct results_options),
    .run = run,
};
