#include <stdio.h>
#include <string.h>

#include "common/http_server.h"
#include "common/mem.h"
#include "producer/commands.h"
#include "producer/dispatch.h"
#include "producer/pages.h"
#include "producer/rows.h"
#include "producer/screen.h"

struct pending_options {
    bool follow;
    const char *job;
    int64_t limit, rate;
};

#define AT(member) offsetof(struct pending_options, member)

static const struct option_entry options[] = {
    {"follow", OPTION_FLAG, AT(follow), NULL, 0, 0, NULL, NULL,
     "go on with new rows as they are inserted (LISTEN/NOTIFY), until a signal"},
    {"job", OPTION_TEXT, AT(job), "ID", 0, 0, NULL, "reconstructions", "job of the tasks"},
    {"limit", OPTION_INTEGER, AT(limit), "N", 1, 1000000000, NULL, NULL, "publish at most N rows"},
    {"rate", OPTION_INTEGER, AT(rate), "N", 1, 1000000, NULL, NULL, "publish at most N tasks a second"},
};

static void print_report(struct rows *rows, const struct dispatch_report *report, const char *job_id)
{
    autobuf struct buf out = BUF_INIT;
    int64_t standing = rows_standing(rows);
    buf_printf(&out, "%lld rows published as job %s", (long long)report->confirmed, job_id);
    if (rows_refused(rows) > 0)
        buf_printf(&out, ", %lld could not be published (see above)", (long long)rows_refused(rows));
    buf_append_text(&out, ", ");
    screen_append_duration(&out, report->elapsed_ms);
    buf_append_char(&out, '\n');
    (void)fputs(buf_text(&out), stdout);
    if (standing > 0)
        (void)printf("%lld rows have no result and an error verdict that stands (assay-producer results %s "
                     "--status error); "
                     "mend the cause, then publish them under another --job\n",
                     (long long)standing, job_id);
}

/* What the listener shows. */
struct follower {
    const struct rows *rows;
    const struct dispatch *dispatch;
    const struct dispatch_report *report;
    const char *job_id;
};

static struct pages_state state_of(const struct follower *follower)
{
    return (struct pages_state){.job_id = follower->job_id,
                                .broker_up = dispatch_connected(follower->dispatch),
                                .database_up = rows_connected(follower->rows),
                                .confirmed = follower->report->confirmed,
                                .returned = follower->report->returned,
                                .refused = rows_refused(follower->rows)};
}

static bool http_ready(void *context)
{
    struct pages_state state = state_of(context);
    return pages_ready(&state);
}

static void http_status(void *context, struct buf *out)
{
    struct pages_state state = state_of(context);
    pages_status(&state, out);
}

static void http_metrics(void *context, struct buf *out)
{
    struct pages_state state = state_of(context);
    pages_metrics(&state, out);
}

/* Only a follower lives long enough to be watched. `*server` stays NULL where no listener is configured. */
static bool serve(struct follower *follower, const struct producer_config *config, struct dispatch *dispatch,
                  struct http_server **server, struct err *err)
{
    const struct http_server_source source = {follower, http_ready, http_status, http_metrics};
    *server = http_server_open(dispatch_loop(dispatch), config->http_listen, &source, err);
    return *server != NULL || config->http_listen[0] == '\0' ||
           err_wrap(err, "http.listen %s", config->http_listen);
}

static int publish(const struct producer_config *config, struct rows *rows, struct dispatch *dispatch,
                   const struct pending_options *chosen, struct err *err)
{
    struct source source;
    struct dispatch_report report = {.confirmed = 0};
    struct follower follower = {rows, dispatch, &report, chosen->job};
    struct http_server *server = NULL;
    if (!rows_source(rows, dispatch, &source, err) ||
        (chosen->follow && !serve(&follower, config, dispatch, &server, err)))
        return err_exit_status(err->code);
    enum dispatch_end end = dispatch_run(dispatch, &source, &report, err);
    http_server_close(server);
    struct err why = ERR_INIT;
    if (!rows_finish(rows, end == DISPATCH_INTERRUPTED, &why)) {
        err_wrap(&why, "give back claims (they end by themselves after pending.claim_lease_s)");
        if (end != DISPATCH_FAILED)
            *err = why;
    }
    print_report(rows, &report, chosen->job);
    if (err->code != ERR_NONE)
        return err_exit_status(err->code);
    if (end == DISPATCH_INTERRUPTED && chosen->follow)
        return 0; /* the way to end it */
    int status = dispatch_exit_status(&report);
    return status == 0 && rows_refused(rows) > 0 ? 4 : status;
}

static int run(const struct subcommand_context *context, const void *values, struct err *err)
{
    const struct pending_options *chosen = values;
    if (!text_is_id(chosen->job, strlen(chosen->job))) {
        err_set(err, ERR_USAGE, "--job %s: 1 to %d of A-Z a-z 0-9 . _ : / - are allowed", chosen->job,
                TEXT_ID_MAX);
        return 2;
    }
    struct rows_options what = {
        .config = context->config, .job_id = chosen->job, .limit = chosen->limit, .follow = chosen->follow};
    struct dispatch_options how = {
        .config = context->config, .rate = chosen->rate, .output = OUTPUT_NONE, .check_queues = true};
    struct rows *rows = rows_open(&what, err);
    struct dispatch *dispatch = rows != NULL ? dispatch_open(&how, err) : NULL;
    int status =
        dispatch != NULL ? publish(context->config, rows, dispatch, chosen, err) : err_exit_status(err->code);
    rows_close(rows);
    dispatch_close(dispatch);
    return status;
}

const struct subcommand command_pending = {
    .name = "pending",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .summary = "Publishes rows of `reconstructions` that have no result.",
    .details =
        "Each row goes out with the suite at applications.test_suite_path (a file, or an http(s) URL within\n"
        "suite.max_bytes and suite.timeout_s) and the runtime of applications.language, as task\n"
        "reconstruction/<id>. Rows are claimed in the database first: any number of producers may run side "
        "by\n"
        "side, and what a dead one had claimed comes free after pending.claim_lease_s. A row whose verdict "
        "has\n"
        "no pass rate stays without a result: it is published again when the machinery failed, and left "
        "alone\n"
        "when its verdict stands.\n"
        "\n"
        "exit status: 0 done, 2 wrong usage or configuration, 3 broker or database unreachable, 4 some rows "
        "could\n"
        "not be published, 128+N ended by signal N (0 with --follow)\n",
    .options = options,
    .option_count = ARRAY_SIZE(options),
    .options_size = sizeof(struct pending_options),
    .run = run,
};
