#include "worker/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/build_key.h"
#include "worker/dispatch.h"
#include "worker/retry.h"
#include "worker/slot.h"
#include "worker/verdict.h"

#define REOPEN_TRIES_MAX 3 /* of a runner that is not persistent */

enum seat_state { SEAT_IDLE, SEAT_BUSY, SEAT_SICK, SEAT_TESTING, SEAT_DEAD };

struct seat {
    struct runner *runner;
    struct slot *slot;
    unsigned number;
    enum seat_state state;
    struct work *work;             /* BUSY */
    const struct runtime *suspect; /* SICK, TESTING: the runtime whose self-test must pass */
    struct task *self_test;        /* TESTING */
    struct backoff backoff;
    int64_t retry_at_ms; /* SICK */
};

struct runner {
    struct loop *loop;
    struct runner_options options;
    struct dispatch waiting;
    struct seat *seats;
    struct build_cache *builds; /* NULL = none */
    bool persistent;
    bool parking;
    uint64_t infra_faults;
    char trouble[256];
};

static const char *const seat_names[] = {"idle", "busy", "sick", "testing", "dead"};

/* The one place where a seat changes state. */
static void seat_move(struct seat *seat, enum seat_state state)
{
    if (seat->state == SEAT_TESTING) {
        task_free(seat->self_test);
        seat->self_test = NULL;
    }
    if (seat->state == SEAT_BUSY)
        seat->work = NULL;
    log_debug("slot %u: %s, was %s", seat->number, seat_names[state], seat_names[seat->state]);
    seat->state = state;
}

static uint32_t random_number(void)
{
    char hex[9];
    text_random_hex(hex, 4);
    return (uint32_t)strtoul(hex, NULL, 16);
}

static struct log_context work_context(const struct work *work, unsigned slot)
{
    return (struct log_context){.job = work->task->job_id,
                                .task = work->task->task_id,
                                .attempt = (unsigned)work->earlier_deliveries + work->attempts,
                                .slot = (int)slot};
}

/* Hands the result to the work's owner. Without memory for one the process ends: the broker gives its tasks
 * to others, whereas a task without a verdict would be lost. */
static void end_work(struct runner *runner, struct work *work, struct result *result)
{
    work->state = WORK_IDLE;
    if (result == NULL) {
        log_error("out of memory while a verdict was built");
        abort();
    }
    free(result->worker);
    result->worker = strdup(runner->options.worker);
    result->attempt = work->earlier_deliveries + work->attempts;
    work->done(work->owner, work, result);
}

static void fall_sick(struct seat *seat, const struct runtime *suspect, const struct err *err)
{
    struct runner *runner = seat->runner;
    seat_move(seat, SEAT_SICK);
    seat->suspect = suspect;
    int64_t wait_ms = backoff_next(&seat->backoff, random_number());
    seat->retry_at_ms = clock_ms() + wait_ms;
    (void)snprintf(runner->trouble, sizeof runner->trouble, "slot %u, runtime %s: %.180s", seat->number,
                   suspect->name, err->text);
    if (!runner->persistent && seat->backoff.attempts >= REOPEN_TRIES_MAX) {
        log_error("slot %u is given up: %s", seat->number, err->text);
        seat_move(seat, SEAT_DEAD);
    } else if (seat->backoff.attempts > 1) {
        log_error("slot %u is still sick, next self-test in %lld ms: %s", seat->number, (long long)wait_ms,
                  err->text);
    }
}

static void get_well(struct seat *seat)
{
    if (seat->runner->persistent)
        log_info("slot %u: self-test of %s passed, back in service", seat->number, seat->suspect->name);
    backoff_reset(&seat->backoff);
    seat->suspect = NULL;
    seat_move(seat, SEAT_IDLE);
}

