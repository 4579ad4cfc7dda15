#include "outcome_fixture.h"

#define SECRET      "00112233445566778899aabbccddeeff"
#define K           "{\"k\":\"" SECRET "\","
#define DONE        K "\"t\":\"done\"}\n"
#define PLAN(names) K "\"t\":\"plan\",\"tests\":[" names "]}\n"
#define TEST(name, outcome, more)                                                                            \
    K "\"t\":\"test\",\"name\":\"" name "\",\"outcome\":\"" outcome "\",\"ms\":1" more "}\n"
#define PASSED(name)          TEST(name, "passed", "")
#define FAILED(name, message) TEST(name, "failed", ",\"message\":\"" message "\"")
#define FAULT(fault, message) K "\"t\":\"suite_error\",\"fault\":\"" fault "\",\"message\":\"" message "\"}\n"

struct suite_row {
    const char *label;
    struct end end;
    const char *report;
    enum status status;
    enum reason reason;
    const char *text;
};

#define AB PLAN("\"a\",\"b\"")

static const struct suite_row suite_rows[] = {
    {"all passed", {.stop = STOP_NONE}, AB PASSED("a") PASSED("b") DONE, STATUS_PASS, REASON_OK, NULL},
    {"exit code says nothing",
     {.exit_code = 1},
     AB PASSED("a") PASSED("b") DONE,
     STATUS_PASS,
     REASON_OK,
     NULL},
    {"xfail and xpass",
     {.stop = STOP_NONE},
     AB TEST("a", "xfailed", "") TEST("b", "xpassed", "") DONE,
     STATUS_PASS,
     REASON_OK,
     NULL},
    {"one failed",
     {.exit_code = 1},
     AB PASSED("a") FAILED("b", "assert 1 == 2") DONE,
     STATUS_FAIL,
     REASON_ASSERTION,
     "b: assert 1 == 2"},
    {"one with an error and no words",
     {.exit_code = 1},
     AB TEST("a", "error", "") PASSED("b") DONE,
     STATUS_FAIL,
     REASON_ASSERTION,
     "a: error"},
    {"the suite's skip",
     {.stop = STOP_NONE},
     AB PASSED("a") TEST("b", "skipped", ",\"suite_skip\":true") DONE,
     STATUS_PASS,
     REASON_OK,
     NULL},
    {"a forced skip",
     {.stop = STOP_NONE},
     AB PASSED("a") TEST("b", "skipped", "") DONE,
     STATUS_FAIL,
     REASON_TAMPERED,
     "b: the program made the test skip"},
    {"all skipped",
     {.stop = STOP_NONE},
     PLAN("\"a\"") TEST("a", "skipped", ",\"suite_skip\":true") DONE,
     STATUS_ERROR,
     REASON_NO_TESTS,
     "skips all"},
    {"nothing in it", {.stop = STOP_NONE}, PLAN("") DONE, STATUS_ERROR, REASON_NO_TESTS, "no tests"},
    {"vanished",
     {.stop = STOP_NONE},
     AB PASSED("a") DONE,
     STATUS_FAIL,
     REASON_TAMPERED,
     "b: the test did not report"},
    {"vanished beside a failure",
     {.stop = STOP_NONE},
     AB FAILED("a", "x") DONE,
     STATUS_FAIL,
     REASON_TAMPERED,
     "b: the test did not report"},
    {"all vanished",
     {.exit_code = 1},
     AB FAULT("no_tests", "none") DONE,
     STATUS_FAIL,
     REASON_TAMPERED,
     "vanished"},
    {"no tests",
     {.exit_code = 1},
     PLAN("") FAULT("no_tests", "none") DONE,
     STATUS_ERROR,
     REASON_NO_TESTS,
     "test_suite_code: none"},
    {"does not parse",
     {.exit_code = 1},
     PLAN("") FAULT("suite", "SyntaxError") DONE,
     STATUS_ERROR,
     REASON_BAD_TASK,
     "test_suite_code: SyntaxError"},
    {"import fails",
     {.exit_code = 1},
     AB FAULT("program", "ImportError: f") DONE,
     STATUS_FAIL,
     REASON_COMPILE,
     "ImportError: f"},
    {"import runs out of memory",
     {.exit_code = 1, .stderr_text = "MemoryError in the import"},
     AB FAULT("program", "no f") DONE,
     STATUS_FAIL,
     REASON_MEMORY,
     "memory"},
    {"import fails with a traceback",
     {.exit_code = 1},
     AB FAULT("program", "Traceback (x):\\n  File a\\nImportError: f") DONE,
     STATUS_FAIL,
     REASON_COMPILE,
     "import: ImportError: f\nTraceback (x):\n  File a"},
    {"the harness saw it",
     {.exit_code = 1},
     AB PASSED("a") PASSED("b") K "\"t\":\"tampered\",\"message\":\"patched\"}\n" DONE,
     STATUS_FAIL,
     REASON_TAMPERED,
     "patched"},
    {"forged", {.stop = STOP_REPORT}, AB "{\"t\":\"done\"}\n", STATUS_FAIL, REASON_TAMPERED, "did not write"},
    {"forged before a crash",
     {.signal_number = SIGSEGV},
     AB "x\n",
     STATUS_FAIL,
     REASON_TAMPERED,
     "did not write"},
    {"early exit 0",
     {.exit_code = 0},
     AB PASSED("a"),
     STATUS_FAIL,
     REASON_TAMPERED,
     "b: the process ended (exit code 0) before"},
    {"early exit 3",
     {.exit_code = 3},
     AB,
     STATUS_FAIL,
     REASON_TAMPERED,
     "a: the process ended (exit code 3)"},
    {"all reported, but no end",
     {.exit_code = 0},
     AB PASSED("a") PASSED("b"),
     STATUS_FAIL,
     REASON_TAMPERED,
     "before the tests were complete"},
    {"crash",
     {.signal_number = SIGSEGV},
     AB PASSED("a"),
     STATUS_FAIL,
     REASON_CRASH,
     "b: killed by signal 11 (SIGSEGV)"},
    {"crash at the end",
     {.signal_number = SIGSEGV},
     AB PASSED("a") PASSED("b") DONE,
     STATUS_FAIL,
     REASON_CRASH,
     "SIGSEGV"},
    {"hangs at the end", {.stop = STOP_DONE}, AB PASSED("a") PASSED("b") DONE, STATUS_PASS, REASON_OK, NULL},
    {"hangs at the end, one failed",
     {.stop = STOP_DONE},
     AB PASSED("a") FAILED("b", "x") DONE,
     STATUS_FAIL,
     REASON_ASSERTION,
     "b: x"},
    {"wall",
     {.stop = STOP_WALL},
     AB PASSED("a"),
     STATUS_TIMEOUT,
     REASON_WALL_TIME,
     "b: stopped at the wall time limit of 2 s"},
    {"wall between tests",
     {.stop = STOP_WALL},
     AB PASSED("a") PASSED("b"),
     STATUS_TIMEOUT,
     REASON_WALL_TIME,
     "the suite: stopped"},
    {"wall before anything", {.stop = STOP_WALL}, "", STATUS_TIMEOUT, REASON_WALL_TIME, "the suite: stopped"},
    {"cpu", {.signal_number = SIGXCPU, .cpu_ms = 1004}, AB, STATUS_TIMEOUT, REASON_CPU_TIME, "a: used more"},
    {"memory",
     {.signal_number = SIGKILL, .oom_kills = 1},
     AB PASSED("a"),
     STATUS_FAIL,
     REASON_MEMORY,
     "b: ran out of memory"},
    {"memory in a test",
     {.exit_code = 1, .stderr_text = "MemoryError in b\n"},
     AB PASSED("a") FAILED("b", "x") DONE,
     STATUS_FAIL,
     REASON_MEMORY,
     "b: ran out of memory"},
    {"memory only spoken of",
     {.exit_code = 1},
     AB PASSED("a") FAILED("b", "MemoryError") DONE,
     STATUS_FAIL,
     REASON_ASSERTION,
     "b: MemoryError"},
    {"the name is in the message already",
     {.exit_code = 1},
     AB PASSED("a") FAILED("b", "b: t.py:5: x") DONE,
     STATUS_FAIL,
     REASON_ASSERTION,
     "b: t.py:5: x"},
    {"crash with a trace",
     {.signal_number = SIGSEGV, .stderr_text = "Fatal: segfault\n\nCurrent thread (first):\n  File x\n"},
     AB PASSED("a"),
     STATUS_FAIL,
     REASON_CRASH,
     "(SIGSEGV): Fatal: segfault"},
    {"output", {.stop = STOP_OUTPUT}, AB PASSED("a"), STATUS_FAIL, REASON_OUTPUT, "b: wrote more than"},
    {"processes",
     {.exit_code = 1, .process_denials = 1},
     AB PASSED("a") FAILED("b", "x") DONE,
     STATUS_FAIL,
     REASON_PROCESSES,
     "b: tried"},
    {"processes without harm",
     {.process_denials = 1},
     AB PASSED("a") PASSED("b") DONE,
     STATUS_PASS,
     REASON_OK,
     NULL},
    {"disk",
     {.disk_full = true},
     AB FAILED("a", "OSError") PASSED("b") DONE,
     STATUS_FAIL,
     REASON_DISK,
     "a: filled"},
    {"no harness",
     {.exit_code = 2, .stderr_text = "can't open file"},
     "",
     STATUS_ERROR,
     REASON_INFRA,
     "the harness did not start: exit code 2: can't open file"},
    {"no memory for the harness",
     {.exit_code = 1, .stderr_text = "MemoryError"},
     "",
     STATUS_ERROR,
     REASON_BAD_TASK,
     "the harness, before the program: ran out of memory (limit 64 MB)"},
    {"the harness says that it has no memory",
     {.exit_code = 1},
     K "\"t\":\"harness_error\",\"message\":\"no pytest: heap out of memory\"}\n",
     STATUS_ERROR,
     REASON_BAD_TASK,
     "the harness, before the program: ran out of memory (limit 64 MB)"},
    {"no processes for the harness",
     {.signal_number = SIGABRT, .process_denials = 3},
     "",
     STATUS_ERROR,
     REASON_BAD_TASK,
     "the harness, before the program: tried"},
    {"the harness cannot",
     {.exit_code = 1},
     K "\"t\":\"harness_error\",\"message\":\"no pytest\"}\n" DONE,
     STATUS_ERROR,
     REASON_INFRA,
     "no pytest"},
    {"killed before the plan",
     {.signal_number = SIGKILL},
     "",
     STATUS_ERROR,
     REASON_INFRA,
     "the harness did not start: killed by signal 9 (SIGKILL)"},
    {"killed behind the plan",
     {.signal_number = SIGKILL},
     AB,
     STATUS_FAIL,
     REASON_CRASH,
     "a: killed by signal 9"},
};

