#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/plan.h"

static char *gcc_words[] = {"gcc", "-o", "program", "{program}", NULL};
static char *link_words[] = {"gcc", "-I{harness}", "x{suite}y", "{{}}", "{other}", "{test_files}", NULL};
static char *case_words[] = {"./program", NULL};
static char *suite_words[] = {"./suite", "{harness}/c/main", NULL};

static struct compile_step compile_cases[] = {{.command = {gcc_words, 4}, .blame = BLAME_PROGRAM}};
static struct compile_step compile_suite[] = {{.command = {gcc_words, 4}, .blame = BLAME_PROGRAM},
                                              {.command = {link_words, 6}, .blame = BLAME_SUITE}};
static struct runtime runtime = {
    .name = (char *)"c",
    .program_file = (char *)"program.c",
    .suite_file = (char *)"suite.c",
    .compile_cases = compile_cases,
    .compile_cases_count = 1,
    .compile_suite = compile_suite,
    .compile_suite_count = 2,
    .run_case = {case_words, 1},
    .run_suite = {suite_words, 2},
    .suite_protocol = SUITE_TOKEN,
};

static const char *some_args[] = {"{program}", "two words", "", NULL};
static struct task_case cases[] = {{.name = "case_1"}, {.name = "case_2", .args = some_args, .arg_count = 3}};
static struct task_file files[] = {{.path = "data/in.txt", .content = {"x", 1}, .trusted = true}};

static struct task make_task(void)
{
    return (struct task){
        .runtime = &runtime,
        .implementation_code = {"int f;", 6},
        .test_suite_code = {"int main", 8},
        .cases = cases,
        .case_count = 2,
        .files = files,
        .file_count = 1,
        .limits = {.wall_ms = 2000, .task_wall_ms = 5000, .compile_wall_ms = 9000},
    };
}

static void cases_come_before_the_suite(void **state)
{
    (void)state;
    struct task task = make_task();
    struct plan plan;
    assert_true(plan_init(&plan, &task, NULL));
    const struct plan_step expected[] = {
        {STEP_COMPILE, PHASE_CASES, &compile_cases[0], NULL, false},
        {STEP_CASE, PHASE_CASES, NULL, &cases[0], false},
        {STEP_CASE, PHASE_CASES, NULL, &cases[1], false},
        {STEP_COMPILE, PHASE_SUITE, &compile_suite[0], NULL, false},
        {STEP_COMPILE, PHASE_SUITE, &compile_suite[1], NULL, false},
        {STEP_SUITE, PHASE_SUITE, NULL, NULL, false},
    };
    assert_int_equal(plan.count, 6);
    for (size_t i = 0; i < plan.count; i++) {
        assert_int_equal(plan.steps[i].kind, expected[i].kind);
        assert_int_equal(plan.steps[i].phase, expected[i].phase);
        assert_ptr_equal(plan.steps[i].compile, expected[i].compile);
        assert_ptr_equal(plan.steps[i].test_case, expected[i].test_case);
    }
    plan_free(&plan);
}

static void what_the_task_does_not_have_is_left_out(void **state)
{
    (void)state;
    struct plan plan;
    struct task task = make_task();
    task.case_count = 0;
    assert_true(plan_init(&plan, &task, NULL));
    assert_int_equal(plan.count, 3);
    assert_int_equal(plan.steps[0].phase, PHASE_SUITE);
    plan_free(&plan);

    task = make_task();
    task.test_suite_code.data = NULL;
    assert_true(plan_init(&plan, &task, NULL));
    assert_int_equal(plan.count, 3);
    assert_int_equal(plan.steps[2].kind, STEP_CASE);
    plan_free(&plan);

    struct err err = ERR_INIT;
    task.case_count = 0;
    assert_false(plan_init(&plan, &task, &err));
    assert_int_equal(err.code, ERR_INPUT);
    plan_free(&plan);

    struct runtime cases_only = runtime;
    cases_only.suite_protocol = SUITE_NONE;
    task = make_task();
    task.runtime = &cases_only;
    assert_false(plan_init(&plan, &task, &err));
    assert_non_null(strstr(err.text, "cases only"));
    plan_free(&plan);
}

static void check_argv(const struct plan *plan, size_t step, const char *const *expected)
{
    char **argv = plan_argv(plan, step);
    size_t i = 0;
    for (; expected[i] != NULL; i++)
        assert_string_equal(argv[i], expected[i]);
    assert_null(argv[i]);
    free(argv);
}

static void placeholders_and_arguments(void **state)
{
    (void)state;
    struct task task = make_task();
    struct task_file of_both[] = {files[0], {.path = "lib.h"}, {.path = "check.h", .trusted = true}};
    task.files = of_both;
    task.file_count = 3;
    struct plan plan;
    assert_true(plan_init(&plan, &task, NULL));
    check_argv(&plan, 0, (const char *const[]){"gcc", "-o", "program", "program.c", NULL});
    check_argv(&plan, 1, (const char *const[]){"./program", NULL});
    /* A case's own arguments are not templates. */
    check_argv(&plan, 2, (const char *const[]){"./program", "{program}", "two words", "", NULL});
    check_argv(&plan, 4,
               (const char *const[]){"gcc", "-I" SANDBOX_HARNESS_DIR, "xsuite.cy", "{}", "{other}",
                                     "data/in.txt", "check.h", NULL});
    check_argv(&plan, 5, (const char *const[]){"./suite", SANDBOX_HARNESS_DIR "/c/main", NULL});
    plan_free(&plan);
}

