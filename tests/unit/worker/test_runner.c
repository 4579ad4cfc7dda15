/* The runner against scripted slots: this file's slot_* functions stand in for worker/slot.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "worker/runner.h"
#include "worker/slot.h"

#define SLOTS_MAX 4

struct slot {
    unsigned number;
    slot_done_fn *on_done;
    void *context;
    const struct task *task; /* NULL: idle */
    bool cancelled;
    unsigned parked; /* how often it was told to */
};

static struct slot slots[SLOTS_MAX + 1]; /* by number */
static unsigned reopened;
static bool reopen_fails;

struct slot *slot_open(struct loop *loop, const struct slot_options *options, slot_done_fn *on_done,
                       void *context, struct err *err)
{
    (void)loop;
    (void)err;
    slots[options->number] = (struct slot){.number = options->number, .on_done = on_done, .context = context};
    return &slots[options->number];
}

void slot_close(struct slot *slot)
{
    (void)slot;
}

bool slot_reopen(struct slot *slot, struct err *err)
{
    (void)slot;
    if (reopen_fails)
        return err_set(err, ERR_INFRA, "the sandbox does not start");
    reopened++;
    return true;
}

void slot_run(struct slot *slot, const struct task *task)
{
    assert_null(slot->task);
    slot->task = task;
}

void slot_cancel(struct slot *slot)
{
    slot->cancelled = true;
}

void slot_park(struct slot *slot)
{
    slot->parked++;
}

bool slot_is_idle(const struct slot *slot)
{
    return slot->task == NULL;
}

unsigned slot_number(const struct slot *slot)
{
    return slot->number;
}

struct sandbox *slot_sandbox(const struct slot *slot)
{
    (void)slot;
    return NULL;
}

void slot_wait_for_servers(struct slot *slot)
{
    (void)slot;
}

void slot_end_servers_on_demand(struct slot *slot)
{
    (void)slot;
}

const struct slot_servers *slot_warm_servers(const struct slot *slot)
{
    static const struct slot_servers none;
    (void)slot;
    return &none;
}

const char *const *slot_mechanisms(const struct slot *slot)
{
    static const char *const none[] = {NULL};
    (void)slot;
    return none;
}

/* ---- What the slots answer ---- */

static void answer(unsigned number, enum slot_end end, enum status status)
{
    struct slot *slot = &slots[number];
    struct result *result = NULL;
    struct err err = ERR_INIT;
    assert_non_null(slot->task);
    slot->task = NULL;
    if (end == SLOT_VERDICT) {
        result = result_new();
        result->status = status;
        result->reason = status == STATUS_PASS ? REASON_OK : REASON_ASSERTION;
    } else if (end == SLOT_INFRA) {
        (void)err_set(&err, ERR_INFRA, "the machine is sick");
    }
    slot->on_done(slot->context, slot, end, result, &err);
}

/* ---- The works ---- */

static struct runtime python = {.name = (char *)"python",
                                .run_case = {.argv = NULL},
                                .program_file = (char *)"implementation.py",
                                .defaults = {.wall_ms = 1000,
                                             .task_wall_ms = 5000,
                                             .cpu_ms = 1000,
                                             .memory_bytes = 1 << 28,
                                             .processes = 8,
                                             .output_bytes = 65536,
                                             .disk_bytes = 1 << 20,
                                             .compile_wall_ms = 1000},
                                .maximum = {.wall_ms = 100000,
                                            .task_wall_ms = 500000,
                                            .cpu_ms = 100000,
                                            .memory_bytes = (int64_t)1 << 34,
                                            .processes = 800,
                                            .output_bytes = 1 << 26,
                                            .disk_bytes = (int64_t)1 << 34,
                                            .compile_wall_ms = 100000},
                                .self_test = (char *)"{\"task_id\":\"self-test\",\"runtime\":\"python\","
                                                     "\"implementation_code\":\"print(1)\","
                                                     "\"cases\":[{\"expected_stdout\":\"1\"}]}"};
static struct runtimes runtimes = {.items = &python, .count = 1};

struct probe {
    struct task task;
    struct work work;
    struct result *result;
    unsigned starts, waits;
};

static void probe_done(void *owner, struct work *work, struct result *result)
{
    struct probe *probe = owner;
    (void)work;
    assert_null(probe->result);
    probe->result = result;
}

static void probe_started(void *owner, struct work *work)
{
    (void)work;
    ((struct probe *)owner)->starts++;
}

static void probe_waits(void *owner, struct work *work)
{
    (void)work;
    ((struct probe *)owner)->waits++;
}