static void check_suites(const struct task *task, const struct suite_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct step_facts facts = make_facts(&rows[i].end);
        struct finding finding = FINDING_INIT;
        struct report *report = malloc(sizeof(*report));
        assert_non_null(report);
        report_init(report, SECRET);
        if (task->runtime->suite_protocol == SUITE_TOKEN)
            report_expect(report, "main");
        (void)report_feed(report, rows[i].report, strlen(rows[i].report));
        report_finish(report, facts.stop == STOP_NONE && facts.exited);
        outcome_suite(task, &facts, report, &finding);
        check(rows[i].label, &finding, rows[i].status, rows[i].reason, rows[i].text);
        report_free(report);
        free(report);
    }
}

static void suites(void **state)
{
    (void)state;
    struct task task = make_task();
    check_suites(&task, suite_rows, sizeof(suite_rows) / sizeof(suite_rows[0]));
}

static void suites_that_stop_at_the_first_failure(void **state)
{
    (void)state;
    static const struct suite_row rows[] = {
        {"the rest is excused",
         {.exit_code = 1},
         AB FAILED("a", "x") DONE,
         STATUS_FAIL,
         REASON_ASSERTION,
         "a: x"},
        {"but not without a failure",
         {.exit_code = 0},
         AB PASSED("a") DONE,
         STATUS_FAIL,
         REASON_TAMPERED,
         "b: "},
    };
    struct task task = make_task();
    task.stop_on_first_failure = true;
    check_suites(&task, rows, sizeof(rows) / sizeof(rows[0]));
}

