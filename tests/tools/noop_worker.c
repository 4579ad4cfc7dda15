/*
 * A worker that runs nothing: assay-worker's own delivery, ledger, intake and dispatch on the real broker, on
 * a runner (worker/runner.h) whose slots answer "pass" at once, or after the milliseconds that a task's label
 * noop_ms names. For measuring and loading everything around the sandbox; the tests and tests/bench use it,
 * and it is never installed.
 *
 *   ASSAY_AMQP_URL=... ASSAY_WORKER_RUNTIMES=python tool_noop_worker     (configuration as assay-worker's)
 *
 * This runner takes the place of worker/runner.c, which the linker then leaves out.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/message/json_memory.h"
#include "common/paths.h"
#include "worker/dispatch.h"
#include "worker/service.h"
#include "worker/verdict.h"

struct seat {
    struct work *work; /* NULL: idle */
    int64_t due_ms;
};

struct runner {
    const char *worker;
    struct dispatch waiting;
    struct seat *seats;
    unsigned slots, busy;
};

/* ---- The runner ---- */

static void end_work(struct runner *runner, struct work *work, struct result *result)
{
    if (result == NULL)
        abort();
    free(result->worker);
    result->worker = strdup(runner->worker);
    result->attempt = work->earlier_deliveries + work->attempts;
    work->state = WORK_IDLE;
    work->done(work->owner, work, result);
}

static void pass(struct runner *runner, struct work *work, int64_t ms)
{
    struct result *result = verdict_for_task(work->task, REASON_OK, "");
    if (result == NULL)
        abort();
    free(result->errors[0]);
    result->error_count = 0;
    result->status = STATUS_PASS;
    result->has_pass_rate = true;
    result->pass_rate = 1;
    result->passed = result->total = 1;
    result_add_test(result, "test_noop", OUTCOME_PASSED, ms, NULL);
    result->started_at_ms = clock_unix_ms() - ms;
    result->run_ms = ms;
    end_work(runner, work, result);
}

static int64_t task_ms(const struct task *task)
{
    for (size_t i = 0; i < task->label_count; i++)
        if (strcmp(task->labels[i].name, "noop_ms") == 0)
            return strtoll(task->labels[i].value, NULL, 10);
    return 0;
}

static bool is_expired(void *now_unix_ms, const struct work *work)
{
    return verdict_is_expired(work->task, *(const int64_t *)now_unix_ms);
}

static void start(struct runner *runner, struct work *work, int64_t now_ms)
{
    int64_t ms = task_ms(work->task);
    work->state = WORK_RUNNING;
    work->attempts++;
    work->started(work->owner, work);
    if (ms <= 0) {
        pass(runner, work, 0);
        return;
    }
    struct seat *seat = runner->seats;
    while (seat->work != NULL)
        seat++;
    *seat = (struct seat){.work = work, .due_ms = now_ms + ms};
    runner->busy++;
}

static struct work *leave(struct runner *runner, struct seat *seat)
{
    struct work *work = seat->work;
    seat->work = NULL;
    runner->busy--;
    return work;
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
    char *job = strdup(job_id); /* `done` may free what it points into */
    size_t count = 0;
    for (struct work *work; (work = dispatch_withdraw(&runner->waiting, dispatch_of_job, job)) != NULL;
         count++)
        end_work(runner, work, verdict_cancelled(work->task));
    for (unsigned i = 0; i < runner->slots; i++) {
        struct seat *seat = &runner->seats[i];
        if (seat->work == NULL || !dispatch_of_job(job, seat->work))
            continue;
        struct work *work = leave(runner, seat);
        end_work(runner, work, verdict_cancelled(work->task));
        count++;
    }
    free(job);
    return count;
}

int64_t runner_step(struct runner *runner, int64_t now_ms)
{
    struct work *work;
    int64_t next_ms = -1;
    int64_t now_unix_ms = clock_unix_ms();
    for (unsigned i = 0; i < runner->slots; i++) {
        struct seat *seat = &runner->seats[i];
        if (seat->work != NULL && seat->due_ms <= now_ms) {
            work = leave(runner, seat);
            pass(runner, work, task_ms(work->task));
        }
    }
    while ((work = dispatch_withdraw(&runner->waiting, is_expired, &now_unix_ms)) != NULL)
        end_work(runner, work, verdict_expired(work->task, now_unix_ms));
    while (runner->busy < runner->slots && (work = dispatch_take(&runner->waiting, NULL, NULL)) != NULL)
        start(runner, work, now_ms);
    for (unsigned i = 0; i < runner->slots; i++)
        if (runner->seats[i].work != NULL && (next_ms < 0 || runner->seats[i].due_ms < next_ms))
            next_ms = runner->seats[i].due_ms;
    return next_ms;
}

void runner_state(const struct runner *runner, struct runner_state *state)
{
    *state = (struct runner_state){.slots = runner->slots,
                                   .busy = runner->busy,
                                   .idle = runner->slots - runner->busy,
                                   .waiting = runner->waiting.count,
                                   .healthy = true};
}

void runner_set_persistent(struct runner *runner, bool persistent)
{
    (void)runner;
    (void)persistent;
}

void runner_set_parking(struct runner *runner, bool parking)
{
    (void)runner;
    (void)parking;
}

void runner_close(struct runner *runner)
{
    if (runner == NULL)
        return;
    free(runner->seats);
    free(runner);
}

/* ---- The program ---- */

static struct runner *open_runner(const struct worker_config *config)
{
    struct runner *runner = calloc(1, sizeof *runner);
    if (runner == NULL)
        abort();
    runner->worker = config->name;
    runner->slots = (unsigned)config->slots;
    runner->seats = calloc(runner->slots, sizeof *runner->seats);
    if (runner->seats == NULL)
        abort();
    return runner;
}

static bool is_wanted(const struct config_list *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return names->count == 0;
}

/* All that are configured count as tested. */
static struct self_tests served(const struct runtimes *runtimes, const struct worker_config *config)
{
    struct self_tests tests = {.items = calloc(runtimes->count, sizeof *tests.items)};
    if (tests.items == NULL)
        abort();
    for (size_t i = 0; i < runtimes->count; i++)
        if (is_wanted(&config->runtimes, runtimes->items[i].name))
            tests.items[tests.count++] = (struct self_test){.runtime = &runtimes->items[i], .passed = true};
    return tests;
}

static bool serve(struct err *err)
{
    struct worker_config config;
    struct worker_overrides overrides = {.name = NULL};
    if (!worker_config_load(&config, NULL, &overrides, err))
        return false;
    log_set_level(config.log_level);
    struct runtimes *runtimes = runtimes_load(config.runtimes_file, err);
    struct loop *loop = runtimes != NULL ? loop_open(err) : NULL;
    bool ok = loop != NULL;
    if (ok) {
        struct self_tests tests = served(runtimes, &config);
        struct service_options options = {.config = &config, .runtimes = runtimes, .tests = &tests};
        ok = service_run(loop, &options, open_runner(&config), err);
        free(tests.items);
    }
    loop_close(loop);
    runtimes_free(runtimes);
    worker_config_free(&config);
    return ok;
}

int main(void)
{
    struct err err = ERR_INIT;
    log_open("assay-worker");
    json_memory_use();
    (void)signal(SIGPIPE, SIG_IGN);
    paths_load_local_env();
    if (serve(&err))
        return 0;
    log_error("%s", err.text);
    return err_exit_status(err.code);
}