static void submit(struct runner *runner, struct probe *probe, const char *job)
{
    *probe = (struct probe){.task = {.runtime = &python, .lane = LANE_NORMAL}};
    strcpy(probe->task.task_id, "task");
    strcpy(probe->task.job_id, job);
    probe->work = (struct work){.task = &probe->task,
                                .lane = LANE_NORMAL,
                                .owner = probe,
                                .done = probe_done,
                                .started = probe_started,
                                .waits_again = probe_waits};
    runner_submit(runner, &probe->work);
}

static void expect_end(struct probe *probe, enum status status, enum reason reason)
{
    assert_non_null(probe->result);
    assert_int_equal(probe->result->status, status);
    assert_int_equal(probe->result->reason, reason);
    assert_string_equal(probe->result->worker, "w");
    result_free(probe->result);
    probe->result = NULL;
}

static struct runner *open_runner(unsigned count, bool persistent)
{
    static const char *const nothing[] = {NULL};
    struct runner_options options = {
        .worker = "w", .slots = count, .runtimes = &runtimes, .harness_dir = "/", .allow_missing = nothing};
    struct err err = ERR_INIT;
    reopened = 0;
    reopen_fails = false;
    struct runner *runner = runner_open(NULL, &options, &err);
    assert_non_null(runner);
    runner_set_persistent(runner, persistent);
    return runner;
}

/* Past any backoff. */
static void step_later(struct runner *runner)
{
    (void)runner_step(runner, clock_ms() + 3600 * 1000);
}

static bool healthy(const struct runner *runner)
{
    struct runner_state state;
    runner_state(runner, &state);
    return state.healthy;
}

/* ---- The tests ---- */

static void works_run_as_slots_are_idle(void **state)
{
    struct runner *runner = open_runner(2, true);
    struct probe probes[3];
    (void)state;
    for (int i = 0; i < 3; i++)
        submit(runner, &probes[i], "job");
    assert_int_equal(probes[0].starts, 0); /* never from inside submit */
    (void)runner_step(runner, clock_ms());
    assert_int_equal(probes[0].starts + probes[1].starts + probes[2].starts, 2);
    answer(1, SLOT_VERDICT, STATUS_FAIL);
    expect_end(&probes[0], STATUS_FAIL, REASON_ASSERTION);
    (void)runner_step(runner, clock_ms());
    assert_int_equal(probes[2].starts, 1);
    answer(1, SLOT_VERDICT, STATUS_PASS);
    answer(2, SLOT_VERDICT, STATUS_PASS);
    expect_end(&probes[1], STATUS_PASS, REASON_OK);
    expect_end(&probes[2], STATUS_PASS, REASON_OK);
    runner_close(runner);
}

static void an_infra_fault_is_retried_in_another_slot_after_a_self_test(void **state)
{
    struct runner *runner = open_runner(2, true);
    struct probe probe, other;
    (void)state;
    submit(runner, &probe, "job");
    (void)runner_step(runner, clock_ms());
    answer(1, SLOT_INFRA, STATUS_ERROR);
    assert_int_equal(probe.waits, 1);
    assert_null(probe.result);
    assert_false(healthy(runner));
    submit(runner, &other, "job");
    (void)runner_step(runner, 0); /* before the backoff is over: nothing is started, in slot 2 neither */
    assert_null(slots[2].task);
    step_later(runner);
    assert_int_equal(reopened, 1);
    assert_non_null(slots[1].task);
    assert_string_equal(slots[1].task->task_id, "self-test");
    assert_null(slots[2].task);
    answer(1, SLOT_VERDICT, STATUS_PASS);
    assert_true(healthy(runner));
    (void)runner_step(runner, clock_ms());
    assert_ptr_equal(slots[2].task, &probe.task); /* first, and elsewhere */
    assert_ptr_equal(slots[1].task, &other.task);
    answer(2, SLOT_VERDICT, STATUS_PASS);
    assert_int_equal(probe.result->attempt, 2);
    expect_end(&probe, STATUS_PASS, REASON_OK);
    answer(1, SLOT_VERDICT, STATUS_PASS);
    expect_end(&other, STATUS_PASS, REASON_OK);
    runner_close(runner);
}

static void the_third_infra_fault_is_the_verdict(void **state)
{
    struct runner *runner = open_runner(1, true);
    struct probe probe;
    (void)state;
    submit(runner, &probe, "job");
    for (int attempt = 1; attempt <= 3; attempt++) {
        (void)runner_step(runner, clock_ms());
        assert_int_equal(probe.starts, attempt);
        answer(1, SLOT_INFRA, STATUS_ERROR);
        if (attempt == 3)
            break;
        assert_null(probe.result);
        step_later(runner);
        answer(1, SLOT_VERDICT, STATUS_PASS); /* the self-test */
    }
    assert_int_equal(probe.result->attempt, 3);
    assert_non_null(strstr(probe.result->errors[0], "the machine is sick"));
    expect_end(&probe, STATUS_ERROR, REASON_INFRA);
    runner_close(runner);
}

