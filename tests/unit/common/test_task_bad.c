/* Tasks that break a rule: each is refused, and the error names the field, the rule and the remedy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/mem.h"
#include "common/message/names.h"
#include "common/message/task.h"
#include "runtimes_fixture.h"

static struct runtimes *runtimes;

static void refuse_bytes(const char *body, size_t size, const struct task_rules *rules,
                         const char *const *says)
{
    struct err err = ERR_INIT;
    struct task_identity identity;
    struct task *task = task_parse(body, size, rules, &identity, &err);
    if (task != NULL)
        fail_msg("accepted: %.200s", body);
    assert_int_equal(err.code, ERR_INPUT);
    assert_null(strpbrk(err.text, "\r\n"));
    assert_true(text_is_utf8(err.text, strlen(err.text), NULL));
    assert_true(text_is_id(identity.task_id, strlen(identity.task_id)));
    for (; *says != NULL; says++)
        if (strstr(err.text, *says) == NULL)
            fail_msg("%.200s: says \"%s\", not \"%s\"", body, err.text, *says);
}

static void refuse(const char *body, const char *const *says)
{
    struct task_rules rules = {.runtimes = runtimes};
    refuse_bytes(body, strlen(body), &rules, says);
}

#define SAYS(...) ((const char *const[]){__VA_ARGS__, NULL})

#define PYTHON                                                                                               \
    "{\"task_id\":\"t\",\"runtime\":\"python\",\"implementation_code\":\"\",\"test_suite_code\":\"\","
#define BASH "{\"task_id\":\"t\",\"runtime\":\"bash\",\"implementation_code\":\"\","
#define CASE "\"cases\":[{\"expected_stdout\":\"\","
#define ONE  "\"cases\":[{\"expected_stdout\":\"\"}]"

struct bad {
    const char *body, *says[5]; /* NULL-terminated */
};

static void refuse_all(const struct bad *bad, size_t count)
{
    for (size_t i = 0; i < count; i++)
        refuse(bad[i].body, bad[i].says);
}

static void not_json(void **state)
{
    (void)state;
    static const struct bad bad[] = {
        {"", {"empty"}},
        {"hello", {"not JSON", "offset"}},
        {"{\"task_id\":\"t\"", {"not JSON"}},
        {"{} {}", {"not JSON", "end of file expected"}},
        {"{\"a\":1,}", {"not JSON"}},
        {"{'a':1}", {"not JSON"}},
        {"{\"a\":NaN}", {"not JSON"}},
        {"{\"a\":1e999}", {"not JSON", "overflow"}},
        {"{\"a\":99999999999999999999}", {"not JSON", "too big"}},
        {"{\"a\":\"line\nbreak\"}", {"not JSON"}},
        {"{\"a\":\"\\ud800\"}", {"not JSON"}},
        {"[1]", {"not a JSON object but an array"}},
        {"\"text\"", {"not a JSON object but a string"}},
        {"17", {"not a JSON object but a number"}},
        {"null", {"not a JSON object but null"}},
        {"\xef\xbb\xbf{}", {"byte-order mark"}},
        {"{\"a\":\"\xff\"}", {"not UTF-8", "0xff", "offset 6", "base64"}},
        {"{\"a\":\"\xc0\x80\"}", {"not UTF-8", "offset 6"}},
        {"{\"a\":\"\xed\xa0\x80\"}", {"not UTF-8", "offset 6"}},
        {"{\"task_id\":\"t\",\"task_id\":\"u\"}", {"given twice", "task_id"}},
        {PYTHON "\"limits\":{\"wall_s\":1,\"wall_s\":2}}", {"given twice", "wall_s"}},
    };
    refuse_all(bad, ARRAY_SIZE(bad));
    struct task_rules rules = {.runtimes = runtimes};
    refuse_bytes("{\"a\":\"\0\"}", 9, &rules, SAYS("NUL byte at offset 6"));
    refuse_bytes("\0", 1, &rules, SAYS("NUL byte at offset 0"));
}

