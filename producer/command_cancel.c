#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/message/job.h"
#include "common/message/names.h"
#include "common/text.h"
#include "producer/commands.h"
#include "producer/post.h"
#include "producer/store.h"

#define LOOK_AGAIN_MS 100

struct cancel_options {
    int64_t timeout_ms;
};

static const struct option_entry options[] = {
    {"timeout", OPTION_SECONDS, offsetof(struct cancel_options, timeout_ms), "S", 100, 3600000, NULL, "10",
     "wait so long for the collector to record the cancel, then exit 5"},
};

/* How a job stands: '' for one that the database does not know yet. */
struct standing {
    char state[16];
    long long done, total; /* total -1: never announced */
};

static bool look(struct pg *pg, const char *job_id, struct standing *standing, struct err *err)
{
    const char *params[] = {job_id};
    struct pg_result *found = store_query(
        pg, "SELECT state, done, coalesce(total, -1) FROM jobs WHERE job_id = $1", 1, params, err);
    if (found == NULL)
        return false;
    *standing = (struct standing){.total = -1};
    if (pg_rows(found) == 1) {
        (void)snprintf(standing->state, sizeof standing->state, "%s", pg_value(found, 0, 0));
        standing->done = strtoll(pg_value(found, 0, 1), NULL, 10);
        standing->total = strtoll(pg_value(found, 0, 2), NULL, 10);
    }
    pg_result_free(found);
    return true;
}

static bool tell_fleet(const struct producer_config *config, const char *job_id, struct err *err)
{
    autobuf struct buf body = BUF_INIT;
    struct control_message control = {0};
    (void)snprintf(control.cancel_job_id, sizeof control.cancel_job_id, "%s", job_id);
    control_message_to_json(&control, &body);
    if (body.failed)
        return err_set(err, ERR_NO_MEMORY, "no memory for a message");
    const struct broker_message message = {.exchange = EXCHANGE_CONTROL,
                                           .routing_key = "",
                                           .body = body.data,
                                           .body_size = body.size,
                                           .content_type = CONTENT_TYPE_JSON,
                                           .type = TYPE_CONTROL,
                                           .persistent = true};
    struct post *post = post_open(config, err);
    bool good = post != NULL && post_send(post, &message, err);
    if (!good && err->code == ERR_PROTOCOL)
        err_wrap(err, "neither a worker nor a collector is connected, so nothing was cancelled; start the "
                      "collector, then cancel again");
    post_close(post);
    return good;
}

/* Workers that start later learn of a cancel from the collector, so it counts once that has recorded it. */
static int wait_until_recorded(struct pg *pg, const char *job_id, int64_t timeout_ms, struct err *err)
{
    struct standing standing = {0};
    int64_t deadline_ms = clock_ms() + timeout_ms;
    for (;;) {
        if (!look(pg, job_id, &standing, err))
            return err_exit_status(err->code);
        if (strcmp(standing.state, "cancelled") == 0)
            break;
        if (clock_ms() >= deadline_ms) {
            err_set(
                err, ERR_UNREACHABLE,
                "the workers that run now were told, but no collector has recorded the cancel: workers that "
                "start later would run the rest of job %s; start the collector, then cancel again",
                job_id);
            return 5;
        }
        (void)poll(NULL, 0, LOOK_AGAIN_MS);
    }
    (void)printf("job %s is cancelled: %lld", job_id, standing.done);
    if (standing.total >= 0)
        (void)printf(" of %lld", standing.total);
    (void)printf(" tasks have a verdict, the others end as error/cancelled when a worker takes them up\n");
    return 0;
}

static int cancel_in_store(struct pg *pg, const struct producer_config *config, const char *job_id,
                           int64_t timeout_ms, struct err *err)
{
    struct standing standing = {0};
    if (!look(pg, job_id, &standing, err))
        return err_exit_status(err->code);
    if (strcmp(standing.state, "complete") == 0) {
        (void)printf("job %s is complete: nothing is left to cancel\n", job_id);
        return 0;
    }
    if (!tell_fleet(config, job_id, err))
        return err_exit_status(err->code);
    return wait_until_recorded(pg, job_id, timeout_ms, err);
}

static int run(const struct subcommand_context *context, const void *values, struct err *err)
{
    const struct cancel_options *chosen = values;
    const char *job_id = context->operands[0];
    if (!text_is_id(job_id, strlen(job_id))) {
        err_set(err, ERR_INPUT, "'%s' is no job id: 1 to %d characters of A-Z a-z 0-9 . _ : / -", job_id,
                TEXT_ID_MAX);
        return 2;
    }
    if (context->config->pg_url == NULL || context->config->pg_url[0] == '\0') {
        if (!tell_fleet(context->config, job_id, err))
            return err_exit_status(err->code);
        (void)printf(
            "job %s: the workers and the collector that run now were told (without pg_url nobody can "
            "say whether it is recorded)\n",
            job_id);
        return 0;
    }
    struct pg *pg = store_open(context->config, err);
    int status = pg != NULL ? cancel_in_store(pg, context->config, job_id, chosen->timeout_ms, err)
                            : err_exit_status(err->code);
    pg_close(pg);
    return status;
}

const struct subcommand command_cancel = {
    .name = "cancel",
    .operands = "JOB",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "Ends a job early: what runs is killed, what waits is not run; each ends as error/cancelled.",
    .details =
        "Verdicts that exist stay. Workers that start later are told as well, once a collector has recorded\n"
        "the cancel; this command waits for that where pg_url is set. The job id stays cancelled for a week: "
        "what\n"
        "is to run after all goes out under another one.\n"
        "\n"
        "exit status: 0 cancelled, or complete before; 2 wrong usage; 3 broker or database unreachable;\n"
        "4 nobody is connected that could be told; 5 not recorded in time\n",
    .options = options,
    .option_count = ARRAY_SIZE(options),
    .options_size = sizeof(struct cancel_options),
    .run = run,
};
