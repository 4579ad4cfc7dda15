/* What a slot makes ahead for its next task, against the real sandbox, with runtimes of /bin/sh. */
#include "slot_fixture.h"

#include <poll.h>

#include "worker/slot_internal.h"

static char *case_words[] = {(char *)"/bin/sh", (char *)"{program}", NULL};
/* Waits for its control object, then runs the suite of the task that has come. */
static char *suite_words[] = {(char *)"/bin/sh", (char *)"-c", (char *)HARNESS ". ./suite.sh", NULL};
static char *rash_words[] = {(char *)"/bin/sh", (char *)"-c",
                             (char *)"echo rash >&3; " HARNESS ". ./suite.sh", NULL};
/* Where there is no suite yet, says something once it is let go on. */
static char *later_words[] = {
    (char *)"/bin/sh", (char *)"-c",
    (char *)"[ -e suite.sh ] || { kill -STOP $$; echo rash >&3; }; " HARNESS ". ./suite.sh", NULL};
static char *environment[] = {(char *)"PATH=/usr/bin:/bin", (char *)"HOME=/work", NULL};

#define SHELL(words)                                                                                         \
    .program_file = (char *)"program.sh", .suite_file = (char *)"suite.sh", .run_case = {case_words, 2},     \
    .run_suite = {words, 3}, .suite_protocol = SUITE_REPORT, .environment = environment,                     \
    .maximum = {.disk_bytes = 64 * MB}

static struct runtime items[] = {
    {.name = (char *)"waits", .park_suite = true, SHELL(suite_words)},
    {.name = (char *)"does not wait", SHELL(suite_words)},
    {.name = (char *)"rash", .park_suite = true, SHELL(rash_words)},
    {.name = (char *)"rash later", .park_suite = true, SHELL(later_words)},
};
static struct runtimes runtimes = {items, 4};

static const char passes[] = SAY_PASSED("a") SAY_PASSED("b") SAY_DONE;

static struct task suite_task(const struct runtime *runtime, const char *suite)
{
    struct task task = make_task(runtime);
    task.implementation_code = text_blob("true");
    task.test_suite_code = text_blob(suite);
    return task;
}

static void step(struct fixture *fixture)
{
    struct err err = ERR_INIT;
    if (!loop_step(fixture->loop, 50, &err))
        fail_msg("%s", err.text);
}

static void until(struct fixture *fixture, enum slot_state state)
{
    int64_t deadline_ms = clock_ms() + 30000;
    while (fixture->slot->state != state) {
        step(fixture);
        assert_true(clock_ms() < deadline_ms);
    }
}

/* Parks, and waits until nothing more happens by itself. */
static void park(struct fixture *fixture)
{
    int64_t deadline_ms = clock_ms() + 30000;
    slot_park(fixture->slot);
    while (fixture->slot->state == SLOT_PARKING || fixture->slot->state == SLOT_ENDING) {
        step(fixture);
        assert_true(clock_ms() < deadline_ms);
    }
}

static void pass(struct fixture *fixture, const struct task *task)
{
    struct result *result = run(fixture, task);
    if (result->status != STATUS_PASS)
        fail_msg("%s %s", reason_name(result->reason), result->error_count > 0 ? result->errors[0] : "");
    result_free(result);
}

static bool has_mark(const struct result *result, const char *mark)
{
    for (size_t i = 0; i < result->sandbox_count; i++)
        if (strcmp(result->sandbox[i], mark) == 0)
            return true;
    return false;
}

/* After two tasks alike. */
static void park_process(struct fixture *fixture, const struct task *task)
{
    pass(fixture, task);
    pass(fixture, task);
    park(fixture);
    assert_int_equal(fixture->slot->state, SLOT_PARKED);
    assert_true(fixture->slot->park.process);
}