static void deep_and_large(void **state)
{
    (void)state;
    struct task_rules rules = {.runtimes = runtimes};
    autobuf struct buf deep = BUF_INIT;
    for (int i = 0; i < 100000; i++)
        buf_append_char(&deep, '[');
    refuse_bytes(deep.data, deep.size, &rules, SAYS("not JSON", "depth"));
    char *large = malloc(MESSAGE_SIZE_MAX + 1);
    assert_non_null(large);
    memset(large, ' ', MESSAGE_SIZE_MAX + 1);
    refuse_bytes(large, MESSAGE_SIZE_MAX + 1, &rules, SAYS("67108865 bytes", "64 MiB"));
    refuse_bytes(large, MESSAGE_SIZE_MAX, &rules, SAYS("not JSON"));
    free(large);
}

static void unknown_fields(void **state)
{
    (void)state;
    static const struct bad bad[] = {
        {"{\"test_suit_code\":\"\"}", {"unknown field 'test_suit_code': did you mean test_suite_code?"}},
        {"{\"Runtime\":\"\"}", {"unknown field 'Runtime': did you mean runtime?"}},
        {"{\"implementation\":\"\"}", {"did you mean implementation_code?"}},
        {"{\"zzz\":1}", {"unknown field 'zzz'; known here are task_id, job_id"}},
        {"{\"\":1}", {"unknown field ''"}},
        {"{\"a\\nb\":1}", {"unknown field 'a?b'"}},
        {PYTHON "\"limits\":{\"wall_seconds\":1}}",
         {"unknown field 'limits.wall_seconds': did you mean wall_s?"}},
        {PYTHON "\"limits\":{\"mem\":1}}", {"did you mean memory_mb?"}},
        {PYTHON "\"cases\":[{\"expected_stdout\":\"\"},{\"expected\":\"\"}]}",
         {"unknown field 'cases[1].expected': did you mean expected_stdout?"}},
        {PYTHON CASE "\"compare\":{\"flaot\":1}}]}",
         {"unknown field 'cases[0].compare.flaot': did you mean float?"}},
        {PYTHON "\"files\":{\"a\":{\"base_64\":\"\"}}}", {"did you mean base64?", "'a'"}},
    };
    refuse_all(bad, ARRAY_SIZE(bad));
    autobuf struct buf body = BUF_INIT;
    buf_append_text(&body, "{\"");
    for (int i = 0; i < 5000; i++)
        buf_append_text(&body, "\xc3\xa9");
    buf_append_text(&body, "\":1}");
    refuse(buf_text(&body), SAYS("unknown field '", "...'"));
}

static void ids(void **state)
{
    (void)state;
    static const struct bad bad[] = {
        {"{\"runtime\":\"bash\"}", {"task_id is missing", "message_id"}},
        {"{\"task_id\":7}", {"task_id must be text, is a number"}},
        {"{\"task_id\":null}", {"task_id must be text, is null", "leave the field out"}},
        {"{\"task_id\":\"\"}", {"task_id '' is not 1 to 128"}},
        {"{\"task_id\":\"a b\"}", {"task_id 'a b' is not 1 to 128 characters"}},
        {"{\"task_id\":\"a\\u0000\"}", {"task_id holds a NUL"}},
        {"{\"task_id\":\"t\",\"job_id\":\"\xc3\xa9\"}", {"job_id", "is not 1 to 128"}},
        {"{\"task_id\":\"t\"}", {"runtime is missing; known are bash, c, python"}},
        {"{\"task_id\":\"t\",\"runtime\":\"pyton\"}", {"unknown runtime 'pyton'; known are bash, c, python"}},
        {"{\"task_id\":\"t\",\"runtime\":\"auto\"}",
         {"runtime 'auto' is resolved by assay-producer alone; name one of bash, c, python"}},
        {"{\"task_id\":\"t\",\"runtime\":{}}", {"runtime must be text, is an object"}},
    };
    refuse_all(bad, ARRAY_SIZE(bad));
    struct task_rules rules = {.runtimes = runtimes, .message_id = "a b"};
    refuse_bytes("{\"runtime\":\"bash\"}", 18, &rules, SAYS("task_id is missing", "message_id is not"));
    rules = (struct task_rules){.runtimes = runtimes, .routing_key_runtime = "python"};
    const char *body = BASH ONE "}";
    refuse_bytes(body, strlen(body), &rules, SAYS("runtime 'bash'", "'python'", "routing key bash"));
}

