#include <errno.h>

#include "outcome_fixture.h"

/* ---- cases ---- */

struct case_row {
    const char *label;
    struct end end;
    const char *out;
    enum status status;
    enum reason reason;
    const char *text;
};

static const struct case_row case_rows[] = {
    {"right", {.stop = STOP_NONE}, "42\n", STATUS_PASS, REASON_OK, NULL},
    {"wrong", {.stop = STOP_NONE}, "43\n", STATUS_FAIL, REASON_WRONG_OUTPUT, "case_2: "},
    {"right, but exit code 1",
     {.exit_code = 1, .stderr_text = "Traceback\nZeroDivisionError: x\n\n"},
     "42\n",
     STATUS_FAIL,
     REASON_WRONG_OUTPUT,
     "case_2: exit code 1, expected 0: ZeroDivisionError: x"},
    {"exit code without stderr",
     {.exit_code = 7},
     "",
     STATUS_FAIL,
     REASON_WRONG_OUTPUT,
     "case_2: exit code 7, expected 0"},
    {"crash",
     {.signal_number = SIGSEGV},
     "42\n",
     STATUS_FAIL,
     REASON_CRASH,
     "case_2: killed by signal 11 (SIGSEGV)"},
    {"killed by itself", {.signal_number = SIGKILL}, "42\n", STATUS_FAIL, REASON_CRASH, "(SIGKILL)"},
    {"wall",
     {.stop = STOP_WALL},
     "",
     STATUS_TIMEOUT,
     REASON_WALL_TIME,
     "case_2: stopped at the wall time limit of 2 s"},
    {"wall, though the output is right",
     {.stop = STOP_WALL},
     "42\n",
     STATUS_TIMEOUT,
     REASON_WALL_TIME,
     "2 s"},
    {"the task's wall",
     {.stop = STOP_TASK_WALL},
     "",
     STATUS_TIMEOUT,
     REASON_WALL_TIME,
     "whole task's wall time limit of 5 s"},
    {"cpu by signal",
     {.signal_number = SIGXCPU, .cpu_ms = 1000},
     "",
     STATUS_TIMEOUT,
     REASON_CPU_TIME,
     "CPU time limit of 1 s"},
    {"cpu by hard limit",
     {.signal_number = SIGKILL, .cpu_ms = 998},
     "",
     STATUS_TIMEOUT,
     REASON_CPU_TIME,
     "CPU"},
    {"SIGXCPU of its own",
     {.signal_number = SIGXCPU, .cpu_ms = 10},
     "",
     STATUS_FAIL,
     REASON_CRASH,
     "SIGXCPU"},
    {"cpu over all its processes", {.cpu_ms = 1001}, "42\n", STATUS_TIMEOUT, REASON_CPU_TIME, "CPU"},
    {"cpu just below", {.cpu_ms = 1000}, "42\n", STATUS_PASS, REASON_OK, NULL},
    {"memory by the kernel",
     {.signal_number = SIGKILL, .oom_kills = 1},
     "",
     STATUS_FAIL,
     REASON_MEMORY,
     "case_2: ran out of memory (limit 64 MB)"},
    {"a child out of memory", {.oom_kills = 1}, "42\n", STATUS_FAIL, REASON_MEMORY, "memory"},
    {"memory, then hung", {.stop = STOP_WALL, .oom_kills = 1}, "", STATUS_FAIL, REASON_MEMORY, "memory"},
    {"memory by its words",
     {.exit_code = 1, .stderr_text = "Traceback\nMemoryError\n"},
     "",
     STATUS_FAIL,
     REASON_MEMORY,
     "memory"},
    {"memory by its words and a signal",
     {.signal_number = SIGABRT, .stderr_text = "FATAL: heap out of memory"},
     "",
     STATUS_FAIL,
     REASON_MEMORY,
     "memory"},
    {"the words alone", {.stderr_text = "MemoryError\n"}, "42\n", STATUS_PASS, REASON_OK, NULL},
    {"the words in mid-line",
     {.exit_code = 1, .stderr_text = "no MemoryError\n"},
     "",
     STATUS_FAIL,
     REASON_WRONG_OUTPUT,
     "exit code"},
    {"output",
     {.stop = STOP_OUTPUT},
     "4",
     STATUS_FAIL,
     REASON_OUTPUT,
     "case_2: wrote more than 16 KB to stdout"},
    {"processes",
     {.exit_code = 1, .process_denials = 3},
     "",
     STATUS_FAIL,
     REASON_PROCESSES,
     "more than 8 processes"},
    {"processes, then hung",
     {.stop = STOP_WALL, .process_denials = 3},
     "",
     STATUS_FAIL,
     REASON_PROCESSES,
     "processes"},
    {"processes that did no harm", {.process_denials = 3}, "42\n", STATUS_PASS, REASON_OK, NULL},
    {"disk", {.exit_code = 1, .disk_full = true}, "", STATUS_FAIL, REASON_DISK, "disk space of 16 MB"},
    {"disk that did no harm", {.disk_full = true}, "42\n", STATUS_PASS, REASON_OK, NULL},
    {"disk by file size", {.signal_number = SIGXFSZ}, "", STATUS_FAIL, REASON_DISK, "disk"},
    {"program gone",
     {.start_errno = ENOENT, .exit_code = 127},
     "42\n",
     STATUS_FAIL,
     REASON_CRASH,
     "case_2: ./program could not be started: No such file"},
    {"args too long", {.start_errno = E2BIG, .exit_code = 127}, "", STATUS_ERROR, REASON_BAD_TASK, "args"},
};

