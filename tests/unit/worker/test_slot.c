/* The slot against the real sandbox, with a runtime of /bin/sh. */
#include "slot_fixture.h"

static char *case_words[] = {(char *)"/bin/sh", (char *)"{program}", NULL};
static char *suite_words[] = {(char *)"/bin/sh", (char *)"{suite}", NULL};
static char *compile_words[] = {(char *)"/bin/sh", (char *)"-n", (char *)"{program}", NULL};
static char *missing_words[] = {(char *)"/usr/bin/no-such-interpreter", NULL};
static char *own_words[] = {(char *)"./program", NULL};
static char *chmod_words[] = {(char *)"chmod", (char *)"+x", (char *)"program", NULL};
static char *environment[] = {(char *)"PATH=/usr/bin:/bin", (char *)"HOME=/work", NULL};
static struct compile_step compile_steps[] = {{.command = {compile_words, 3}, .blame = BLAME_PROGRAM}};
static struct compile_step chmod_steps[] = {{.command = {chmod_words, 3}, .blame = BLAME_PROGRAM}};

static struct runtime items[] = {
    {
        .name = (char *)"sh",
        .program_file = (char *)"program.sh",
        .suite_file = (char *)"suite.sh",
        .compile_cases = compile_steps,
        .compile_cases_count = 1,
        .run_case = {case_words, 2},
        .run_suite = {suite_words, 2},
        .suite_protocol = SUITE_REPORT,
        .environment = environment,
        .maximum = {.disk_bytes = 64 * MB},
    },
    {.name = (char *)"missing",
     .program_file = (char *)"program",
     .run_case = {missing_words, 1},
     .environment = environment},
    {.name = (char *)"own",
     .program_file = (char *)"program",
     .compile_cases = chmod_steps,
     .compile_cases_count = 1,
     .run_case = {own_words, 1},
     .environment = environment},
};
static struct runtimes runtimes = {items, 3};

struct case_row {
    const char *label, *program, *input, *expected;
    int64_t wall_ms;
    enum status status;
    enum reason reason;
    const char *error;
};

static const struct case_row case_rows[] = {
    {"right", "read x; echo got $x", "five\n", "got five\n", 0, STATUS_PASS, REASON_OK, NULL},
    {"wrong", "echo four", "", "five\n", 0, STATUS_FAIL, REASON_WRONG_OUTPUT, "c1: "},
    {"exit code", "echo five; echo why >&2; exit 4", "", "five", 0, STATUS_FAIL, REASON_WRONG_OUTPUT,
     "c1: exit code 4, expected 0: why"},
    {"signal", "kill -SEGV $$", "", "", 0, STATUS_FAIL, REASON_CRASH, "SIGSEGV"},
    {"sleeps", "sleep 20", "", "", 300, STATUS_TIMEOUT, REASON_WALL_TIME,
     "c1: stopped at the wall time limit of 0.3 s"},
    {"loops", "while :; do :; done", "", "", 400, STATUS_TIMEOUT, REASON_WALL_TIME, "0.4 s"},
    {"does not compile", "if", "", "", 0, STATUS_FAIL, REASON_COMPILE, "compile: "},
    {"flood on stdout", "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done", "",
     "x", 0, STATUS_FAIL, REASON_OUTPUT, "c1: wrote more than 64 KB to stdout"},
    {"flood on stderr", "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx >&2; done", "",
     "x", 0, STATUS_FAIL, REASON_OUTPUT, "to stderr"},
    {"closes its output and sleeps", "exec >&- 2>&-; sleep 20", "", "", 300, STATUS_TIMEOUT, REASON_WALL_TIME,
     "0.3 s"},
    {"leaves a child with its output", "sleep 20 & echo five", "", "five", 0, STATUS_PASS, REASON_OK, NULL},
    {"opens its input and output by path", "cat /dev/stdin > /dev/stdout", "five", "five", 0, STATUS_PASS,
     REASON_OK, NULL},
    {"ignores no SIGPIPE", "sh -c 'kill -PIPE $$; echo alive'; echo $?", "", "141", 0, STATUS_PASS, REASON_OK,
     NULL},
    {"does not see what is expected", "cat *", "", "secret-expectation", 0, STATUS_FAIL, REASON_WRONG_OUTPUT,
     NULL},
};