static void programs_and_suites(void **state)
{
    (void)state;
    static const struct bad bad[] = {
        {"{\"task_id\":\"t\",\"runtime\":\"python\",\"test_suite_code\":\"\"}",
         {"no program", "implementation_code", "implementation.py"}},
        {"{\"task_id\":\"t\",\"runtime\":\"python\",\"implementation_code\":\"\"}",
         {"nothing to check", "test_suite_code, or cases"}},
        {"{\"task_id\":\"t\",\"runtime\":\"bash\",\"implementation_code\":\"\"}",
         {"nothing to check: give cases"}},
        {"{\"task_id\":\"t\",\"runtime\":\"bash\",\"implementation_code\":\"\",\"test_suite_code\":\"\"}",
         {"test_suite_code: runtime bash takes cases only"}},
        {"{\"task_id\":\"t\",\"runtime\":\"python\",\"implementation_code\":[],\"test_suite_code\":\"\"}",
         {"implementation_code must be text, is an array"}},
        {"{\"task_id\":\"t\",\"runtime\":\"python\",\"implementation_code\":\"ab\\u0000\",\"test_suite_"
         "code\":\"\"}",
         {"implementation_code holds a NUL character at byte 2", "base64"}},
        {"{\"task_id\":\"t\",\"runtime\":\"python\",\"implementation_code\":\"\",\"test_suite_code\":"
         "\"\\u0000\"}",
         {"test_suite_code holds a NUL character at byte 0"}},
        {BASH ONE ",\"coverage\":true}", {"coverage is not available for runtime bash"}},
        {"{\"task_id\":\"t\",\"runtime\":\"python\",\"implementation_code\":\"\"," ONE ",\"coverage\":true}",
         {"coverage", "needs test_suite_code"}},
        {PYTHON "\"coverage\":\"yes\"}", {"coverage must be true or false, is a string"}},
        {PYTHON "\"stop_on_first_failure\":1}", {"stop_on_first_failure must be true or false"}},
    };
    refuse_all(bad, ARRAY_SIZE(bad));
}

