#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/text.h"
#include "producer/commands.h"
#include "producer/control.h"
#include "producer/store.h"

struct cancel_options {
    int64_t timeout_ms;
};

static const struct option_entry options[] = {
    {"timeout", OPTION_SECONDS, offsetof(struct cancel_options, timeout_ms), "S", 100, 3600000, NULL, "10",
     "wait so long for the collector to record the cancel, then exit 5"},
};

static int cancel_in_store(struct pg *pg, const struct producer_config *config, const char *job_id,
                           int64_t timeout_ms, struct err *err)
{
    struct standing standing = {0};
    if (!standing_look(pg, job_id, &standing, err))
        return err_exit_status(err->code);
    if (strcmp(standing.state, "complete") == 0) {
        (void)printf("job %s is complete: nothing is left to cancel\n", job_id);
        return 0;
    }
    int status = control_tell_and_wait(config, pg, CONTROL_CANCEL, job_id, timeout_ms, &standing, err);
    if (status != 0)
        return status;
    (void)printf("job %s is cancelled: %lld", job_id, (long long)standing.done);
    if (standing.total >= 0)
        (void)printf(" of %lld", (long long)standing.total);
    (void)printf(" tasks have a verdict, the others end as error/cancelled when a worker takes them up\n");
    return 0;
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
        if (!control_tell(context->config, CONTROL_CANCEL, job_id, err))
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
        "the cancel; this command waits for that where pg_url is set. What is to run after all: rerun lifts "
        "the "
        "cancel,\n"
        "publish goes on under another job id.\n"
        "\n"
        "exit status: 0 cancelled, or complete before; 2 wrong usage; 3 broker or database unreachable;\n"
        "4 nobody is connected that could be told; 5 not recorded in time\n",
    .options = options,
    .option_count = ARRAY_SIZE(options),
    .options_size = sizeof(struct cancel_options),
    .run = run,
};
