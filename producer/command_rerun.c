#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/message/result.h"
#include "producer/commands.h"
#include "producer/publish.h"
#include "producer/store.h"

struct rerun_options {
    struct publish_options publish;
    const char *reason;
};

#define AT(member) offsetof(struct rerun_options, member)

static const struct option_entry options[] = {
    {"reason", OPTION_CHOICE, AT(reason), NULL, 0, 0, "infra|undeliverable|expired|cancelled", NULL,
     "only tasks whose stored verdict has this reason (default: all four)"},
    {"wait", OPTION_FLAG, AT(publish.wait), NULL, 0, 0, NULL, NULL,
     "wait for the verdicts, print each as it comes, then a summary"},
    {"timeout", OPTION_SECONDS, AT(publish.timeout_ms), "S", 1, 31536000000, NULL, NULL,
     "with --wait: end after S seconds, exit 5"},
    {"results", OPTION_TEXT, AT(publish.results), "FILE", 0, 0, NULL, NULL,
     "with --wait: write the result messages to FILE"},
    {"rate", OPTION_INTEGER, AT(publish.rate), "N", 1, 1000000, NULL, NULL,
     "publish at most N tasks a second"},
    {"dry-run", OPTION_FLAG, AT(publish.dry_run), NULL, 0, 0, NULL, NULL,
     "only tell how many tasks it would be"},
    {"format", OPTION_CHOICE, AT(publish.format), NULL, 0, 0, "text|json", "text", "as for publish"},
};

/* The tasks of the job whose verdict may be replaced; in pages, as many as there are. */
static bool load_replaceable(struct pg *pg, const char *job_id, const char *reason, struct idset *set,
                             struct err *err)
{
    char last[TEXT_ID_MAX + 1] = "";
    for (int rows = 1; rows > 0;) {
        const char *params[] = {job_id, reason, last};
        struct pg_result *page = store_query(
            pg,
            "SELECT task_id FROM executions WHERE job_id = $1 AND task_id > $3 AND (reason = $2 OR "
            "($2::text IS NULL AND reason IN " STORE_REPLACEABLE ")) ORDER BY task_id LIMIT 10000",
            3, params, err);
        if (page == NULL)
            return false;
        rows = pg_rows(page);
        for (int row = 0; row < rows; row++) {
            const char *task_id = pg_value(page, row, 0);
            if (idset_add(set, job_id, task_id, 1, NULL) == IDSET_NO_MEMORY) {
                pg_result_free(page);
                return err_set(err, ERR_NO_MEMORY, "no memory for the list of tasks");
            }
            if (row == rows - 1)
                (void)snprintf(last, sizeof last, "%s", task_id);
        }
        pg_result_free(page);
    }
    return true;
}

static bool find_tasks(const struct subcommand_context *context, const char *reason, struct idset *set,
                       struct err *err)
{
    struct pg *pg = store_open(context->config, err);
    bool good = pg != NULL && store_check_job(pg, context->operands[0], err) &&
                load_replaceable(pg, context->operands[0], reason, set, err);
    pg_close(pg);
    return good;
}

static int publish_again(const struct subcommand_context *context, const struct rerun_options *chosen,
                         const struct idset *set, struct err *err)
{
    const char *job_id = context->operands[0];
    if (idset_count(set) == 0) {
        (void)printf("job %s has no verdict with %s%s: nothing to publish again\n", job_id,
                     chosen->reason != NULL ? "reason " : "a replaceable reason",
                     chosen->reason != NULL ? chosen->reason : "");
        return 0;
    }
    struct publish_options publish = chosen->publish;
    publish.job = job_id;
    struct publish_request request = {
        .config = context->config, .options = &publish, .path = context->operands[1], .only = set};
    return publish_file(&request, err);
}

static int run(const struct subcommand_context *context, const void *values, struct err *err)
{
    const struct rerun_options *chosen = values;
    struct idset *set = idset_new();
    if (set == NULL) {
        err_set(err, ERR_NO_MEMORY, "no memory");
        return 4;
    }
    int status = find_tasks(context, chosen->reason, set, err) ? publish_again(context, chosen, set, err)
                                                               : err_exit_status(err->code);
    idset_free(set);
    return status;
}

const struct subcommand command_rerun = {
    .name = "rerun",
    .operands = "JOB FILE.jsonl",
    .operands_min = 2,
    .operands_max = 2,
    .summary = "Publishes those tasks of a job again whose stored verdict tells of the machinery, not of the "
               "program.",
    .details = "The database keeps verdicts, not tasks: give the FILE that was published. Of its lines those "
               "go out whose\n"
               "stored verdict is error with reason infra, undeliverable, expired or cancelled: a real "
               "verdict replaces such\n"
               "a one, and no other. Rows of `reconstructions` need no file: `pending` publishes them again "
               "by itself.\n"
               "To run a whole file afresh, publish it under another job. The cancel of a cancelled job is "
               "lifted: what of\n"
               "it still waits in the queues runs as well.\n"
               "\n"
               "exit status: as for publish\n",
    .options = options,
    .option_count = ARRAY_SIZE(options),
    .options_size = sizeof(struct rerun_options),
    .run = run,
};