static void cases(void **state)
{
    (void)state;
    static const struct bad bad[] = {
        {BASH "\"cases\":[]}", {"cases is empty"}},
        {BASH "\"cases\":{}}", {"cases must be an array, is an object"}},
        {BASH "\"cases\":[3]}", {"cases[0] must be an object, is a number"}},
        {BASH "\"cases\":[{}]}", {"cases[0] needs expected_stdout"}},
        {BASH "\"cases\":[{\"expected_stdout\":1}]}", {"cases[0].expected_stdout must be text"}},
        {BASH CASE "\"stdin\":\"\\u0000\"}]}", {"cases[0].stdin holds a NUL"}},
        {BASH CASE "\"name\":\"\"}]}", {"cases[0].name has 0 bytes"}},
        {BASH CASE "\"name\":\"a\\tb\"}]}", {"cases[0].name holds a control character"}},
        {BASH CASE "\"name\":\"x\"},{\"expected_stdout\":\"\",\"name\":\"x\"}]}",
         {"cases[1].name 'x' is the name of cases[0] too"}},
        {BASH CASE "\"name\":\"case_2\"},{\"expected_stdout\":\"\"}]}", {"cases[1].name 'case_2'"}},
        {BASH CASE "\"args\":\"-x\"}]}", {"cases[0].args must be an array"}},
        {BASH CASE "\"args\":[\"a\",1]}]}", {"cases[0].args[1] must be text"}},
        {BASH CASE "\"args\":[\"a\\u0000\"]}]}", {"cases[0].args[0] holds a NUL"}},
        {BASH CASE "\"exit_code\":-1}]}", {"cases[0].exit_code is -1, must be from 0 to 255"}},
        {BASH CASE "\"exit_code\":256}]}", {"must be from 0 to 255"}},
        {BASH CASE "\"exit_code\":1.5}]}", {"must be a whole number, is 1.5"}},
        {BASH CASE "\"exit_code\":1e300}]}", {"must be a whole number"}},
        {BASH CASE "\"exit_code\":\"0\"}]}", {"must be a whole number, is a string"}},
        {BASH CASE "\"compare\":\"fuzzy\"}]}", {"cases[0].compare 'fuzzy' is unknown", "tokens"}},
        {BASH CASE "\"compare\":1}]}", {"cases[0].compare must be", "is a number"}},
        {BASH CASE "\"compare\":{}}]}", {"cases[0].compare needs \"float\""}},
        {BASH CASE "\"compare\":{\"float\":-1e-9}}]}", {"cases[0].compare.float must be at least 0"}},
        {BASH CASE "\"compare\":{\"float\":\"1\"}}]}", {"cases[0].compare.float must be a number"}},
    };
    refuse_all(bad, ARRAY_SIZE(bad));
    autobuf struct buf body = BUF_INIT;
    buf_append_text(&body, BASH "\"cases\":[0");
    for (int i = 0; i < TASK_CASES_MAX; i++)
        buf_append_text(&body, ",0");
    buf_append_text(&body, "]}");
    refuse(buf_text(&body), SAYS("cases holds 10001 items, at most 10000"));

    buf_reset(&body);
    buf_append_text(&body, BASH CASE "\"args\":[\"");
    for (int i = 0; i < 131072; i++)
        buf_append_char(&body, 'a');
    buf_append_text(&body, "\"]}]}");
    refuse(buf_text(&body), SAYS("cases[0].args[0] has 131072 bytes, at most 131071"));
}

static void files(void **state)
{
    (void)state;
    static const struct bad bad[] = {
        {PYTHON "\"files\":[]}", {"files must be an object, is an array"}},
        {PYTHON "\"files\":{\"/etc/passwd\":\"\"}}", {"files: '/etc/passwd' is absolute", "relative"}},
        {PYTHON "\"files\":{\"a/../../b\":\"\"}}", {"has a \"..\" part"}},
        {PYTHON "\"test_files\":{\"./b\":\"\"}}", {"test_files: './b' has a \".\" part"}},
        {PYTHON "\"files\":{\"a//b\":\"\"}}", {"has an empty part"}},
        {PYTHON "\"files\":{\"a/\":\"\"}}", {"has an empty part"}},
        {PYTHON "\"files\":{\"\":\"\"}}", {"is empty"}},
        {PYTHON "\"files\":{\"a\\\\b\":\"\"}}", {"backslash"}},
        {PYTHON "\"files\":{\"a\\u0000b\":\"\"}}", {"not JSON", "NUL"}},
        {PYTHON "\"files\":{\"a\":1}}", {"files: 'a' must be text or {\"base64\": \"...\"}, is a number"}},
        {PYTHON "\"files\":{\"a\":\"x\\u0000\"}}", {"files: 'a' holds a NUL character at byte 1", "base64"}},
        {PYTHON "\"files\":{\"a\":{}}}", {"files: 'a' must be text or"}},
        {PYTHON "\"files\":{\"a\":{\"base64\":\"A\"}}}", {"files: 'a' is not base64"}},
        {PYTHON "\"files\":{\"a\":{\"base64\":\"AA==\\n\"}}}", {"is not base64"}},
        {PYTHON "\"files\":{\"a\":{\"base64\":5}}}", {"base64 must be text"}},
        {PYTHON "\"files\":{\"implementation.py\":\"\"}}", {"collides with implementation_code"}},
        {PYTHON "\"test_files\":{\"implementation.py\":\"\"}}",
         {"test_files", "collides with implementation_code"}},
        {PYTHON "\"files\":{\"test_implementation.py\":\"\"}}", {"collides with test_suite_code"}},
        {PYTHON "\"test_files\":{\"test_implementation.py\":\"\"}}", {"collides with test_suite_code"}},
        {PYTHON "\"files\":{\"implementation.py/x\":\"\"}}", {"'implementation.py' is a file"}},
        {PYTHON "\"files\":{\"a\":\"\",\"a.b\":\"\",\"a/b\":\"\"}}",
         {"'a' is a file, and 'a/b' needs a folder"}},
        {PYTHON "\"files\":{\"a/b/c\":\"\"},\"test_files\":{\"a/b\":\"\"}}", {"'a/b' is a file"}},
        {"{\"task_id\":\"t\",\"runtime\":\"bash\"," ONE ",\"test_files\":{\"program.sh\":\"\"}}",
         {"test_files: 'program.sh' is the program's file", "in files"}},
        {BASH ONE ",\"limits\":{\"disk_mb\":1},\"files\":{\"a\":{\"base64\":\"\"}},\"labels\":3}",
         {"labels"}},
    };
    refuse_all(bad, ARRAY_SIZE(bad));
}