static void end_self_test(struct seat *seat, enum slot_end end, const struct result *result,
                          const struct err *err)
{
    if (end == SLOT_VERDICT && result->status == STATUS_PASS) {
        get_well(seat);
        return;
    }
    struct err why = ERR_INIT;
    if (end == SLOT_VERDICT)
        (void)err_set(&why, ERR_INFRA, "the self-test of %s ended %s/%s%s%s", seat->suspect->name,
                      status_name(result->status), reason_name(result->reason),
                      result->error_count > 0 ? ": " : "", result->error_count > 0 ? result->errors[0] : "");
    else
        (void)err_set(&why, ERR_INFRA, "%s", err != NULL ? err->text : "the self-test was cancelled");
    fall_sick(seat, seat->suspect, &why);
}

/* An infra fault: the work waits for its next attempt, or has had its last. */
static void end_in_infra_fault(struct seat *seat, const struct err *err)
{
    struct runner *runner = seat->runner;
    struct work *work = seat->work;
    struct log_context context = work_context(work, seat->number);
    runner->infra_faults++;
    log_line(LOG_LEVEL_ERROR, &context, "infra fault in attempt %u of %d: %s", work->attempts,
             RETRY_ATTEMPTS_MAX, err->text);
    fall_sick(seat, work->task->runtime, err);
    if (work->cancelled) {
        end_work(runner, work, verdict_cancelled(work->task));
    } else if (retry_is_allowed(work->attempts)) {
        work->failed_slot = seat->number;
        dispatch_push_front(&runner->waiting, work);
        if (work->waits_again != NULL)
            work->waits_again(work->owner, work);
    } else {
        end_work(runner, work, verdict_for_task(work->task, REASON_INFRA, err->text));
    }
}

static void on_slot_done(void *context, struct slot *slot, enum slot_end end, struct result *result,
                         const struct err *err)
{
    struct seat *seat = context;
    (void)slot;
    if (seat->state == SEAT_TESTING) {
        end_self_test(seat, end, result, err);
        result_free(result);
        return;
    }
    struct work *work = seat->work;
    switch (end) {
    case SLOT_VERDICT:
        seat_move(seat, SEAT_IDLE);
        backoff_reset(&seat->backoff);
        end_work(seat->runner, work, result);
        break;
    case SLOT_CANCELLED:
        seat_move(seat, SEAT_IDLE);
        end_work(seat->runner, work, verdict_cancelled(work->task));
        break;
    case SLOT_INFRA:
        end_in_infra_fault(seat, err);
        break;
    }
}

struct runner *runner_open(struct loop *loop, const struct runner_options *options, struct err *err)
{
    struct runner *runner = calloc(1, sizeof *runner);
    struct seat *seats = calloc(options->slots, sizeof *seats);
    if (runner == NULL || seats == NULL) {
        free(runner);
        free(seats);
        (void)err_set(err, ERR_NO_MEMORY, "cannot allocate %u slots", options->slots);
        return NULL;
    }
    runner->loop = loop;
    runner->options = *options;
    runner->seats = seats;
    if (options->compile_cache_bytes > 0)
        runner->builds = build_cache_new((size_t)options->compile_cache_bytes);
    for (unsigned i = 0; i < options->slots; i++) {
        struct seat *seat = &seats[i];
        *seat = (struct seat){.runner = runner, .number = i + 1, .backoff = BACKOFF_INIT};
        struct slot_options slot_options = {.number = i + 1,
                                            .harness_dir = options->harness_dir,
                                            .runtimes = options->runtimes,
                                            .sandbox_setting = options->sandbox_setting,
                                            .allow_missing = options->allow_missing,
                                            .read_only_paths = options->read_only_paths,
                                            .uid_base = options->uid_base,
                                            .builds = runner->builds,
                                            .warm = options->warm};
        seat->slot = slot_open(loop, &slot_options, on_slot_done, seat, err);
        if (seat->slot == NULL) {
            (void)err_wrap(err, "open slot %u", i + 1);
            runner_close(runner);
            return NULL;
        }
    }
    for (unsigned i = 0; i < options->slots; i++)
        slot_wait_for_servers(seats[i].slot);
    return runner;
}