static void cases(void **state)
{
    struct fixture *fixture = begin(state);
    for (size_t i = 0; i < sizeof(case_rows) / sizeof(case_rows[0]); i++) {
        const struct case_row *row = &case_rows[i];
        struct task task = make_task(&items[0]);
        const char *no_args[] = {NULL};
        struct task_case test_case = {.name = "c1",
                                      .input = text_blob(row->input),
                                      .args = no_args,
                                      .expected_stdout = text_blob(row->expected)};
        task.implementation_code = text_blob(row->program);
        task.cases = &test_case;
        task.case_count = 1;
        if (row->wall_ms > 0)
            task.limits.wall_ms = row->wall_ms;
        struct result *result = run(fixture, &task);
        if (result->status != row->status || result->reason != row->reason)
            fail_msg("%s: %s/%s %s", row->label, status_name(result->status), reason_name(result->reason),
                     result->error_count > 0 ? result->errors[0] : "");
        if (row->error != NULL && strstr(result->errors[0], row->error) == NULL)
            fail_msg("%s: %s", row->label, result->errors[0]);
        if (row->wall_ms > 0)
            assert_true(result->run_ms >= row->wall_ms);
        result_free(result);
    }
}

static void one_case_over_its_time_does_not_stop_the_others(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = make_task(&items[0]);
    const char *slow[] = {"20", NULL}, *fast[] = {"0", NULL};
    struct task_case list[] = {
        {.name = "c1", .args = fast, .arg_count = 1, .expected_stdout = text_blob("ok")},
        {.name = "c2", .args = slow, .arg_count = 1, .expected_stdout = text_blob("ok")},
        {.name = "c3", .args = fast, .arg_count = 1, .expected_stdout = text_blob("ok")},
    };
    task.implementation_code = text_blob("sleep $1; echo ok");
    task.cases = list;
    task.case_count = 3;
    task.limits.wall_ms = 300;
    struct result *result = run(fixture, &task);
    assert_int_equal(result->status, STATUS_TIMEOUT);
    assert_int_equal(result->passed, 2);
    assert_int_equal(result->total, 3);
    assert_int_equal(result->tests[1].outcome, OUTCOME_ERROR);
    assert_int_equal(result->tests[2].outcome, OUTCOME_PASSED);
    assert_true(result->has_pass_rate && result->pass_rate == 0.0);
    result_free(result);

    task.stop_on_first_failure = true;
    result = run(fixture, &task);
    assert_int_equal(result->tests[2].outcome, OUTCOME_NOT_RUN);
    result_free(result);

    /* The task's own time. */
    task.stop_on_first_failure = false;
    task.limits.wall_ms = 5000;
    task.limits.task_wall_ms = 400;
    result = run(fixture, &task);
    assert_int_equal(result->status, STATUS_TIMEOUT);
    assert_non_null(strstr(result->errors[0], "whole task"));
    assert_int_equal(result->tests[2].outcome, OUTCOME_NOT_RUN);
    result_free(result);
}

/* 200 KB through a program that keeps 4 KB, and as much input that nobody reads. */
static void large_input_and_output(void **state)
{
    struct fixture *fixture = begin(state);
    static char big[1000 * 1000];
    struct task task = make_task(&items[0]);
    const char *no_args[] = {NULL};
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = i % 50 == 49 ? '\n' : (char)('a' + i % 26);
    struct task_case test_case = {.name = "c1",
                                  .args = no_args,
                                  .input = {big, 200 * 1000},
                                  .expected_stdout = {big, 200 * 1000},
                                  .compare = COMPARE_EXACT};
    task.implementation_code = text_blob("cat");
    task.cases = &test_case;
    task.case_count = 1;
    struct result *result = run(fixture, &task);
    assert_int_equal(result->status, STATUS_PASS);
    assert_true(result->out_truncated);
    assert_in_range(strlen(result->out), 4096, 4200);
    result_free(result);

    task.implementation_code = text_blob("echo done");
    test_case.input.size = sizeof(big);
    test_case.expected_stdout = text_blob("done\n");
    result = run(fixture, &task);
    assert_int_equal(result->status, STATUS_PASS);
    assert_false(result->out_truncated);
    assert_string_equal(result->out, "done\n");
    result_free(result);
}

struct suite_row {
    const char *label, *suite;
    enum status status;
    enum reason reason;
    int64_t passed, total;
    const char *error;
};