static void cases(void **state)
{
    (void)state;
    struct task task = make_task();
    struct task_case test_case = {.name = "case_2", .expected_stdout = {"42", 2}};
    for (size_t i = 0; i < sizeof(case_rows) / sizeof(case_rows[0]); i++) {
        const struct case_row *row = &case_rows[i];
        struct step_facts facts = make_facts(&row->end);
        struct finding finding = FINDING_INIT;
        outcome_case(&task, &test_case, &facts, row->out, strlen(row->out), &finding);
        check(row->label, &finding, row->status, row->reason, row->text);
    }
}

static void a_case_that_wants_an_exit_code(void **state)
{
    (void)state;
    struct task task = make_task();
    struct task_case test_case = {.name = "case_1", .expected_stdout = {"", 0}, .exit_code = 3};
    struct step_facts facts = make_facts(&(struct end){.exit_code = 3});
    struct finding finding = FINDING_INIT;
    outcome_case(&task, &test_case, &facts, "", 0, &finding);
    check("as wanted", &finding, STATUS_PASS, REASON_OK, NULL);
    facts.exit_code = 0;
    outcome_case(&task, &test_case, &facts, "", 0, &finding);
    check("not as wanted", &finding, STATUS_FAIL, REASON_WRONG_OUTPUT, "exit code 0, expected 3");
}

/* ---- compile ---- */

struct compile_row {
    const char *label;
    struct end end;
    enum blame blame;
    const char *pattern, *out;
    enum status status;
    enum reason reason;
    const char *text;
};

