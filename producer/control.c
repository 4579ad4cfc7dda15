#include "producer/control.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/message/names.h"
#include "producer/post.h"
#include "producer/store.h"

#define LOOK_AGAIN_MS 100
#define NOT_IN_TIME   5

bool standing_look(struct pg *pg, const char *job_id, struct standing *standing, struct err *err)
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

bool standing_is_cancelled(const struct standing *standing)
{
    return strcmp(standing->state, "cancelled") == 0;
}

bool control_tell(const struct producer_config *config, enum control_order order, const char *job_id,
                  struct err *err)
{
    autobuf struct buf body = BUF_INIT;
    struct control_message control = {.order = order};
    (void)snprintf(control.job_id, sizeof control.job_id, "%s", job_id);
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
        err_wrap(err,
                 "neither a worker nor a collector is connected, so nobody was told about job %s; start "
                 "the collector, then try again",
                 job_id);
    post_close(post);
    return good;
}

static int not_recorded(enum control_order order, const char *job_id, struct err *err)
{
    if (order == CONTROL_CANCEL)
        err_set(err, ERR_UNREACHABLE,
                "the workers that run now were told, but no collector has recorded the cancel: workers that "
                "start later would run the rest of job %s; start the collector, then cancel again",
                job_id);
    else
        err_set(err, ERR_UNREACHABLE,
                "no collector has recorded that job %s is cancelled no more: its tasks would be cancelled "
                "again; start the collector, then try again",
                job_id);
    return NOT_IN_TIME;
}

int control_tell_and_wait(const struct producer_config *config, struct pg *pg, enum control_order order,
                          const char *job_id, int64_t timeout_ms, struct standing *standing, struct err *err)
{
    if (!control_tell(config, order, job_id, err))
        return err_exit_status(err->code);
    int64_t deadline_ms = clock_ms() + timeout_ms;
    while (standing_look(pg, job_id, standing, err)) {
        if (standing_is_cancelled(standing) == (order == CONTROL_CANCEL))
            return 0;
        if (clock_ms() >= deadline_ms)
            return not_recorded(order, job_id, err);
        (void)poll(NULL, 0, LOOK_AGAIN_MS);
    }
    return err_exit_status(err->code);
}