static void completion_tokens(void **state)
{
    (void)state;
    static const struct suite_row rows[] = {
        {"returned 0", {.exit_code = 0}, PASSED("main") DONE, STATUS_PASS, REASON_OK, NULL},
        {"returned 1",
         {.exit_code = 1},
         FAILED("main", "returned 1") DONE,
         STATUS_FAIL,
         REASON_ASSERTION,
         "main: returned 1"},
        {"exit(0) somewhere",
         {.exit_code = 0},
         "",
         STATUS_FAIL,
         REASON_TAMPERED,
         "main: the process ended (exit code 0)"},
        {"exit(5) somewhere",
         {.exit_code = 5, .stderr_text = "bad\n"},
         "",
         STATUS_FAIL,
         REASON_ASSERTION,
         "main: ended with exit code 5 before main returned: bad"},
        {"abort",
         {.signal_number = SIGABRT},
         "",
         STATUS_FAIL,
         REASON_CRASH,
         "main: killed by signal 6 (SIGABRT)"},
        {"token without the end",
         {.exit_code = 0},
         PASSED("main"),
         STATUS_FAIL,
         REASON_TAMPERED,
         "exit code 0"},
        {"guessed token",
         {.exit_code = 0},
         "{\"k\":\"0\",\"t\":\"done\"}\n",
         STATUS_FAIL,
         REASON_TAMPERED,
         "did not write"},
    };
    struct runtime compiled = runtime;
    compiled.suite_protocol = SUITE_TOKEN;
    struct task task = make_task();
    task.runtime = &compiled;
    check_suites(&task, rows, sizeof(rows) / sizeof(rows[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suites),
        cmocka_unit_test(suites_that_stop_at_the_first_failure),
        cmocka_unit_test(completion_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
