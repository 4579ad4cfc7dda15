#include "worker/intake.h"

#include <inttypes.h>

#define PACE_UNKNOWN_US ((int64_t)INTAKE_PARK_MS * 1000)
#define PACE_MEMORY     16
#define PEAK_MEMORY     32

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

uint16_t intake_widest(int64_t configured, uint16_t eager, unsigned slots, int64_t task_cap_ms,
                       int64_t consumer_timeout_ms)
{
    uint16_t widest = eager;
    while (configured == 0 && widest < INTAKE_WIDE_MAX &&
           keeps_rule(widest + 1, slots, task_cap_ms, consumer_timeout_ms))
        widest++;
    return widest;
}

void intake_init(struct intake *intake, unsigned slots, uint16_t eager_prefetch, uint16_t widest_prefetch,
                 int64_t now_ms)
{
    *intake = (struct intake){.slots = slots,
                              .eager_prefetch = eager_prefetch,
                              .widest_prefetch = widest_prefetch,
                              .pace_us = PACE_UNKNOWN_US,
                              .progress_ms = now_ms,
                              .quiet_ms = now_ms};
}

/* Rises at once and falls slowly. */
static void follow_peaks(int64_t *peak, int64_t value)
{
    *peak = value > *peak ? value : *peak - (*peak - value) / PEAK_MEMORY;
}

void intake_task_received(struct intake *intake, size_t bytes)
{
    follow_peaks(&intake->weight, (int64_t)bytes);
}

void intake_task_started(struct intake *intake, int64_t now_ms)
{
    intake->progress_ms = now_ms;
}

static void learn(struct intake *intake, int64_t duration_ms)
{
    intake->learnt = true;
    intake->pace_us += (duration_ms * 1000 - intake->pace_us) / PACE_MEMORY;
    intake->average_ms += (duration_ms - intake->average_ms) / 4;
    if (intake->average_ms < INTAKE_SHORT_MS)
        intake->cautious = false;
}

void intake_task_finished(struct intake *intake, int64_t duration_ms)
{
    intake->slot_freed = true;
    learn(intake, duration_ms);
}

void intake_task_unrun(struct intake *intake)
{
    learn(intake, 0);
}

/* The slots, and as many as they do in AHEAD_MS; within the bounds. */
static uint16_t wanted_prefetch(const struct intake *intake)
{
    int64_t ahead = intake->slots * (int64_t)INTAKE_AHEAD_MS * 1000 / (intake->pace_us + 1);
    int64_t wanted = intake->slots + ahead;
    int64_t fit = INTAKE_WIDE_BYTES / (intake->weight + 1);
    if (wanted > fit)
        wanted = fit;
    if (wanted > intake->widest_prefetch)
        wanted = intake->widest_prefetch;
    return wanted > intake->eager_prefetch ? (uint16_t)wanted : intake->eager_prefetch;
}

static struct intake_decision subscribe(struct intake *intake, uint16_t prefetch, int64_t next_ms)
{
    intake->slot_freed = false;
    return (struct intake_decision){.resubscribe = true, .prefetch = prefetch, .next_ms = next_ms};
}

/* While wide: is it time to take little again, or when will it be? `*next_ms` is only made earlier. */
static bool ends_wide(struct intake *intake, const struct intake_view *view, int64_t *next_ms)
{
    int64_t ends_ms =
        view->waiting > 0 ? intake->progress_ms + INTAKE_STARVED_MS : intake->quiet_ms + INTAKE_QUIET_MS;
    if (view->now_ms >= ends_ms) {
        intake->pace_us = PACE_UNKNOWN_US;
        return true;
    }
    if (*next_ms < 0 || ends_ms < *next_ms)
        *next_ms = ends_ms;
    return view->prefetch >= 2 * wanted_prefetch(intake);
}

static struct intake_decision decide_eager(struct intake *intake, const struct intake_view *view,
                                           int64_t next_ms)
{
    if (view->prefetch > intake->eager_prefetch && ends_wide(intake, view, &next_ms)) {
        struct intake_decision decision = subscribe(intake, wanted_prefetch(intake), next_ms);
        decision.hand_back = true;
        return decision;
    }
    uint16_t wanted = wanted_prefetch(intake);
    bool most = wanted == intake->widest_prefetch && wanted > view->prefetch;
    if (view->prefetch < intake->eager_prefetch || wanted >= 2 * view->prefetch || most)
        return subscribe(intake, wanted, next_ms);
    return (struct intake_decision){.prefetch = view->prefetch, .next_ms = next_ms};
}

struct intake_decision intake_decide(struct intake *intake, const struct intake_view *view)
{
    if (view->waiting == 0)
        intake->progress_ms = view->now_ms;
    if (view->waiting > 0 || intake->learnt)
        intake->quiet_ms = view->now_ms;
    intake->learnt = false;
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
    if (!intake->cautious)
        return decide_eager(intake, view, next_ms);
    if (view->idle > 0 && view->waiting == 0 && (view->prefetch == 0 || intake->slot_freed)) {
        uint16_t idle = view->idle < intake->eager_prefetch ? (uint16_t)view->idle : intake->eager_prefetch;
        return subscribe(intake, idle, next_ms);
    }
    return (struct intake_decision){.prefetch = view->prefetch, .next_ms = next_ms};
}