static void expect(struct fixture *fixture, const struct task *task, const char *mark)
{
    static const char *const marks[] = {RESULT_PARKED, RESULT_PARKED_PROCESS};
    struct result *result = run(fixture, task);
    if (result->status != STATUS_PASS)
        fail_msg("%s %s", reason_name(result->reason), result->error_count > 0 ? result->errors[0] : "");
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(has_mark(result, marks[i]), mark != NULL && strcmp(mark, marks[i]) == 0);
    result_free(result);
    assert_false(fixture->slot->park.stands);
}

static void a_process_waits_for_the_third_task_alike(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = suite_task(&items[0], passes);
    park(fixture); /* no task yet: nothing to go by */
    expect(fixture, &task, NULL);
    park(fixture);
    expect(fixture, &task, RESULT_PARKED);
    park(fixture);
    expect(fixture, &task, RESULT_PARKED_PROCESS);
    park(fixture);
    /* Another program and suite are no other shape. */
    task.implementation_code = text_blob("echo changed");
    task.test_suite_code =
        text_blob("[ \"$(sh program.sh)\" = changed ] || exit 1\n" SAY_PASSED("a") SAY_PASSED("b") SAY_DONE);
    expect(fixture, &task, RESULT_PARKED_PROCESS);
    expect(fixture, &task, NULL); /* it was used once */
}

static void its_time_begins_with_the_task(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = suite_task(&items[0], passes);
    task.limits.wall_ms = 1500;
    park_process(fixture, &task);
    int64_t parked_ms = clock_ms();
    while (clock_ms() <= parked_ms + task.limits.wall_ms) /* longer than any task may run */
        step(fixture);
    assert_int_equal(fixture->slot->state, SLOT_PARKED);
    struct result *result = run(fixture, &task);
    assert_int_equal(result->status, STATUS_PASS);
    assert_true(has_mark(result, RESULT_PARKED_PROCESS));
    assert_true(result->run_ms < task.limits.wall_ms);
    result_free(result);

    park(fixture);
    task.test_suite_code = text_blob(SAY_PASSED("a") "sleep 20");
    result = run(fixture, &task);
    assert_int_equal(result->reason, REASON_WALL_TIME);
    assert_true(has_mark(result, RESULT_PARKED_PROCESS));
    assert_true(result->run_ms >= task.limits.wall_ms);
    result_free(result);
}

static void what_does_not_wait_gets_a_workspace_alone(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = suite_task(&items[1], passes);
    const char *no_args[] = {NULL};
    struct task_case test_case = {.name = "c1", .args = no_args, .expected_stdout = text_blob("five\n")};
    for (int i = 0; i < 3; i++) {
        pass(fixture, &task);
        park(fixture);
        assert_false(fixture->slot->park.process);
    }
    expect(fixture, &task, RESULT_PARKED);
    park(fixture);
    task.test_suite_code = (struct blob){NULL, 0};
    task.implementation_code = text_blob("echo five");
    task.cases = &test_case;
    task.case_count = 1;
    expect(fixture, &task, RESULT_PARKED);
}

static void another_task_gets_a_sandbox_of_its_own(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = suite_task(&items[0], passes), other = task;
    other.limits.memory_bytes /= 2;
    park_process(fixture, &task);
    expect(fixture, &other, NULL);
    park(fixture);
    expect(fixture, &task, NULL);
    park_process(fixture, &task);
    other = suite_task(&items[1], passes);
    expect(fixture, &other, NULL);
    /* While it is still made. */
    pass(fixture, &task);
    slot_park(fixture->slot);
    expect(fixture, &task, RESULT_PARKED);
    slot_park(fixture->slot);
    other.limits.disk_bytes /= 2;
    expect(fixture, &other, NULL);
    /* While it is cleared away. */
    park_process(fixture, &task);
    slot_end_phase(fixture->slot);
    expect(fixture, &task, NULL);
}

static long child_of(long parent)
{
    char path[64];
    long child = 0;
    (void)snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", parent, parent);
    FILE *file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%ld", &child) != 1)
        child = 0;
    if (file != NULL)
        (void)fclose(file);
    return child;
}

