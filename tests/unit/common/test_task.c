#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/message/task.h"
#include "runtimes_fixture.h"

static struct runtimes *runtimes;

static struct task *parse_with(const char *body, const struct task_rules *rules)
{
    struct err err = ERR_INIT;
    struct task *task = task_parse(body, strlen(body), rules, NULL, &err);
    if (task == NULL)
        fail_msg("%s: %s", body, err.text);
    assert_int_equal(err.code, ERR_NONE);
    return task;
}

static struct task *parse(const char *body)
{
    struct task_rules rules = {.runtimes = runtimes};
    return parse_with(body, &rules);
}

static const struct task_file *find_file(const struct task *task, const char *path)
{
    for (size_t i = 0; i < task->file_count; i++)
        if (strcmp(task->files[i].path, path) == 0)
            return &task->files[i];
    return NULL;
}

static void smallest_task(void **state)
{
    (void)state;
    struct task *task = parse("{\"task_id\":\"a/1\",\"runtime\":\"python\",\"implementation_code\":\"\","
                              "\"test_suite_code\":\"def test_a(): pass\"}");
    assert_string_equal(task->task_id, "a/1");
    assert_string_equal(task->job_id, "default");
    assert_string_equal(task->runtime->name, "python");
    assert_int_equal(task->implementation_code.size, 0);
    assert_non_null(task->implementation_code.data);
    assert_string_equal(task->test_suite_code.data, "def test_a(): pass");
    assert_int_equal(task->case_count, 0);
    assert_int_equal(task->file_count, 0);
    assert_int_equal(task->limits.wall_ms, 60000);
    assert_int_equal(task->limits.cpu_ms, 120000);
    assert_int_equal(task->profile, PROFILE_STANDARD);
    assert_int_equal(task->lane, LANE_NORMAL);
    assert_false(task->coverage || task->stop_on_first_failure || task->has_expires_at ||
                 task->has_reconstruction_id);
    task_free(task);
    task_free(NULL);
}

