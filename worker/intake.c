#include "worker/intake.h"

#include <inttypes.h>

int64_t intake_task_cap_ms(const struct runtime *runtime)
{
    int64_t compile_steps = (int64_t)(runtime->compile_cases_count + runtime->compile_suite_count);
    return runtime->maximum.task_wall_ms + compile_steps * runtime->maximum.compile_wall_ms;
}

int64_t intake_hand_back_max(int64_t delivery_limit)
{
    return delivery_limit * 2 / 5;
}

int64_t intake_suspect_from(int64_t delivery_limit)
{
    return (delivery_limit + 1) / 2;
}

static bool keeps_rule(int64_t prefetch, unsigned slots, int64_t task_cap_ms, int64_t consumer_timeout_ms)
{
    /* A task starts when a slot frees: in rounds of `slots` tasks. */
    int64_t rounds = (prefetch + (int64_t)slots - 1) / (int64_t)slots;
    return rounds * task_cap_ms < consumer_timeout_ms;
}

uint16_t intake_prefetch(int64_t configured, unsigned slots, int64_t task_cap_ms, int64_t consumer_timeout_ms,
                         struct err *err)
{
    int64_t look_ahead = slots >= 8 ? (int64_t)slots / 4 : 1;
    int64_t prefetch = configured > 0 ? configured : (int64_t)slots + look_ahead;
    if (configured == 0 && !keeps_rule(prefetch, slots, task_cap_ms, consumer_timeout_ms))
        prefetch = (int64_t)slots;
    if (!keeps_rule(prefetch, slots, task_cap_ms, consumer_timeout_ms)) {
        (void)err_set(err, ERR_CONFIG,
                      "prefetch %" PRId64 " x the longest task allowed (%" PRId64
                      " s) / %u slots is not under "
                      "the broker's consumer timeout (consumer_timeout_s = %" PRId64
                      "): lower prefetch or the runtimes' task_wall_s and compile_wall_s maximum, or raise "
                      "consumer_timeout in the broker and consumer_timeout_s here",
                      prefetch, task_cap_ms / 1000, slots, consumer_timeout_ms / 1000);
        return 0;
    }
    return (uint16_t)prefetch;
}

void intake_init(struct intake *intake, uint16_t eager_prefetch, int64_t now_ms)
{
    *intake = (struct intake){.eager_prefetch = eager_prefetch, .progress_ms = now_ms};
}

void intake_task_started(struct intake *intake, int64_t now_ms)
{
    intake->progress_ms = now_ms;
}

void intake_task_finished(struct intake *intake, int64_t duration_ms)
{
    intake->slot_freed = true;
    intake->average_ms += (duration_ms - intake->average_ms) / 4;
    if (intake->average_ms < INTAKE_SHORT_MS)
        intake->cautious = false;
}

static struct intake_decision subscribe(struct intake *intake, uint16_t prefetch, int64_t next_ms)
{
    intake->slot_freed = false;
    return (struct intake_decision){.resubscribe = true, .prefetch = prefetch, .next_ms = next_ms};
}

struct intake_decision intake_decide(struct intake *intake, const struct intake_view *view)
{
    if (view->waiting == 0)
        intake->progress_ms = view->now_ms;
    int64_t parked_at = intake->progress_ms + INTAKE_PARK_MS;
    int64_t next_ms = view->waiting > 0 ? parked_at : -1;

    if (view->waiting > 0 && view->now_ms >= parked_at) {
        intake->cautious = true;
        intake->average_ms = intake->average_ms > INTAKE_PARK_MS ? intake->average_ms : INTAKE_PARK_MS;
        intake->progress_ms = view->now_ms; /* what may not go back is asked for again after the next wait */
        return (struct intake_decision){
            .hand_back = true, .resubscribe = view->prefetch > 0, .next_ms = view->now_ms + INTAKE_PARK_MS};
    }
    if (view->paused)
        return (struct intake_decision){.resubscribe = view->prefetch > 0, .next_ms = next_ms};
    if (!intake->cautious) {
        if (view->prefetch != intake->eager_prefetch)
            return subscribe(intake, intake->eager_prefetch, next_ms);
    } else if (view->idle > 0 && view->waiting == 0 && (view->prefetch == 0 || intake->slot_freed)) {
        uint16_t idle = view->idle < intake->eager_prefetch ? (uint16_t)view->idle : intake->eager_prefetch;
        return subscribe(intake, idle, next_ms);
    }
    return (struct intake_decision){.prefetch = view->prefetch, .next_ms = next_ms};
}