void runner_close(struct runner *runner)
{
    if (runner == NULL)
        return;
    for (unsigned i = 0; i < runner->options.slots; i++) {
        slot_close(runner->seats[i].slot);
        task_free(runner->seats[i].self_test);
    }
    build_cache_free(runner->builds);
    free(runner->seats);
    free(runner);
}

void runner_set_persistent(struct runner *runner, bool persistent)
{
    runner->persistent = persistent;
}

void runner_set_parking(struct runner *runner, bool parking)
{
    runner->parking = parking;
}

void runner_end_servers_on_demand(struct runner *runner)
{
    for (unsigned i = 0; i < runner->options.slots; i++)
        if (runner->seats[i].state == SEAT_IDLE)
            slot_end_servers_on_demand(runner->seats[i].slot);
}

void runner_submit(struct runner *runner, struct work *work)
{
    dispatch_push(&runner->waiting, work);
}

bool runner_take_back(struct runner *runner, struct work *work)
{
    return dispatch_remove(&runner->waiting, work);
}

size_t runner_cancel_job(struct runner *runner, const char *job_id)
{
    size_t count = 0;
    autofree char *job = strdup(job_id); /* a work's `done` may free what `job_id` points into */
    struct work *work;
    while (job != NULL && (work = dispatch_withdraw(&runner->waiting, dispatch_of_job, job)) != NULL) {
        end_work(runner, work, verdict_cancelled(work->task));
        count++;
    }
    for (unsigned i = 0; job != NULL && i < runner->options.slots; i++) {
        struct seat *seat = &runner->seats[i];
        if (seat->state == SEAT_BUSY && !seat->work->cancelled && dispatch_of_job(job, seat->work)) {
            seat->work->cancelled = true;
            slot_cancel(seat->slot);
            count++;
        }
    }
    return count;
}

struct task *runner_self_test(const struct runtimes *runtimes, const struct runtime *runtime, struct err *err)
{
    struct task_rules rules = {.runtimes = runtimes,
                               .routing_key_runtime = runtime->name,
                               .message_id = "self-test",
                               .default_job_id = BUILD_SELF_TEST_JOB};
    if (runtime->self_test == NULL || runtime->self_test[0] == '\0') {
        (void)err_set(err, ERR_CONFIG, "runtime %s has no self_test", runtime->name);
        return NULL;
    }
    struct task *task = task_parse(runtime->self_test, strlen(runtime->self_test), &rules, NULL, err);
    if (task == NULL) {
        (void)err_wrap(err, "self_test of runtime %s", runtime->name);
        err->code = ERR_CONFIG;
    }
    return task;
}

/* A sick seat's turn: a fresh sandbox, then the self-test in it. */
static void recover(struct seat *seat)
{
    struct err err = ERR_INIT;
    const struct runtime *suspect = seat->suspect;
    if (!slot_reopen(seat->slot, &err)) {
        fall_sick(seat, suspect, &err);
        return;
    }
    if (!seat->runner->persistent) {
        get_well(seat);
        return;
    }
    seat->self_test = runner_self_test(seat->runner->options.runtimes, suspect, &err);
    if (seat->self_test == NULL) {
        fall_sick(seat, suspect, &err);
        return;
    }
    seat_move(seat, SEAT_TESTING);
    slot_run(seat->slot, seat->self_test);
}

static bool is_healthy(const struct runner *runner)
{
    unsigned dead = 0;
    for (unsigned i = 0; i < runner->options.slots; i++) {
        enum seat_state state = runner->seats[i].state;
        if (state == SEAT_SICK || state == SEAT_TESTING)
            return false;
        dead += state == SEAT_DEAD;
    }
    return dead < runner->options.slots;
}

static bool all_dead(const struct runner *runner)
{
    for (unsigned i = 0; i < runner->options.slots; i++)
        if (runner->seats[i].state != SEAT_DEAD)
            return false;
    return true;
}