static void it_stays_sick_until_a_self_test_passes(void **state)
{
    struct runner *runner = open_runner(1, true);
    struct probe probe;
    struct runner_state seen;
    (void)state;
    submit(runner, &probe, "job");
    (void)runner_step(runner, clock_ms());
    answer(1, SLOT_INFRA, STATUS_ERROR);
    reopen_fails = true;
    step_later(runner);
    step_later(runner);
    assert_false(healthy(runner));
    reopen_fails = false;
    step_later(runner);
    answer(1, SLOT_VERDICT, STATUS_FAIL); /* the self-test ran and did not pass */
    runner_state(runner, &seen);
    assert_false(seen.healthy);
    assert_non_null(strstr(seen.trouble, "self-test of python"));
    assert_int_equal(seen.waiting, 1);
    assert_true(runner_take_back(runner, &probe.work)); /* to be handed back */
    step_later(runner);
    answer(1, SLOT_VERDICT, STATUS_PASS);
    assert_true(healthy(runner));
    runner_close(runner);
}

static void one_that_is_not_persistent_gives_dead_slots_up(void **state)
{
    struct runner *runner = open_runner(1, false);
    struct probe probe;
    (void)state;
    submit(runner, &probe, "job");
    (void)runner_step(runner, clock_ms());
    answer(1, SLOT_INFRA, STATUS_ERROR);
    reopen_fails = true;
    for (int i = 0; i < 4; i++)
        step_later(runner);
    expect_end(&probe, STATUS_ERROR, REASON_INFRA);
    runner_close(runner);
}

static void a_cancelled_job_ends_waiting_and_running(void **state)
{
    struct runner *runner = open_runner(1, true);
    struct probe running, waiting, other;
    (void)state;
    submit(runner, &running, "job");
    (void)runner_step(runner, clock_ms());
    submit(runner, &waiting, "job");
    submit(runner, &other, "other");
    assert_int_equal(runner_cancel_job(runner, "job"), 2);
    expect_end(&waiting, STATUS_ERROR, REASON_CANCELLED);
    assert_true(slots[1].cancelled);
    assert_null(running.result);
    answer(1, SLOT_CANCELLED, STATUS_ERROR);
    expect_end(&running, STATUS_ERROR, REASON_CANCELLED);
    (void)runner_step(runner, clock_ms());
    answer(1, SLOT_VERDICT, STATUS_PASS);
    expect_end(&other, STATUS_PASS, REASON_OK);
    runner_close(runner);
}

static void an_expired_task_is_not_run(void **state)
{
    struct runner *runner = open_runner(1, true);
    struct probe probe;
    (void)state;
    submit(runner, &probe, "job");
    probe.task.has_expires_at = true;
    probe.task.expires_at_ms = clock_unix_ms() - 1;
    (void)runner_step(runner, clock_ms());
    assert_int_equal(probe.starts, 0);
    expect_end(&probe, STATUS_ERROR, REASON_EXPIRED);
    runner_close(runner);
}

static void idle_slots_are_told_to_park(void **state)
{
    struct probe probe;
    (void)state;
    for (int parking = 0; parking < 2; parking++) {
        struct runner *runner = open_runner(2, true);
        runner_set_parking(runner, parking);
        unsigned before[] = {slots[1].parked, slots[2].parked};
        submit(runner, &probe, "job");
        (void)runner_step(runner, 0);
        assert_int_equal(slots[1].parked, before[0]); /* it has something to do */
        assert_int_equal(slots[2].parked, before[1] + (unsigned)parking);
        answer(1, SLOT_VERDICT, STATUS_PASS);
        expect_end(&probe, STATUS_PASS, REASON_OK);
        (void)runner_step(runner, 0);
        assert_int_equal(slots[1].parked, before[0] + (unsigned)parking);
        runner_close(runner);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(works_run_as_slots_are_idle),
        cmocka_unit_test(an_infra_fault_is_retried_in_another_slot_after_a_self_test),
        cmocka_unit_test(the_third_infra_fault_is_the_verdict),
        cmocka_unit_test(it_stays_sick_until_a_self_test_passes),
        cmocka_unit_test(one_that_is_not_persistent_gives_dead_slots_up),
        cmocka_unit_test(a_cancelled_job_ends_waiting_and_running),
        cmocka_unit_test(an_expired_task_is_not_run),
        cmocka_unit_test(idle_slots_are_told_to_park),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