static void what_comes_next(void **state)
{
    (void)state;
    static const struct {
        size_t step;
        enum step_end end;
        bool stop;
        size_t next;
    } rows[] = {
        {0, STEP_END_PASSED, false, 1}, {0, STEP_END_FAILED, false, 6}, {1, STEP_END_PASSED, true, 2},
        {1, STEP_END_FAILED, false, 2}, {1, STEP_END_FAILED, true, 6},  {1, STEP_END_FATAL, false, 6},
        {2, STEP_END_FAILED, false, 3}, {3, STEP_END_FAILED, false, 6}, {5, STEP_END_PASSED, false, 6},
        {5, STEP_END_FAILED, false, 6}, {5, STEP_END_FATAL, false, 6},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct task task = make_task();
        struct plan plan;
        task.stop_on_first_failure = rows[i].stop;
        assert_true(plan_init(&plan, &task, NULL));
        assert_int_equal(plan_next(&plan, rows[i].step, rows[i].end), rows[i].next);
        plan_free(&plan);
    }
}

static void how_long_a_step_may_take(void **state)
{
    (void)state;
    static const struct {
        size_t step;
        int64_t used_ms, wall_ms;
        bool by_task;
    } rows[] = {
        {0, 0, 9000, false},   {1, 0, 2000, false}, {2, 2000, 2000, false}, {2, 3000, 2000, false},
        {2, 3001, 1999, true}, {5, 5000, 0, true},  {5, 6000, 0, true},     {4, 6000, 9000, false},
    };
    struct task task = make_task();
    struct plan plan;
    assert_true(plan_init(&plan, &task, NULL));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool by_task = !rows[i].by_task;
        assert_int_equal(plan_wall_ms(&plan, rows[i].step, rows[i].used_ms, &by_task), rows[i].wall_ms);
        assert_int_equal(by_task, rows[i].by_task);
    }
    plan_free(&plan);
}

/* After the case `index` of three; `last`: with stop_on_first_failure. */
static void checks_come_behind_a_case(size_t index, bool last)
{
    struct compile_step steps[] = {{.command = {gcc_words, 4}},
                                   {.command = {link_words, 6}, .after_failure = true}};
    struct runtime checked = runtime;
    struct task task = make_task();
    struct plan plan;
    checked.compile_cases = steps;
    checked.compile_cases_count = 2;
    task.runtime = &checked;
    assert_true(plan_init(&plan, &task, NULL));
    size_t count = plan.count;
    assert_ptr_equal(plan.steps[0].compile, &steps[0]);
    assert_int_equal(plan.steps[1].kind, STEP_CASE);
    assert_true(plan_insert_checks(&plan, index, last));
    assert_int_equal(plan.count, count + 1);
    assert_int_equal(plan.steps[index].kind, STEP_CASE);
    assert_ptr_equal(plan.steps[index + 1].compile, &steps[1]);
    assert_int_equal(plan.steps[index + 1].phase, PHASE_CASES);
    assert_int_equal(plan.steps[index + 2].kind, index == 1 ? STEP_CASE : STEP_COMPILE);
    assert_int_equal(plan_next(&plan, index + 1, STEP_END_PASSED), last ? plan.count : index + 2);
    assert_int_equal(plan_next(&plan, index + 1, STEP_END_FAILED), plan.count);
    assert_false(plan_insert_checks(&plan, index, last)); /* once */
    assert_int_equal(plan.count, count + 1);
    plan_free(&plan);
}

static void checks_are_made_after_a_failure(void **state)
{
    (void)state;
    checks_come_behind_a_case(1, false);
    checks_come_behind_a_case(1, true);
    checks_come_behind_a_case(2, false); /* before the suite's compile steps */
    struct task task = make_task();
    struct plan plan;
    assert_true(plan_init(&plan, &task, NULL));
    assert_false(plan_insert_checks(&plan, 1, false)); /* none */
    plan_free(&plan);
}

static void the_suite_is_not_there_during_the_cases(void **state)
{
    (void)state;
    struct task task = make_task();
    struct plan plan;
    size_t count;
    assert_true(plan_init(&plan, &task, NULL));
    struct sandbox_file *listed = plan_files(&plan, PHASE_CASES, &count);
    assert_int_equal(count, 2);
    assert_string_equal(listed[0].path, "program.c");
    assert_string_equal(listed[1].path, "data/in.txt");
    free(listed);
    listed = plan_files(&plan, PHASE_SUITE, &count);
    assert_int_equal(count, 3);
    assert_string_equal(listed[1].path, "suite.c");
    assert_int_equal(listed[1].size, 8);
    free(listed);

    task.implementation_code.data = NULL;
    listed = plan_files(&plan, PHASE_CASES, &count);
    assert_int_equal(count, 1);
    free(listed);
    plan_free(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_come_before_the_suite),
        cmocka_unit_test(what_the_task_does_not_have_is_left_out),
        cmocka_unit_test(placeholders_and_arguments),
        cmocka_unit_test(what_comes_next),
        cmocka_unit_test(how_long_a_step_may_take),
        cmocka_unit_test(checks_are_made_after_a_failure),
        cmocka_unit_test(the_suite_is_not_there_during_the_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
