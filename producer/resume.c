#include "producer/resume.h"

#include <stdio.h>

#include "producer/control.h"

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
