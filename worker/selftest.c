#include "worker/selftest.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/verdict.h"

/* A machine on which a whole fleet starts is slow for a while. */
static const int64_t pauses_ms[] = {1000, 2000, 4000, 8000, 16000, 30000};

static bool select_runtimes(struct self_tests *tests, const struct runtimes *runtimes,
                            const struct config_list *wanted, struct err *err)
{
    size_t count = wanted->count > 0 ? wanted->count : runtimes->count;
    tests->items = calloc(count, sizeof *tests->items);
    if (tests->items == NULL)
        return err_set(err, ERR_NO_MEMORY, "cannot allocate the self-tests");
    for (size_t i = 0; i < count; i++) {
        const struct runtime *runtime =
            wanted->count > 0 ? runtimes_find(runtimes, wanted->items[i]) : &runtimes->items[i];
        if (runtime == NULL)
            return err_set(err, ERR_CONFIG, "runtimes: \"%s\" is none of the runtimes configured (%s)",
                           wanted->items[i], runtimes_names(runtimes));
        for (size_t j = 0; j < tests->count; j++)
            if (tests->items[j].runtime == runtime)
                return err_set(err, ERR_CONFIG, "runtimes: \"%s\" is named twice", runtime->name);
        tests->items[tests->count++].runtime = runtime;
    }
    return true;
}

static void on_done(void *owner, struct work *work, struct result *result)
{
    struct self_tests *tests = owner;
    struct self_test *test = (struct self_test *)((char *)work - offsetof(struct self_test, work));
    test->result = result;
    test->passed = result->status == STATUS_PASS;
    tests->passed += test->passed;
    tests->pending--;
}

/* A stanza whose self_test is no task fails like one whose task does not pass. */
static void refuse(struct self_test *test, const struct err *why)
{
    struct task_identity identity = {.task_id = "self-test", .job_id = "self-test"};
    test->result = verdict_for_bad_task(&identity, why->text);
}

static void submit(struct self_tests *tests, struct self_test *test, struct runner *runner)
{
    test->work = (struct work){.task = test->task, .owner = tests, .done = on_done};
    tests->pending++;
    runner_submit(runner, &test->work);
}

static bool run_to_the_end(const struct self_tests *tests, struct loop *loop, struct runner *runner,
                           const bool *stop, struct err *err)
{
    while (stop == NULL || !*stop) {
        int64_t now_ms = clock_ms();
        int64_t next_ms = runner_step(runner, now_ms);
        struct runner_state state;
        runner_state(runner, &state);
        if (tests->pending == 0 && state.dead > 0)
            return err_set(err, ERR_INFRA, "self-tests: a slot cannot be opened again: %s", state.trouble);
        if (tests->pending == 0 && state.healthy)
            return true;
        int timeout_ms = next_ms < 0 ? -1 : next_ms <= now_ms ? 0 : (int)(next_ms - now_ms);
        if (!loop_step(loop, timeout_ms, err))
            return err_wrap(err, "self-tests");
    }
    return true;
}

bool self_tests_run(struct self_tests *tests, struct loop *loop, struct runner *runner,
                    const struct runtimes *runtimes, const struct config_list *wanted, const bool *stop,
                    struct err *err)
{
    *tests = (struct self_tests){.items = NULL};
    if (!select_runtimes(tests, runtimes, wanted, err))
        return false;
    for (size_t i = 0; i < tests->count; i++) {
        struct self_test *test = &tests->items[i];
        struct err why = ERR_INIT;
        test->task = runner_self_test(runtimes, test->runtime, &why);
        if (test->task == NULL) {
            refuse(test, &why);
            continue;
        }
        submit(tests, test, runner);
    }
    return run_to_the_end(tests, loop, runner, stop, err);
}

static bool was_too_slow(const struct self_test *test)
{
    return test->task != NULL && test->result->status == STATUS_TIMEOUT;
}

static bool wait_a_while(struct loop *loop, int64_t pause_ms, const bool *stop, struct err *err)
{
    int64_t now_ms, until_ms = clock_ms() + pause_ms;
    while (!*stop && (now_ms = clock_ms()) < until_ms)
        if (!loop_step(loop, (int)(until_ms - now_ms), err))
            return err_wrap(err, "self-tests");
    return true;
}

bool self_tests_repeat(struct self_tests *tests, struct loop *loop, struct runner *runner, const bool *stop,
                       struct err *err)
{
    for (size_t round = 0; round < ARRAY_SIZE(pauses_ms) && !*stop; round++) {
        size_t slow = 0;
        for (size_t i = 0; i < tests->count; i++) {
            if (!was_too_slow(&tests->items[i]))
                continue;
            slow++;
            log_warn("runtime %s: its self-test took too long, again in %d s: %.300s",
                     tests->items[i].runtime->name, (int)(pauses_ms[round] / 1000),
                     self_test_trouble(&tests->items[i]));
        }
        if (slow == 0)
            return true;
        if (!wait_a_while(loop, pauses_ms[round], stop, err))
            return false;
        for (size_t i = 0; i < tests->count && !*stop; i++) {
            if (!was_too_slow(&tests->items[i]))
                continue;
            result_free(steal_ptr(tests->items[i].result));
            submit(tests, &tests->items[i], runner);
        }
        if (!run_to_the_end(tests, loop, runner, stop, err))
            return false;
    }
    return true;
}

void self_tests_free(struct self_tests *tests)
{
    for (size_t i = 0; i < tests->count; i++) {
        task_free(tests->items[i].task);
        result_free(tests->items[i].result);
    }
    free(tests->items);
    *tests = (struct self_tests){.items = NULL};
}

const char *self_test_trouble(const struct self_test *test)
{
    if (test->passed || test->result == NULL)
        return "";
    return test->result->error_count > 0 ? test->result->errors[0] : reason_name(test->result->reason);
}