static void many_and_large_files(void **state)
{
    (void)state;
    autobuf struct buf body = BUF_INIT;
    buf_append_text(&body, PYTHON "\"files\":{\"f\":\"\"");
    for (int i = 1; i < 10000; i++)
        buf_printf(&body, ",\"f%d\":\"\"", i);
    buf_append_text(&body, "}}");
    refuse(buf_text(&body), SAYS("files holds 10000 entries, at most 1000"));

    buf_reset(&body);
    for (int group = 0; group < 2; group++) {
        buf_append_text(&body, group == 0 ? PYTHON "\"files\":{" : "},\"test_files\":{");
        for (int i = 0; i < 501; i++)
            buf_printf(&body, "%s\"%d/%d\":\"\"", i > 0 ? "," : "", group, i);
    }
    buf_append_text(&body, "}}");
    refuse(buf_text(&body), SAYS("files and test_files hold 1002 entries together, at most 1000"));

    buf_reset(&body);
    buf_append_text(&body, PYTHON "\"limits\":{\"disk_mb\":1},\"files\":{\"a\":\"");
    for (int i = 0; i < 1024 * 1024; i++)
        buf_append_char(&body, 'a');
    buf_append_text(&body, "\"}}");
    refuse(buf_text(&body), SAYS("files take", "limits.disk_mb 1"));
}