/* The shell that waits: below the slot init and the task's init. */
static pid_t waiting_process(struct fixture *fixture)
{
    for (int64_t deadline_ms = clock_ms() + 30000; clock_ms() < deadline_ms; step(fixture)) {
        long init = child_of(find_child());
        long process = init != 0 ? child_of(init) : 0;
        if (process != 0)
            return (pid_t)process;
    }
    fail_msg("no process waits");
    return 0;
}

static void a_process_that_dies_waiting_harms_no_task(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = suite_task(&items[0], passes);
    park_process(fixture, &task);
    assert_int_equal(kill(waiting_process(fixture), SIGKILL), 0);
    until(fixture, SLOT_IDLE); /* it is noticed */
    expect(fixture, &task, NULL);
    park_process(fixture, &task);
    assert_int_equal(kill(waiting_process(fixture), SIGKILL), 0);
    /* Or it is still dying when its task comes: that is no verdict, whatever the moment. */
    fixture->done = false;
    slot_run(fixture->slot, &task);
    wait_done(fixture);
    if (fixture->end == SLOT_VERDICT) {
        assert_int_equal(fixture->result->status, STATUS_PASS);
        result_free(fixture->result);
    } else {
        struct err err = ERR_INIT;
        assert_int_equal(fixture->end, SLOT_INFRA);
        assert_true(slot_reopen(fixture->slot, &err));
    }
    pass(fixture, &task);
}

/* The init learns of the task and of the process' death at the same time. */
static void a_process_that_dies_as_its_task_comes_harms_no_task(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = suite_task(&items[0], passes);
    park_process(fixture, &task);
    pid_t process = waiting_process(fixture), init = (pid_t)child_of(find_child());
    assert_int_equal(kill(init, SIGSTOP), 0);
    assert_int_equal(kill(process, SIGKILL), 0);
    fixture->done = false;
    slot_run(fixture->slot, &task);
    for (int i = 0; i < 3; i++)
        step(fixture);
    assert_int_equal(kill(init, SIGCONT), 0);
    wait_done(fixture);
    assert_int_equal(fixture->end, SLOT_VERDICT);
    assert_int_equal(fixture->result->status, STATUS_PASS);
    assert_false(has_mark(fixture->result, RESULT_PARKED_PROCESS));
    result_free(fixture->result);
}

static void an_init_that_dies_waiting_harms_no_task(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = suite_task(&items[1], passes); /* a workspace alone */
    pass(fixture, &task);
    park(fixture);
    assert_int_equal(kill((pid_t)child_of(find_child()), SIGKILL), 0);
    until(fixture, SLOT_BROKEN);
    expect(fixture, &task, NULL);
}

static void a_sandbox_that_dies_waiting_is_opened_again(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = suite_task(&items[0], passes);
    park_process(fixture, &task);
    assert_int_equal(kill(find_child(), SIGKILL), 0);
    until(fixture, SLOT_BROKEN);
    slot_park(fixture->slot); /* no effect */
    expect(fixture, &task, NULL);
}

static void one_that_says_something_is_not_used(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = suite_task(&items[2], "true");
    for (int i = 0; i < 2; i++)
        result_free(run(fixture, &task));
    park(fixture);
    assert_true(fixture->slot->park.process);
    until(fixture, SLOT_IDLE);
    park(fixture); /* no more, until a task has run */
    assert_int_equal(fixture->slot->state, SLOT_IDLE);
    result_free(run(fixture, &task));
    park(fixture);
    assert_int_equal(fixture->slot->state, SLOT_PARKED);
}

/* What it said is in the pipe, and not read, when the task comes. */
static void one_that_says_something_late_is_not_used(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = suite_task(&items[3], passes);
    park_process(fixture, &task);
    pid_t process = waiting_process(fixture);
    struct pollfd polled = {fixture->slot->step.report_reader.fd, POLLIN, 0};
    int64_t deadline_ms = clock_ms() + 30000;
    while (poll(&polled, 1, 50) == 0) { /* it may not have stopped yet */
        assert_int_equal(kill(process, SIGCONT), 0);
        assert_true(clock_ms() < deadline_ms);
    }
    expect(fixture, &task, NULL);
}