static void every_field(void **state)
{
    (void)state;
    struct task *task = parse(
        "{\"task_id\":\"t\",\"job_id\":\"j\",\"runtime\":\"python\",\"implementation_code\":\"x = "
        "'caf\\u00e9'\","
        "\"test_suite_code\":\"s\",\"cases\":[{\"name\":\"first\",\"stdin\":\"in\",\"args\":[\"-a\",\"b c\"],"
        "\"expected_stdout\":\"out\",\"exit_code\":3,\"compare\":{\"float\":1e-6}},"
        "{\"expected_stdout\":\"\",\"compare\":\"tokens\"},{\"expected_stdout\":\"\",\"compare\":\"exact\"},"
        "{\"expected_stdout\":\"\",\"compare\":\"trim\",\"exit_code\":0.0}],"
        "\"files\":{\"lib/a.py\":\"1\",\"data.bin\":{\"base64\":\"AAEC\"},\"both\":\"program\"},"
        "\"test_files\":{\"conftest.py\":\"2\",\"both\":\"suite\"},"
        "\"limits\":{\"wall_s\":1.5,\"task_wall_s\":9,\"cpu_s\":0.25,\"memory_mb\":64,\"processes\":7,"
        "\"output_kb\":8,\"disk_mb\":16,\"compile_wall_s\":2},\"timeout\":1.5,\"stop_on_first_failure\":true,"
        "\"labels\":{\"model\":\"m-1\",\"empty\":\"\"},\"reconstruction_id\":42,"
        "\"expires_at\":\"2026-01-31T12:00:00+01:00\",\"profile\":\"strict\",\"lane\":\"bulk\",\"coverage\":"
        "true}");
    assert_string_equal(task->implementation_code.data, "x = 'caf\xc3\xa9'");
    assert_int_equal(task->case_count, 4);
    const struct task_case *first = &task->cases[0];
    assert_string_equal(first->name, "first");
    assert_string_equal(first->input.data, "in");
    assert_int_equal(first->arg_count, 2);
    assert_string_equal(first->args[1], "b c");
    assert_null(first->args[2]);
    assert_int_equal(first->exit_code, 3);
    assert_int_equal(first->compare, COMPARE_FLOAT);
    assert_true(first->tolerance > 0.99e-6 && first->tolerance < 1.01e-6);
    assert_string_equal(task->cases[1].name, "case_2");
    assert_int_equal(task->cases[1].input.size, 0);
    assert_non_null(task->cases[1].input.data);
    assert_int_equal(task->cases[1].arg_count, 0);
    assert_null(task->cases[1].args[0]);
    assert_int_equal(task->cases[1].compare, COMPARE_TOKENS);
    assert_int_equal(task->cases[2].compare, COMPARE_EXACT);
    assert_int_equal(task->cases[3].compare, COMPARE_TRIM);

    assert_int_equal(task->file_count, 4);
    assert_false(find_file(task, "lib/a.py")->trusted);
    assert_int_equal(find_file(task, "data.bin")->content.size, 3);
    assert_memory_equal(find_file(task, "data.bin")->content.data, "\0\1\2", 3);
    assert_true(find_file(task, "conftest.py")->trusted);
    assert_true(find_file(task, "both")->trusted);
    assert_string_equal(find_file(task, "both")->content.data, "suite");

    assert_int_equal(task->limits.wall_ms, 1500);
    assert_int_equal(task->limits.task_wall_ms, 9000);
    assert_int_equal(task->limits.cpu_ms, 250);
    assert_int_equal(task->limits.memory_bytes, 64 << 20);
    assert_int_equal(task->limits.processes, 7);
    assert_int_equal(task->limits.output_bytes, 8 << 10);
    assert_int_equal(task->limits.disk_bytes, 16 << 20);
    assert_int_equal(task->limits.compile_wall_ms, 2000);
    assert_true(task->stop_on_first_failure && task->coverage);
    assert_int_equal(task->label_count, 2);
    assert_string_equal(task->labels[0].name, "model");
    assert_string_equal(task->labels[0].value, "m-1");
    assert_true(task->has_reconstruction_id);
    assert_int_equal(task->reconstruction_id, 42);
    assert_true(task->has_expires_at);
    assert_int_equal(task->expires_at_ms, 1769857200000);
    assert_int_equal(task->profile, PROFILE_STRICT);
    assert_int_equal(task->lane, LANE_BULK);

    autobuf struct buf key = BUF_INIT;
    task_routing_key(task, &key);
    assert_string_equal(buf_text(&key), "python.bulk");
    task_free(task);
}

static void timeout_is_wall_s(void **state)
{
    (void)state;
    struct task *task =
        parse("{\"task_id\":\"t\",\"runtime\":\"bash\",\"implementation_code\":\"\",\"timeout\":2,"
              "\"cases\":[{\"expected_stdout\":\"\"}]}");
    assert_int_equal(task->limits.wall_ms, 2000);
    assert_int_equal(task->limits.task_wall_ms, 10000);
    assert_int_equal(task->limits.cpu_ms, 7500); /* the stanza's own */
    autobuf struct buf key = BUF_INIT;
    task_routing_key(task, &key);
    assert_string_equal(buf_text(&key), "bash");
    task_free(task);
}

static void program_in_files(void **state)
{
    (void)state;
    struct task *task =
        parse("{\"task_id\":\"t\",\"runtime\":\"bash\",\"cases\":[{\"expected_stdout\":\"\"}],"
              "\"files\":{\"program.sh\":\"echo\",\"a/b\":\"\",\"a.b\":\"\",\"a/c/d\":\"\"}}");
    assert_null(task->implementation_code.data);
    assert_int_equal(task->file_count, 4);
    task_free(task);
    /* The suite's name is free where there is no suite. */
    task = parse("{\"task_id\":\"t\",\"runtime\":\"python\",\"implementation_code\":\"\",\"cases\":"
                 "[{\"expected_stdout\":\"\"}],\"files\":{\"test_implementation.py\":\"\"}}");
    task_free(task);
}

