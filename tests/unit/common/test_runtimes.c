#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/message/task.h"
#include "runtimes_fixture.h"

#define MIB ((int64_t)1024 * 1024)

static void reads_every_key(void **state)
{
    (void)state;
    struct runtimes *runtimes = fixture_runtimes();
    assert_int_equal(runtimes->count, 3);
    assert_string_equal(runtimes_names(runtimes), "bash, c, python");
    assert_null(runtimes_find(runtimes, "cobol"));

    const struct runtime *python = runtimes_find(runtimes, "python");
    assert_string_equal(python->description, "Python 3 (pytest)");
    assert_string_equal(python->run_suite.argv[1], "{harness}/pytest/run.py");
    assert_int_equal(python->run_suite.argc, 2);
    assert_null(python->run_suite.argv[2]);
    assert_int_equal(python->suite_protocol, SUITE_REPORT);
    assert_true(python->coverage);
    assert_false(python->address_space_limit);
    assert_int_equal(python->maximum.wall_ms, 120000);
    assert_int_equal(python->maximum.memory_bytes, 4096 * MIB);
    assert_int_equal(python->defaults.wall_ms, 60000);
    assert_string_equal(python->environment[0], "PATH=/usr/local/bin:/usr/bin:/bin");
    assert_null(python->read_only_paths[0]);

    const struct runtime *c = runtimes_find(runtimes, "c");
    assert_string_equal(c->description, "c");
    assert_int_equal(c->compile_cases_count, 1);
    assert_int_equal(c->compile_suite_count, 2);
    assert_int_equal(c->compile_suite[0].blame, BLAME_SUITE);
    assert_int_equal(c->compile_suite[1].blame, BLAME_PROGRAM);
    assert_string_equal(c->compile_suite[1].suite_fault_pattern, "^suite[.]c:");
    assert_int_equal(c->suite_protocol, SUITE_TOKEN);
    assert_true(c->address_space_limit);

    const struct runtime *bash = runtimes_find(runtimes, "bash");
    assert_null(bash->suite_file);
    assert_int_equal(bash->suite_protocol, SUITE_NONE);
    assert_int_equal(bash->defaults.cpu_ms, 7500);
    runtimes_free(runtimes);
    runtimes_free(NULL);
}

/* The self-test of each stanza is a task that the parser takes. */
static void self_tests_are_tasks(void **state)
{
    (void)state;
    struct runtimes *runtimes = fixture_runtimes();
    struct task_rules rules = {.runtimes = runtimes};
    for (size_t i = 0; i < runtimes->count; i++) {
        struct err err = ERR_INIT;
        const char *text = runtimes->items[i].self_test;
        struct task *task = task_parse(text, strlen(text), &rules, NULL, &err);
        assert_string_equal(err.text, "");
        assert_non_null(task);
        if (strcmp(runtimes->items[i].name, "bash") == 0)
            assert_string_equal(task->cases[0].expected_stdout.data, "x\"\n");
        task_free(task);
    }
    runtimes_free(runtimes);
}

static void shipped_file(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct runtimes *runtimes = runtimes_load(ASSAY_SOURCE_DIR "/conf/runtimes.cfg", &err);
    assert_string_equal(err.text, "");
    assert_non_null(runtimes);
    struct task_rules rules = {.runtimes = runtimes};
    for (size_t i = 0; i < runtimes->count; i++) {
        const char *text = runtimes->items[i].self_test;
        struct task *task = task_parse(text, strlen(text), &rules, NULL, &err);
        assert_string_equal(err.text, "");
        task_free(task);
    }
    runtimes_free(runtimes);
}

#define STANZA                                                                                               \
    "program_file = \"p\"; run_case = [\"./p\"]; self_test = { program = \"\"; expected_stdout = \"\"; };"
#define SUITE "suite_file = \"s\"; run_suite = [\"./s\"]; suite_protocol = \"token\";"