static const struct suite_row suite_rows[] = {
    {"passed", HARNESS SAY_PASSED("a") SAY_PASSED("b") SAY_DONE, STATUS_PASS, REASON_OK, 2, 2, NULL},
    {"early exit", HARNESS SAY_PASSED("a") "exit 0", STATUS_FAIL, REASON_TAMPERED, 1, 2, "b: "},
    {"forged", HARNESS SAY_PASSED("a") "echo '{\"t\":\"done\"}' >&3; sleep 20", STATUS_FAIL, REASON_TAMPERED,
     1, 2, "did not write"},
    {"flood on the report", HARNESS "exec cat /dev/zero >&3", STATUS_FAIL, REASON_TAMPERED, 0, 2, "too long"},
    {"hangs in b", HARNESS SAY_PASSED("a") "sleep 20", STATUS_TIMEOUT, REASON_WALL_TIME, 1, 2, "b: stopped"},
    {"hangs at the end", HARNESS SAY_PASSED("a") SAY_PASSED("b") SAY_DONE "sleep 20", STATUS_PASS, REASON_OK,
     2, 2, NULL},
    {"crash", HARNESS SAY_PASSED("a") "kill -SEGV $$", STATUS_FAIL, REASON_CRASH, 1, 2,
     "b: killed by signal 11"},
    {"program's fault",
     HARNESS "say '\"suite_error\",\"fault\":\"program\",\"message\":\"no name f\"'\n" SAY_DONE, STATUS_FAIL,
     REASON_COMPILE, 0, 2, "no name f"},
    {"the report cannot be read back",
     HARNESS "cat /proc/self/fd/3 && exit 3\n" SAY_PASSED("a") SAY_PASSED("b") SAY_DONE, STATUS_PASS,
     REASON_OK, 2, 2, NULL},
};

static void suites(void **state)
{
    struct fixture *fixture = begin(state);
    for (size_t i = 0; i < sizeof(suite_rows) / sizeof(suite_rows[0]); i++) {
        const struct suite_row *row = &suite_rows[i];
        struct task task = make_task(&items[0]);
        task.implementation_code = text_blob("true");
        task.test_suite_code = text_blob(row->suite);
        task.limits.wall_ms = 1500;
        struct result *result = run(fixture, &task);
        if (result->status != row->status || result->reason != row->reason || result->passed != row->passed ||
            result->total != row->total)
            fail_msg("%s: %s/%s %d/%d %s; stderr: %s", row->label, status_name(result->status),
                     reason_name(result->reason), (int)result->passed, (int)result->total,
                     result->error_count > 0 ? result->errors[0] : "", result->err);
        if (row->error != NULL && strstr(result->errors[0], row->error) == NULL)
            fail_msg("%s: %s", row->label, result->errors[0]);
        result_free(result);
    }
}

static void cases_cannot_reach_the_suite(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = make_task(&items[0]);
    const char *no_args[] = {NULL};
    struct task_case test_case = {.name = "c1", .args = no_args, .expected_stdout = text_blob("program.sh")};
    task.implementation_code = text_blob("ls; echo exit 0 > suite.sh; echo exit 0 > program.sh");
    task.test_suite_code =
        text_blob(HARNESS "grep -q ls program.sh || exit 9\n" SAY_PASSED("a") SAY_PASSED("b") SAY_DONE);
    task.cases = &test_case;
    task.case_count = 1;
    struct result *result = run(fixture, &task);
    if (result->status != STATUS_PASS)
        fail_msg("%s", result->errors[0]);
    assert_int_equal(result->total, 3);
    result_free(result);
}

static void a_missing_interpreter_is_no_verdict(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = make_task(&items[0]);
    const char *no_args[] = {NULL};
    struct task_case test_case = {.name = "c1", .args = no_args, .expected_stdout = text_blob("")};
    task.runtime = &items[1];
    task.implementation_code = text_blob("true");
    task.cases = &test_case;
    task.case_count = 1;
    slot_run(fixture->slot, &task);
    wait_done(fixture);
    assert_int_equal(fixture->end, SLOT_INFRA);
    assert_null(fixture->result);
    assert_non_null(strstr(fixture->err.text, "no-such-interpreter"));
    struct err err = ERR_INIT;
    assert_true(slot_reopen(fixture->slot, &err));
}

/* The program deletes itself: that is its own failure, not the machine's. */
static void a_missing_program_is_the_programs_fault(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = make_task(&items[0]);
    const char *no_args[] = {NULL};
    struct task_case list[] = {{.name = "c1", .args = no_args, .expected_stdout = text_blob("x")},
                               {.name = "c2", .args = no_args, .expected_stdout = text_blob("x")}};
    task.runtime = &items[2];
    task.implementation_code = text_blob("#!/bin/sh\nrm program\necho x\n");
    task.cases = list;
    task.case_count = 2;
    struct result *result = run(fixture, &task);
    assert_int_equal(result->reason, REASON_CRASH);
    assert_non_null(strstr(result->errors[0], "c2: ./program could not be started"));
    result_free(result);
}