static void a_task_that_cannot_be_planned_takes_it_along(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = suite_task(&items[0], passes), bad = task;
    bad.test_suite_code = (struct blob){NULL, 0};
    park_process(fixture, &task);
    fixture->done = false;
    slot_run(fixture->slot, &bad);
    wait_done(fixture);
    assert_int_equal(fixture->end, SLOT_INFRA);
    expect(fixture, &task, NULL);
}

static void files_that_do_not_fit_are_a_bad_task(void **state)
{
    struct fixture *fixture = begin(state);
    static char big[2 * MB];
    struct task task = suite_task(&items[0], passes);
    task.limits.disk_bytes = MB;
    park_process(fixture, &task);
    struct task large = task;
    large.implementation_code = (struct blob){big, sizeof(big)};
    struct result *result = run(fixture, &large);
    assert_int_equal(result->reason, REASON_BAD_TASK);
    result_free(result);
    expect(fixture, &task, NULL);
}

static void cancelled(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = suite_task(&items[0], passes), slow = suite_task(&items[0], "sleep 20");
    slot_cancel(fixture->slot); /* nothing there */
    for (int steps = 0; steps < 6; steps++) {
        park_process(fixture, &task);
        if (steps % 2 == 1) { /* before it stands */
            expect(fixture, &task, RESULT_PARKED_PROCESS);
            slot_park(fixture->slot);
        }
        slot_cancel(fixture->slot);
        fixture->done = false;
        slot_run(fixture->slot, &slow);
        for (int i = 0; i < steps; i++)
            step(fixture);
        slot_cancel(fixture->slot);
        wait_done(fixture);
        assert_int_equal(fixture->end, SLOT_CANCELLED);
        assert_null(fixture->result);
    }
}

static void closed_while_it_waits(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = suite_task(&items[0], passes);
    struct slot_options options = {.number = 2,
                                   .harness_dir = ASSAY_SOURCE_DIR "/worker/harness",
                                   .runtimes = &runtimes,
                                   .allow_missing = allow_missing,
                                   .warm = {.park = true}};
    size_t before = count_descriptors();
    struct slot *own = fixture->slot;
    for (int steps = 0; steps < 4; steps++) {
        struct err err = ERR_INIT;
        fixture->slot = slot_open(fixture->loop, &options, on_done, fixture, &err);
        assert_non_null(fixture->slot);
        pass(fixture, &task);
        pass(fixture, &task);
        slot_park(fixture->slot);
        for (int i = 0; i < steps; i++)
            step(fixture);
        slot_close(fixture->slot);
        assert_int_equal(count_descriptors(), before);
    }
    fixture->slot = own;
}

static void off(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = suite_task(&items[0], passes);
    fixture->slot->options.warm.park = false;
    for (int i = 0; i < 3; i++) {
        expect(fixture, &task, NULL);
        park(fixture);
        assert_int_equal(fixture->slot->state, SLOT_IDLE);
    }
    fixture->slot->options.warm.park = true;
}

static int set_up(void **state)
{
    return set_up_with(state, &runtimes, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_waits_for_the_third_task_alike),
        cmocka_unit_test(its_time_begins_with_the_task),
        cmocka_unit_test(what_does_not_wait_gets_a_workspace_alone),
        cmocka_unit_test(another_task_gets_a_sandbox_of_its_own),
        cmocka_unit_test(a_process_that_dies_waiting_harms_no_task),
        cmocka_unit_test(a_process_that_dies_as_its_task_comes_harms_no_task),
        cmocka_unit_test(an_init_that_dies_waiting_harms_no_task),
        cmocka_unit_test(a_sandbox_that_dies_waiting_is_opened_again),
        cmocka_unit_test(one_that_says_something_is_not_used),
        cmocka_unit_test(one_that_says_something_late_is_not_used),
        cmocka_unit_test(a_task_that_cannot_be_planned_takes_it_along),
        cmocka_unit_test(files_that_do_not_fit_are_a_bad_task),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(closed_while_it_waits),
        cmocka_unit_test(off),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