static struct seat *idle_seat_for(struct runner *runner, const struct work *work)
{
    unsigned usable = 0;
    for (unsigned i = 0; i < runner->options.slots; i++)
        usable += runner->seats[i].state != SEAT_DEAD;
    for (unsigned i = 0; i < runner->options.slots; i++) {
        struct seat *seat = &runner->seats[i];
        if (seat->state == SEAT_IDLE && retry_slot_fits(work->failed_slot, seat->number, usable))
            return seat;
    }
    return NULL;
}

static bool has_idle_seat(void *runner, const struct work *work)
{
    return idle_seat_for(runner, work) != NULL;
}

static bool is_expired(void *now_unix_ms, const struct work *work)
{
    return verdict_is_expired(work->task, *(const int64_t *)now_unix_ms);
}

static void start(struct seat *seat, struct work *work)
{
    seat_move(seat, SEAT_BUSY);
    seat->work = work;
    work->state = WORK_RUNNING;
    work->attempts++;
    if (work->started != NULL)
        work->started(work->owner, work);
    struct log_context context = work_context(work, seat->number);
    log_line(LOG_LEVEL_DEBUG, &context, "started");
    slot_run(seat->slot, work->task);
}

static bool any_work(void *context, const struct work *work)
{
    (void)context;
    (void)work;
    return true;
}

int64_t runner_step(struct runner *runner, int64_t now_ms)
{
    int64_t next_ms = -1;
    for (unsigned i = 0; i < runner->options.slots; i++) {
        struct seat *seat = &runner->seats[i];
        if (seat->state == SEAT_SICK && seat->retry_at_ms <= now_ms)
            recover(seat);
        if (seat->state == SEAT_SICK && (next_ms < 0 || seat->retry_at_ms < next_ms))
            next_ms = seat->retry_at_ms;
    }

    struct work *work;
    int64_t now_unix_ms = clock_unix_ms();
    while ((work = dispatch_withdraw(&runner->waiting, is_expired, &now_unix_ms)) != NULL)
        end_work(runner, work, verdict_expired(work->task, now_unix_ms));
    while (all_dead(runner) && (work = dispatch_withdraw(&runner->waiting, any_work, NULL)) != NULL)
        end_work(runner, work, verdict_for_task(work->task, REASON_INFRA, runner->trouble));
    while (is_healthy(runner) && (work = dispatch_take(&runner->waiting, has_idle_seat, runner)) != NULL)
        start(idle_seat_for(runner, work), work);
    for (unsigned i = 0; runner->parking && is_healthy(runner) && i < runner->options.slots; i++)
        if (runner->seats[i].state == SEAT_IDLE)
            slot_park(runner->seats[i].slot);
    return next_ms;
}

void runner_state(const struct runner *runner, struct runner_state *state)
{
    *state = (struct runner_state){.slots = runner->options.slots,
                                   .waiting = runner->waiting.count,
                                   .healthy = is_healthy(runner),
                                   .infra_faults = runner->infra_faults};
    for (unsigned i = 0; i < runner->options.slots; i++) {
        state->busy += runner->seats[i].state == SEAT_BUSY;
        state->dead += runner->seats[i].state == SEAT_DEAD;
        state->idle += state->healthy && runner->seats[i].state == SEAT_IDLE;
    }
    if (!state->healthy || state->dead > 0)
        memcpy(state->trouble, runner->trouble, sizeof state->trouble);
}

struct sandbox *runner_sandbox(const struct runner *runner, unsigned number)
{
    if (number < 1 || number > runner->options.slots)
        return NULL;
    return slot_sandbox(runner->seats[number - 1].slot);
}

const struct slot_servers *runner_warm_servers(const struct runner *runner)
{
    return slot_warm_servers(runner->seats[0].slot);
}

const struct sandbox_server_state *runner_warm_state(const struct runner *runner, unsigned number)
{
    const struct sandbox *sandbox = runner_sandbox(runner, 1);
    return sandbox != NULL ? sandbox_server_state(sandbox, number) : NULL;
}

const char *const *runner_mechanisms(const struct runner *runner)
{
    return slot_mechanisms(runner->seats[0].slot);
}