static void limits(void **state)
{
    (void)state;
    static const struct bad bad[] = {
        {PYTHON "\"limits\":[]}", {"limits must be an object"}},
        {PYTHON "\"limits\":{\"wall_s\":\"5\"}}", {"limits.wall_s must be a number, is a string"}},
        {PYTHON "\"limits\":{\"wall_s\":true}}", {"limits.wall_s must be a number, is a boolean"}},
        {PYTHON "\"limits\":{\"wall_s\":0}}", {"limits.wall_s must be more than 0"}},
        {PYTHON "\"limits\":{\"wall_s\":-3}}", {"limits.wall_s must be more than 0, is -3"}},
        {PYTHON "\"limits\":{\"cpu_s\":0.0001}}", {"limits.cpu_s must be at least 0.001"}},
        {PYTHON "\"limits\":{\"memory_mb\":1.5}}", {"limits.memory_mb must be a whole number, is 1.5"}},
        {PYTHON "\"limits\":{\"processes\":-1}}", {"limits.processes must be more than 0"}},
        {PYTHON "\"limits\":{\"memory_mb\":4097}}",
         {"limits.memory_mb 4097 is above the 4096 that runtime python allows",
          "runtimes.python.maximum.memory_mb"}},
        {PYTHON "\"limits\":{\"memory_mb\":15}}",
         {"limits.memory_mb 15 is below the 16 that runtime python needs to start",
          "runtimes.python.minimum.memory_mb"}},
        {PYTHON "\"timeout\":0.009}", {"timeout 0.009 is below the 0.01 that runtime python needs"}},
        {PYTHON "\"limits\":{\"wall_s\":120.001}}", {"120.001 is above the 120 "}},
        {PYTHON "\"limits\":{\"memory_mb\":1e300}}", {"is above the 4096"}},
        {PYTHON "\"limits\":{\"memory_mb\":9223372036854775807}}", {"is above the 4096"}},
        {PYTHON "\"limits\":{\"output_kb\":5000}}", {"runtimes.python.maximum.output_kb"}},
        {PYTHON "\"timeout\":-1}", {"timeout must be more than 0, is -1"}},
        {PYTHON "\"timeout\":\"10\"}", {"timeout must be a number"}},
        {PYTHON "\"timeout\":500}", {"timeout 500 is above the 120", "runtimes.python.maximum.wall_s"}},
        {PYTHON "\"timeout\":5,\"limits\":{\"wall_s\":6}}", {"timeout (5 s) and limits.wall_s (6 s) differ"}},
        {PYTHON "\"profile\":\"lax\"}", {"profile 'lax' is unknown", "strict"}},
        {PYTHON "\"profile\":1}", {"profile must be text"}},
    };
    refuse_all(bad, ARRAY_SIZE(bad));
}

static void the_rest(void **state)
{
    (void)state;
    static const struct bad bad[] = {
        {PYTHON "\"labels\":{\"a\":1}}", {"labels.a must be text, is a number"}},
        {PYTHON "\"labels\":{\"\":\"x\"}}", {"labels: the name '' has 0 bytes"}},
        {PYTHON "\"labels\":{\"a\":\"\\u0000\"}}", {"labels.a holds a NUL"}},
        {PYTHON "\"labels\":[]}", {"labels must be an object"}},
        {PYTHON "\"reconstruction_id\":0}", {"reconstruction_id is 0, must be at least 1"}},
        {PYTHON "\"reconstruction_id\":\"7\"}", {"reconstruction_id must be a whole number"}},
        {PYTHON "\"expires_at\":\"tomorrow\"}", {"expires_at 'tomorrow' is not an RFC 3339 time"}},
        {PYTHON "\"expires_at\":1769860800}", {"expires_at must be text"}},
        {PYTHON "\"expires_at\":\"2026-02-30T00:00:00Z\"}", {"is not an RFC 3339 time"}},
        {PYTHON "\"lane\":\"fast\"}", {"lane 'fast' is unknown", "interactive"}},
    };
    refuse_all(bad, ARRAY_SIZE(bad));
    autobuf struct buf body = BUF_INIT;
    buf_append_text(&body, PYTHON "\"labels\":{\"l\":\"\"");
    for (int i = 0; i < TASK_LABELS_MAX; i++)
        buf_printf(&body, ",\"l%d\":\"\"", i);
    buf_append_text(&body, "}}");
    refuse(buf_text(&body), SAYS("labels holds 65 entries, at most 64"));
    buf_reset(&body);
    buf_printf(&body, PYTHON "\"labels\":{\"l\":\"%01025d\"}}", 0);
    refuse(buf_text(&body), SAYS("labels.l has 1025 bytes, at most 1024"));
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
        cmocka_unit_test(not_json), cmocka_unit_test(deep_and_large),       cmocka_unit_test(unknown_fields),
        cmocka_unit_test(ids),      cmocka_unit_test(programs_and_suites),  cmocka_unit_test(cases),
        cmocka_unit_test(files),    cmocka_unit_test(many_and_large_files), cmocka_unit_test(limits),
        cmocka_unit_test(the_rest),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