static const struct compile_row compile_rows[] = {
    {"fine", {.stop = STOP_NONE}, BLAME_PROGRAM, NULL, "", STATUS_PASS, REASON_OK, NULL},
    {"fine with warnings",
     {.stderr_text = "suite.c: warning"},
     BLAME_PROGRAM,
     "suite",
     "",
     STATUS_PASS,
     REASON_OK,
     NULL},
    {"does not compile",
     {.exit_code = 1, .stderr_text = "program.c:1: error: x"},
     BLAME_PROGRAM,
     NULL,
     "",
     STATUS_FAIL,
     REASON_COMPILE,
     "compile: program.c:1: error: x"},
    {"said on stdout",
     {.exit_code = 1},
     BLAME_PROGRAM,
     NULL,
     "error TS1",
     STATUS_FAIL,
     REASON_COMPILE,
     "error TS1"},
    {"says nothing",
     {.exit_code = 2},
     BLAME_PROGRAM,
     NULL,
     "",
     STATUS_FAIL,
     REASON_COMPILE,
     "./program ended with exit code 2"},
    {"compiler crash",
     {.signal_number = SIGSEGV},
     BLAME_PROGRAM,
     NULL,
     "",
     STATUS_FAIL,
     REASON_COMPILE,
     "SIGSEGV"},
    {"the suite's step",
     {.exit_code = 1, .stderr_text = "suite.c: error"},
     BLAME_SUITE,
     NULL,
     "",
     STATUS_ERROR,
     REASON_BAD_TASK,
     "test_suite_code does not compile: suite.c: error"},
    {"by pattern",
     {.exit_code = 1, .stderr_text = "a\nsuite.c: error"},
     BLAME_PROGRAM,
     "^suite\\.c",
     "",
     STATUS_ERROR,
     REASON_BAD_TASK,
     "test_suite_code"},
    {"by pattern on stdout",
     {.exit_code = 1},
     BLAME_PROGRAM,
     "^suite\\.c",
     "suite.c: error",
     STATUS_ERROR,
     REASON_BAD_TASK,
     "test_suite_code"},
    {"not by pattern",
     {.exit_code = 1, .stderr_text = "program.c: error"},
     BLAME_PROGRAM,
     "^suite\\.c",
     "",
     STATUS_FAIL,
     REASON_COMPILE,
     "compile"},
    {"wall",
     {.stop = STOP_WALL},
     BLAME_PROGRAM,
     NULL,
     "",
     STATUS_TIMEOUT,
     REASON_WALL_TIME,
     "compile: stopped at the wall time limit of 3 s"},
    {"wall of the suite's step",
     {.stop = STOP_WALL},
     BLAME_SUITE,
     NULL,
     "",
     STATUS_ERROR,
     REASON_BAD_TASK,
     "compile: stopped"},
    {"cpu",
     {.signal_number = SIGXCPU, .cpu_ms = 6000},
     BLAME_PROGRAM,
     NULL,
     "",
     STATUS_TIMEOUT,
     REASON_CPU_TIME,
     "compile: used more than the CPU time limit of 6 s"},
    {"the program's CPU limit is not the compiler's",
     {.cpu_ms = 5000},
     BLAME_PROGRAM,
     NULL,
     "",
     STATUS_PASS,
     REASON_OK,
     NULL},
    {"memory",
     {.exit_code = 1, .oom_kills = 1},
     BLAME_PROGRAM,
     NULL,
     "",
     STATUS_FAIL,
     REASON_MEMORY,
     "compile: ran out of memory"},
};

static void compiling(void **state)
{
    (void)state;
    struct task task = make_task();
    for (size_t i = 0; i < sizeof(compile_rows) / sizeof(compile_rows[0]); i++) {
        const struct compile_row *row = &compile_rows[i];
        struct compile_step step = {
            .command = {run_words, 1}, .blame = row->blame, .suite_fault_pattern = (char *)row->pattern};
        struct step_facts facts = make_facts(&row->end);
        struct finding finding = FINDING_INIT;
        outcome_compile(&task, &step, &facts, row->out, strlen(row->out), &finding);
        check(row->label, &finding, row->status, row->reason, row->text);
    }
}

static void what_a_finding_means_for_the_order_of_things(void **state)
{
    (void)state;
    static const struct {
        struct finding finding;
        enum step_end end;
    } rows[] = {
        {{STATUS_PASS, REASON_OK, false, BUF_INIT}, STEP_END_PASSED},
        {{STATUS_FAIL, REASON_WRONG_OUTPUT, false, BUF_INIT}, STEP_END_FAILED},
        {{STATUS_FAIL, REASON_CRASH, false, BUF_INIT}, STEP_END_FAILED},
        {{STATUS_TIMEOUT, REASON_WALL_TIME, false, BUF_INIT}, STEP_END_FAILED},
        {{STATUS_TIMEOUT, REASON_WALL_TIME, true, BUF_INIT}, STEP_END_FATAL},
        {{STATUS_FAIL, REASON_TAMPERED, false, BUF_INIT}, STEP_END_FATAL},
        {{STATUS_ERROR, REASON_BAD_TASK, false, BUF_INIT}, STEP_END_FATAL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(outcome_step_end(&rows[i].finding), rows[i].end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases),
        cmocka_unit_test(a_case_that_wants_an_exit_code),
        cmocka_unit_test(compiling),
        cmocka_unit_test(what_a_finding_means_for_the_order_of_things),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