static void files_that_do_not_fit_are_a_bad_task(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = make_task(&items[0]);
    static char big[2 * MB];
    struct task_file file = {.path = "big", .content = {big, sizeof(big)}};
    const char *no_args[] = {NULL};
    struct task_case test_case = {.name = "c1", .args = no_args, .expected_stdout = text_blob("")};
    task.implementation_code = text_blob("true");
    task.cases = &test_case;
    task.case_count = 1;
    task.files = &file;
    task.file_count = 1;
    task.limits.disk_bytes = MB;
    struct result *result = run(fixture, &task);
    assert_int_equal(result->status, STATUS_ERROR);
    assert_int_equal(result->reason, REASON_BAD_TASK);
    assert_false(result->has_pass_rate);
    assert_non_null(strstr(result->errors[0], "disk_mb"));
    result_free(result);
}

static void cancelled(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = make_task(&items[0]);
    const char *no_args[] = {NULL};
    struct task_case test_case = {.name = "c1", .args = no_args, .expected_stdout = text_blob("")};
    task.implementation_code = text_blob("sleep 20");
    task.cases = &test_case;
    task.case_count = 1;
    for (int steps = 0; steps < 6; steps++) { /* in every state that a task goes through */
        fixture->done = false;
        slot_run(fixture->slot, &task);
        for (int i = 0; i < steps; i++) {
            struct err err = ERR_INIT;
            assert_true(loop_step(fixture->loop, 50, &err));
        }
        slot_cancel(fixture->slot);
        wait_done(fixture);
        assert_int_equal(fixture->end, SLOT_CANCELLED);
        assert_null(fixture->result);
    }
    task.implementation_code = text_blob("true");
    struct result *result = run(fixture, &task);
    assert_int_equal(result->status, STATUS_PASS);
    result_free(result);
}

static void a_sandbox_that_dies_is_no_verdict(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = make_task(&items[0]);
    const char *no_args[] = {NULL};
    struct task_case test_case = {.name = "c1", .args = no_args, .expected_stdout = text_blob("")};
    task.implementation_code = text_blob("sleep 20");
    task.cases = &test_case;
    task.case_count = 1;
    for (int steps = 0; steps < 6; steps += 5) { /* while it begins, while a step runs */
        pid_t child = find_child();
        assert_true(child > 0);
        fixture->done = false;
        slot_run(fixture->slot, &task);
        for (int i = 0; i < steps; i++) {
            struct err err = ERR_INIT;
            assert_true(loop_step(fixture->loop, 50, &err));
        }
        assert_int_equal(kill(child, SIGKILL), 0);
        wait_done(fixture);
        assert_int_equal(fixture->end, SLOT_INFRA);
        assert_true(fixture->err.text[0] != '\0');
        assert_null(fixture->result);
        /* The next task opens it again by itself. */
        struct task good = task;
        good.implementation_code = text_blob("true");
        struct result *result = run(fixture, &good);
        assert_int_equal(result->status, STATUS_PASS);
        result_free(result);
    }
}

static void closed_while_a_step_runs(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = make_task(&items[0]);
    const char *no_args[] = {NULL};
    struct task_case test_case = {.name = "c1", .args = no_args, .expected_stdout = text_blob("")};
    task.implementation_code = text_blob("sleep 20");
    task.cases = &test_case;
    task.case_count = 1;
    struct slot_options options = {.number = 2,
                                   .harness_dir = ASSAY_SOURCE_DIR "/worker/harness",
                                   .runtimes = &runtimes,
                                   .allow_missing = allow_missing};
    size_t before = count_descriptors();
    for (int steps = 0; steps < 5; steps++) {
        struct err err = ERR_INIT;
        struct slot *slot = slot_open(fixture->loop, &options, on_done, fixture, &err);
        assert_non_null(slot);
        slot_run(slot, &task);
        for (int i = 0; i < steps; i++)
            assert_true(loop_step(fixture->loop, 50, &err));
        slot_close(slot);
        assert_true(loop_step(fixture->loop, 0, &err));
        assert_int_equal(count_descriptors(), before);
    }
}

static int set_up(void **state)
{
    return set_up_with(state, &runtimes, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases),
        cmocka_unit_test(one_case_over_its_time_does_not_stop_the_others),
        cmocka_unit_test(large_input_and_output),
        cmocka_unit_test(suites),
        cmocka_unit_test(cases_cannot_reach_the_suite),
        cmocka_unit_test(a_missing_interpreter_is_no_verdict),
        cmocka_unit_test(a_missing_program_is_the_programs_fault),
        cmocka_unit_test(files_that_do_not_fit_are_a_bad_task),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(a_sandbox_that_dies_is_no_verdict),
        cmocka_unit_test(closed_while_a_step_runs),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
