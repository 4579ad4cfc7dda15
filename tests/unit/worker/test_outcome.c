#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/outcome.h"

#define SECRET      "00112233445566778899aabbccddeeff"
#define K           "{\"k\":\"" SECRET "\","
#define DONE        K "\"t\":\"done\"}\n"
#define PLAN(names) K "\"t\":\"plan\",\"tests\":[" names "]}\n"
#define TEST(name, outcome, more)                                                                            \
    K "\"t\":\"test\",\"name\":\"" name "\",\"outcome\":\"" outcome "\",\"ms\":1" more "}\n"
#define PASSED(name)          TEST(name, "passed", "")
#define FAILED(name, message) TEST(name, "failed", ",\"message\":\"" message "\"")
#define FAULT(fault, message) K "\"t\":\"suite_error\",\"fault\":\"" fault "\",\"message\":\"" message "\"}\n"

static char *run_words[] = {(char *)"./program", NULL};

static struct runtime runtime = {
    .name = (char *)"python",
    .run_case = {run_words, 1},
    .suite_protocol = SUITE_REPORT,
    .memory_pattern = (char *)"^MemoryError|heap out of memory",
};

static struct task make_task(void)
{
    return (struct task){
        .runtime = &runtime,
        .limits = {.wall_ms = 2000,
                   .task_wall_ms = 5000,
                   .cpu_ms = 1000,
                   .memory_bytes = 64 << 20,
                   .processes = 8,
                   .output_bytes = 1024,
                   .disk_bytes = 16 << 20,
                   .compile_wall_ms = 3000},
    };
}

/* How the process ended; what is not said is a clean exit 0. */
struct end {
    enum step_stop stop;
    int exit_code, signal_number, start_errno;
    int64_t cpu_ms, oom_kills, process_denials;
    bool disk_full;
    const char *stderr_text;
};

static struct step_facts make_facts(const struct end *end)
{
    bool killed = end->stop != STOP_NONE;
    return (struct step_facts){
        .stop = end->stop,
        .flooded = "stdout",
        .flooded_bytes = 16384,
        .exited = end->signal_number == 0 && !killed,
        .exit_code = end->exit_code,
        .signal_number = end->signal_number != 0 ? end->signal_number
                         : killed                ? SIGKILL
                                                 : 0,
        .start_errno = end->start_errno,
        .cpu_us = end->cpu_ms * 1000,
        .oom_kills = end->oom_kills,
        .process_denials = end->process_denials,
        .disk_full = end->disk_full,
        .err_tail = end->stderr_text,
        .err_tail_size = end->stderr_text != NULL ? strlen(end->stderr_text) : 0,
    };
}

static void check(const char *label, struct finding *finding, enum status status, enum reason reason,
                  const char *text)
{
    if (finding->status != status || finding->reason != reason)
        fail_msg("%s: %s/%s: %s", label, status_name(finding->status), reason_name(finding->reason),
                 buf_text(&finding->text));
    if (text != NULL && strstr(buf_text(&finding->text), "b: b: ") != NULL)
        fail_msg("%s: the name twice: %s", label, buf_text(&finding->text));
    if (text == NULL ? finding->text.size != 0 : strstr(buf_text(&finding->text), text) == NULL)
        fail_msg("%s: \"%s\" lacks \"%s\"", label, buf_text(&finding->text), text);
    buf_free(&finding->text);
}

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

/* ---- suites ---- */

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
        cmocka_unit_test(suites),
        cmocka_unit_test(suites_that_stop_at_the_first_failure),
        cmocka_unit_test(completion_tokens),
        cmocka_unit_test(what_a_finding_means_for_the_order_of_things),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