#define REST "\"runtime\":\"bash\",\"implementation_code\":\"\",\"cases\":[{\"expected_stdout\":\"\"}]}"

static void ids_and_defaults(void **state)
{
    (void)state;
    struct task_rules rules = {.runtimes = runtimes, .message_id = "from/message", .default_job_id = "mine"};
    struct task *task = parse_with("{" REST, &rules);
    assert_string_equal(task->task_id, "from/message");
    assert_string_equal(task->job_id, "mine");
    task_free(task);
    task = parse_with("{\"task_id\":\"own\",\"job_id\":\"its\"," REST, &rules);
    assert_string_equal(task->task_id, "own");
    assert_string_equal(task->job_id, "its");
    task_free(task);
    rules.routing_key_runtime = "bash";
    task = parse_with("{" REST, &rules);
    task_free(task);
}

static struct task_identity identify(const char *body, const char *message_id, const char *queue_runtime)
{
    struct task_rules rules = {
        .runtimes = runtimes, .message_id = message_id, .routing_key_runtime = queue_runtime};
    struct task_identity identity;
    struct err err = ERR_INIT;
    task_free(task_parse(body, strlen(body), &rules, &identity, &err));
    return identity;
}

/* A bad task is stored under the best name that can be had. */
static void identity(void **state)
{
    (void)state;
    struct task_identity who = identify(
        "{\"task_id\":\"t\",\"job_id\":\"j\",\"runtime\":\"c\",\"reconstruction_id\":7,\"x\":1}", NULL, NULL);
    assert_string_equal(who.task_id, "t");
    assert_string_equal(who.job_id, "j");
    assert_string_equal(who.runtime, "c");
    assert_true(who.has_reconstruction_id);
    assert_int_equal(who.reconstruction_id, 7);

    who = identify("not json", "m-1", "python");
    assert_string_equal(who.task_id, "m-1");
    assert_string_equal(who.job_id, "default");
    assert_string_equal(who.runtime, "python");
    assert_false(who.has_reconstruction_id);

    who = identify("hello", "not an id", NULL);
    assert_string_equal(who.task_id,
                        "unidentified/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_string_equal(who.runtime, "");

    /* A field given twice is an error, but no reason to lose the task's name. */
    who = identify("{\"task_id\":\"t\",\"timeout\":1,\"timeout\":2}", "m", NULL);
    assert_string_equal(who.task_id, "t");

    /* Ids outside the alphabet, or of the wrong type, are no ids. */
    who = identify("{\"task_id\":\"a b\",\"job_id\":7,\"runtime\":[]}", NULL, NULL);
    assert_memory_equal(who.task_id, "unidentified/", 13);
    assert_string_equal(who.job_id, "default");
    who = identify("{\"task_id\":\"a\\u0000b\"}", "m", NULL);
    assert_string_equal(who.task_id, "m");
    who = identify("[]", NULL, NULL);
    assert_memory_equal(who.task_id, "unidentified/", 13);
    who = identify("", NULL, NULL);
    assert_memory_equal(who.task_id, "unidentified/e3b0c442", 21);
}

static void to_json_fills_in_ids(void **state)
{
    (void)state;
    struct task_rules rules = {.runtimes = runtimes, .message_id = "made", .default_job_id = "job"};
    struct task *task = parse_with("{ \"timeout\" : 1.5 , \"labels\":{\"\\u00fc\":\"\\n\"}," REST, &rules);
    size_t size = 0;
    char *text = task_to_json(task, &size);
    assert_string_equal(text, "{\"timeout\":1.5,\"labels\":{\"\xc3\xbc\":\"\\n\"},\"runtime\":\"bash\","
                              "\"implementation_code\":\"\",\"cases\":[{\"expected_stdout\":\"\"}],"
                              "\"task_id\":\"made\",\"job_id\":\"job\"}");
    assert_int_equal(size, strlen(text));
    task_free(task);
    task = parse(text); /* and it is a task again */
    assert_string_equal(task->task_id, "made");
    task_free(task);
    free(text);
}

static void a_body_is_completed_by_its_own_bytes(void **state)
{
    (void)state;
    struct task_rules rules = {.runtimes = runtimes, .content_id = true, .default_job_id = "job"};
    static const char body[] = " { \"timeout\" : 1.50 , " REST;
    struct task *task = parse_with(body, &rules);
    assert_int_equal(task->lacks, TASK_LACKS_TASK_ID | TASK_LACKS_JOB_ID);
    size_t size = 0;
    char *text = task_complete(body, strlen(body), task->lacks, task->task_id, task->job_id, &size);
    assert_int_equal(size, strlen(text));
    assert_non_null(strstr(text, " {\"task_id\":\"sha256-"));
    assert_non_null(strstr(text, "\",\"job_id\":\"job\", \"timeout\" : 1.50 , "));
    struct task *again = parse(text); /* it is the same task, and lacks nothing */
    assert_int_equal(again->lacks, 0);
    assert_string_equal(again->task_id, task->task_id);
    assert_string_equal(again->job_id, "job");
    free(text);
    text = task_complete(body, strlen(body), 0, "x", "y", &size);
    assert_string_equal(text, body);
    free(text);
    task_free(again);
    task_free(task);
}

static void content_id(void **state)
{
    (void)state;
    char id[TEXT_ID_MAX + 1], other[TEXT_ID_MAX + 1];
    task_content_id("hello", 5, id);
    assert_string_equal(id, "sha256-2cf24dba5fb0a30e26e83b2ac5b9e29e");
    task_content_id("hello ", 6, other);
    assert_string_not_equal(id, other);
    assert_true(text_is_id(id, strlen(id)));
}

/* Everything at its bound is still taken. */
static void at_the_bounds(void **state)
{
    (void)state;
    autobuf struct buf body = BUF_INIT;
    char id[TEXT_ID_MAX + 1];
    memset(id, 'x', TEXT_ID_MAX);
    id[TEXT_ID_MAX] = '\0';
    buf_printf(&body, "{\"task_id\":\"%s\",\"runtime\":\"bash\",\"implementation_code\":\"\",\"cases\":[",
               id);
    for (int i = 0; i < TASK_CASES_MAX; i++)
        buf_printf(&body, "%s{\"expected_stdout\":\"\"}", i > 0 ? "," : "");
    buf_append_text(&body, "],\"files\":{");
    for (int i = 0; i < TASK_FILES_MAX; i++)
        buf_printf(&body, "%s\"d%d/f\":\"\"", i > 0 ? "," : "", i);
    buf_append_text(&body, "},\"labels\":{");
    for (int i = 0; i < TASK_LABELS_MAX; i++)
        buf_printf(&body, "%s\"l%d\":\"\"", i > 0 ? "," : "", i);
    buf_append_text(&body, "},\"limits\":{\"memory_mb\":4096,\"wall_s\":0.001}}");
    struct task *task = parse(buf_text(&body));
    assert_int_equal(task->case_count, TASK_CASES_MAX);
    assert_string_equal(task->cases[TASK_CASES_MAX - 1].name, "case_10000");
    assert_int_equal(task->file_count, TASK_FILES_MAX);
    assert_int_equal(task->label_count, TASK_LABELS_MAX);
    assert_int_equal(task->limits.wall_ms, 1);
    task_free(task);
}

static int set_up(void **state)
{
    (void)state;
    runtimes = fixture_runtimes();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    runtimes_free(runtimes);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smallest_task),        cmocka_unit_test(every_field),
        cmocka_unit_test(timeout_is_wall_s),    cmocka_unit_test(program_in_files),
        cmocka_unit_test(ids_and_defaults),     cmocka_unit_test(identity),
        cmocka_unit_test(to_json_fills_in_ids), cmocka_unit_test(a_body_is_completed_by_its_own_bytes),
        cmocka_unit_test(content_id),           cmocka_unit_test(at_the_bounds),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