/* Each wrong file, and what its error must say. */
static const struct wrong {
    const char *text, *says[3];
} wrong_files[] = {
    {"runtimes = { x = { " STANZA "\n colour = 1; }; };",
     {":2: runtimes.x.colour: unknown key", "program_file"}},
    {"color = 1;", {"unknown key", "runtimes"}},
    {"", {"no group \"runtimes\""}},
    {"runtimes = {};", {"at least one"}},
    {"runtimes = 3;", {"runtimes: must be a group"}},
    {"runtimes = { x = 3; };", {"runtimes.x: must be a group"}},
    {"runtimes = { x = { run_case = [\"a\"]; }; };", {"needs program_file and run_case"}},
    {"runtimes = { x = { program_file = \"p\"; run_case = [\"./p\"]; }; };", {"needs self_test"}},
    {"runtimes = { x = { program_file = \"../p\"; run_case = [\"./p\"]; }; };", {"program_file", "\"..\""}},
    {"runtimes = { x = { program_file = \"/p\"; run_case = [\"./p\"]; }; };", {"is absolute"}},
    {"runtimes = { x = { program_file = \"\"; run_case = [\"./p\"]; }; };", {"must not be empty"}},
    {"runtimes = { x = { program_file = 7; run_case = [\"./p\"]; }; };", {"must be a string"}},
    {"runtimes = { x = { program_file = \"p\"; run_case = []; }; };", {"run_case: must hold at least"}},
    {"runtimes = { x = { program_file = \"p\"; run_case = [\"a/b\"]; }; };", {"absolute path"}},
    {"runtimes = { x = { program_file = \"p\"; run_case = \"./p\"; }; };", {"run_case: must be a list"}},
    {"runtimes = { x = { program_file = \"p\"; run_case = [\"a\", \"{suit}\"]; }; };",
     {"unknown placeholder {suit}", "{harness}"}},
    {"runtimes = { x = { program_file = \"p\"; run_case = [\"a\", \"{suite}\"]; }; };", {"no meaning here"}},
    {"runtimes = { x = { " STANZA " run_suite = [\"./s\", \"{test_files}\"]; }; };",
     {"only in compile_suite"}},
    {"runtimes = { x = { " STANZA " compile_suite = ( { command = [\"a\", \"-I{test_files}\"]; } ); }; };",
     {"as a word of its own"}},
    {"runtimes = { X = { " STANZA " }; };", {"a-z 0-9"}},
    {"runtimes = { auto = { " STANZA " }; };", {"taken"}},
    {"runtimes = { x = { " STANZA " suite_file = \"s\"; }; };", {"only with run_suite"}},
    {"runtimes = { x = { " STANZA " run_suite = [\"./s\"]; }; };", {"needs suite_file"}},
    {"runtimes = { x = { " STANZA " run_suite = [\"./s\"]; suite_file = \"s\"; }; };", {"suite_protocol"}},
    {"runtimes = { x = { " STANZA " run_suite = [\"./s\"]; suite_file = \"s\"; suite_protocol = \"x\"; }; };",
     {"suite_protocol: must be"}},
    {"runtimes = { x = { " STANZA
     " run_suite = [\"./s\"]; suite_file = \"p\"; suite_protocol = \"token\"; }; };",
     {"must differ"}},
    {"runtimes = { x = { " STANZA SUITE " coverage = true; }; };", {"coverage", "report"}},
    {"runtimes = { x = { " STANZA " coverage = true; }; };", {"coverage", "report"}},
    {"runtimes = { x = { " STANZA " coverage = 1; }; };", {"coverage: must be true or false"}},
    {"runtimes = { x = { " STANZA " compile_cases = ( { blame = \"program\"; } ); }; };",
     {"compile_cases[0]", "needs command"}},
    {"runtimes = { x = { " STANZA " compile_cases = ( { command = [\"a\"]; blame = \"me\"; } ); }; };",
     {"compile_cases[0].blame", "\"suite\""}},
    {"runtimes = { x = { " STANZA " compile_cases = ( { command = [\"a\"]; suite_fault = \"x\"; } ); }; };",
     {"compile_suite"}},
    {"runtimes = { x = { " STANZA SUITE
     " compile_suite = ( { command = [\"a\"]; suite_fault = \"(\"; } ); }; };",
     {"regular expression"}},
    {"runtimes = { x = { " STANZA " memory_pattern = \"[\"; }; };", {"memory_pattern", "regular expression"}},
    {"runtimes = { x = { program_file = \"p\"; run_case = [\"a\", \"{program}\"]; warm_case = true; }; };",
     {"warm_case", "absolute path"}},
    {"runtimes = { x = { program_file = \"p\"; run_case = [\"/a\", \"x{program}\"]; warm_case = true; }; };",
     {"warm_case", "{program}"}},
    {"runtimes = { x = { program_file = \"p\"; run_case = [\"/a\", \"{program}\"]; warm_case = true;"
     " environment = [\"LD_PRELOAD=x\"]; }; };",
     {"warm_case", "LD_PRELOAD"}},
    {"runtimes = { x = { " STANZA " warm_case = 1; }; };", {"warm_case: must be true or false"}},
    {"runtimes = { x = { " STANZA " park_suite = true; }; };", {"park_suite", "suite_protocol"}},
    {"runtimes = { x = { program_file = \"p\"; suite_file = \"s\"; run_case = [\"a\"]; run_suite = [\"./s\"];"
     " suite_protocol = \"report\"; park_suite = true; }; };",
     {"park_suite", "absolute path"}},
    {"runtimes = { x = { " STANZA " park_suite = 1; }; };", {"park_suite: must be true or false"}},
    {"runtimes = { x = { " STANZA " environment = [\"NAME\"]; }; };", {"NAME=value"}},
    {"runtimes = { x = { " STANZA " environment = [\"1A=b\"]; }; };", {"NAME=value"}},
    {"runtimes = { x = { " STANZA " read_only_paths = [\"usr\"]; }; };", {"absolute path"}},
    {"runtimes = { x = { " STANZA " compiler = [\"gcc\"]; }; };", {"compiler", "absolute path"}},
    {"runtimes = { x = { " STANZA " compile_cases = ( { command = [\"a\"]; outputs = [\"x\"]; } ); }; };",
     {"need compiler"}},
    {"runtimes = { x = { " STANZA
     " compiler = [\"/a\"]; compile_cases = ( { command = [\"a\"]; outputs = [\"x/y\"]; } ); }; };",
     {"outputs", "workspace itself"}},
    {"runtimes = { x = { " STANZA " compile_cases = ( { command = [\"a\"]; reads_task = false; } ); }; };",
     {"reads_task", "needs outputs"}},
    {"runtimes = { x = { " STANZA SUITE
     " compile_suite = ( { command = [\"a\"]; after_failure = true; } ); }; };",
     {"after_failure", "compile_cases"}},
    {"runtimes = { x = { " STANZA " defaults = { wall_ms = 3; }; }; };", {"wall_ms: unknown key", "wall_s"}},
    {"runtimes = { x = { " STANZA " defaults = { wall_s = -1; }; }; };", {"wall_s: -1 is out of bounds"}},
    {"runtimes = { x = { " STANZA " defaults = { wall_s = 0; }; }; };", {"out of bounds"}},
    {"runtimes = { x = { " STANZA " defaults = { wall_s = \"3\"; }; }; };", {"must be a number"}},
    {"runtimes = { x = { " STANZA " defaults = { memory_mb = 1.5; }; }; };", {"must be an integer"}},
    {"runtimes = { x = { " STANZA " maximum = { output_kb = 4097; }; }; };", {"out of bounds", "4096"}},
    {"runtimes = { x = { " STANZA " defaults = { wall_s = 400; }; }; };",
     {"defaults.wall_s: is above the maximum 300"}},
    {"runtimes = { x = { " STANZA " minimum = { memory_mb = 0; }; }; };",
     {"minimum.memory_mb", "out of bounds"}},
    {"runtimes = { x = { " STANZA " defaults = { memory_mb = 32; }; minimum = { memory_mb = 33; }; }; };",
     {"minimum.memory_mb: is above the 32 that a task has"}},
    {"runtimes = { x = { " STANZA " minimum = { memory_mb = 513; }; }; };", {"is above the 512", "strict"}},
    {"runtimes = { x = { " STANZA " maximum = { memory_mb = 32; }; minimum = { memory_mb = 33; }; }; };",
     {"is above the 32"}},
    {"runtimes = { x = { " STANZA " maximum = { task_wall_s = 10; }; }; };", {"task_wall_s 10 is below"}},
    {"runtimes = { x = { program_file = \"p\"; run_case = [\"./p\"]; self_test = { program = \"\"; }; }; };",
     {"self_test", "expected_stdout"}},
    {"runtimes = { x = { program_file = \"p\"; run_case = [\"./p\"]; self_test = { program = \"\"; suite = "
     "\"\"; }; "
     "}; };",
     {"no run_suite"}},
    {"runtimes = { x = { ", {"syntax"}},
};

