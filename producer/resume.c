#include "producer/resume.h"

#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "producer/control.h"
#include "producer/store.h"

#define LIFT_TIMEOUT_MS 10000

static int lift_cancel(const struct producer_config *config, struct pg *pg, const char *job_id,
                       struct err *err)
{
    struct standing standing;
    int status = control_tell_and_wait(config, pg, CONTROL_RESUME, job_id, LIFT_TIMEOUT_MS, &standing, err);
    if (status == 0)
        (void)fprintf(stderr, "assay-producer: job %s is no longer cancelled\n", job_id);
    return status;
}

int resume_check_cancels(const struct producer_config *config, struct pg *pg, const struct jobs *jobs,
                         bool lift, struct err *err)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < jobs->count; i++) {
        const char *job_id = jobs->items[i].job_id;
        struct standing standing;
        if (!standing_look(pg, job_id, &standing, err))
            return err_exit_status(err->code);
        if (!standing_is_cancelled(&standing))
            continue;
        if (!lift) {
            err_set(err, ERR_INPUT,
                    "job %s is cancelled: its tasks would be cancelled as they come; nothing was published. "
                    "Publish under another job id, or lift the cancel: assay-producer rerun %s FILE",
                    job_id, job_id);
            return err_exit_status(err->code);
        }
        status = lift_cancel(config, pg, job_id, err);
    }
    return status;
}

void resume_mark_confirmed(void *judge, const char *job_id, const char *task_id)
{
    (void)judge_mark(judge, job_id, task_id, JUDGE_CONFIRMED);
}

/* The announcement of a publish is stored before any of its verdicts. */
static bool was_published_before(struct pg *pg, const struct job_entry *job, bool *before, struct err *err)
{
    char part[65];
    job_part_hex(&job->part, part);
    const char *params[] = {job->job_id, part};
    struct pg_result *found =
        store_query(pg, "SELECT EXISTS (SELECT FROM job_parts WHERE job_id = $1 AND part = $2)",
                    ARRAY_SIZE(params), params, err);
    if (found == NULL)
        return false;
    *before = pg_value(found, 0, 0)[0] == 't';
    pg_result_free(found);
    return true;
}

static void mark(struct judge *judge, const char *job_id, const char *task_id, bool replaceable)
{
    if (!replaceable)
        (void)judge_mark(judge, job_id, task_id, JUDGE_STORED);
    else
        (void)judge_mark(judge, job_id, task_id, JUDGE_UNMARKED);
}

static bool mark_job(struct pg *pg, struct judge *judge, const char *job_id, struct err *err)
{
    char last[TEXT_ID_MAX + 1] = "";
    for (int rows = 1; rows > 0;) {
        const char *params[] = {job_id, last};
        struct pg_result *page =
            store_query(pg,
                        "SELECT task_id, reason IN " STORE_REPLACEABLE " FROM executions"
                        " WHERE job_id = $1 AND task_id > $2 ORDER BY task_id LIMIT 10000",
                        ARRAY_SIZE(params), params, err);
        if (page == NULL)
            return false;
        rows = pg_rows(page);
        for (int row = 0; row < rows; row++)
            mark(judge, job_id, pg_value(page, row, 0), pg_value(page, row, 1)[0] == 't');
        if (rows > 0)
            (void)snprintf(last, sizeof last, "%s", pg_value(page, rows - 1, 0));
        pg_result_free(page);
    }
    return true;
}

bool resume_mark_stored(struct pg *pg, struct judge *judge, struct err *err)
{
    for (size_t i = 0; i < judge->jobs.count; i++) {
        const struct job_entry *job = &judge->jobs.items[i];
        bool before = false;
        if (!was_published_before(pg, job, &before, err) ||
            (before && !mark_job(pg, judge, job->job_id, err)))
            return false;
    }
    return true;
}