static void wrong_files_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong_files) / sizeof(wrong_files[0]); i++) {
        struct err err = ERR_INIT;
        char path[64];
        struct runtimes *runtimes = fixture_load(wrong_files[i].text, path, &err);
        if (runtimes != NULL)
            fail_msg("accepted: %s", wrong_files[i].text);
        assert_int_equal(err.code, ERR_CONFIG);
        if (strncmp(err.text, path, strlen(path)) != 0)
            fail_msg("%s: does not name the file: %s", wrong_files[i].text, err.text);
        for (size_t j = 0; j < 3 && wrong_files[i].says[j] != NULL; j++)
            if (strstr(err.text, wrong_files[i].says[j]) == NULL)
                fail_msg("%s: says \"%s\", not \"%s\"", wrong_files[i].text, err.text,
                         wrong_files[i].says[j]);
    }
    struct err err = ERR_INIT;
    assert_null(runtimes_load("/nonexistent/runtimes.cfg", &err));
    assert_non_null(strstr(err.text, "/nonexistent/runtimes.cfg"));
}

/* What comes from further out than the stanza is lowered to the stanza's maximum. */
static void outer_defaults_are_lowered(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct runtimes *runtimes = fixture_load("defaults = { processes = 32; }; runtimes = { x = { " STANZA
                                             " maximum = { wall_s = 5.5; memory_mb = 64; }; }; };",
                                             NULL, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(runtimes->items[0].defaults.wall_ms, 5500);
    assert_int_equal(runtimes->items[0].defaults.memory_bytes, 64 * MIB);
    assert_int_equal(runtimes->items[0].defaults.processes, 32);
    runtimes_free(runtimes);
}

static void limits_are_resolved(void **state)
{
    (void)state;
    struct runtimes *runtimes = fixture_runtimes();
    const struct runtime *python = runtimes_find(runtimes, "python");
    const struct runtime *bash = runtimes_find(runtimes, "bash");
    struct limits none = {0}, limits;

    limits_resolve(&python->defaults, &python->maximum, PROFILE_STANDARD, &none, &limits);
    assert_int_equal(limits.wall_ms, 60000);
    assert_int_equal(limits.task_wall_ms, 300000);
    assert_int_equal(limits.cpu_ms, 120000);
    assert_int_equal(limits.memory_bytes, 2048 * MIB);

    limits_resolve(&python->defaults, &python->maximum, PROFILE_STRICT, &none, &limits);
    assert_int_equal(limits.wall_ms, 30000);
    assert_int_equal(limits.task_wall_ms, 150000);
    assert_int_equal(limits.cpu_ms, 15000);
    assert_int_equal(limits.memory_bytes, 512 * MIB);

    /* The stanza's own default, where it is below the strict profile's. */
    limits_resolve(&bash->defaults, &bash->maximum, PROFILE_STRICT, &none, &limits);
    assert_int_equal(limits.wall_ms, 20000);
    assert_int_equal(limits.cpu_ms, 7500);
    assert_int_equal(limits.memory_bytes, 256 * MIB);

    /* What a task says holds under any profile; the rest follows it, at most the maximum. */
    struct limits asked = {.wall_ms = 120000, .memory_bytes = 1024 * MIB};
    limits_resolve(&python->defaults, &python->maximum, PROFILE_STRICT, &asked, &limits);
    assert_int_equal(limits.wall_ms, 120000);
    assert_int_equal(limits.task_wall_ms, 600000);
    assert_int_equal(limits.cpu_ms, 60000);
    assert_int_equal(limits.memory_bytes, 1024 * MIB);

    struct limits instant = {.wall_ms = 1};
    limits_resolve(&python->defaults, &python->maximum, PROFILE_STRICT, &instant, &limits);
    assert_int_equal(limits.cpu_ms, 1);
    for (size_t i = 0; i < LIMIT_KEY_COUNT; i++)
        assert_true(limits_get(&limits, &limit_keys[i]) > 0);
    runtimes_free(runtimes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_key),
        cmocka_unit_test(self_tests_are_tasks),
        cmocka_unit_test(shipped_file),
        cmocka_unit_test(wrong_files_are_refused),
        cmocka_unit_test(outer_defaults_are_lowered),
        cmocka_unit_test(limits_are_resolved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
