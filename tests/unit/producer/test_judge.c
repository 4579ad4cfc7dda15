#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/message/compose.h"
#include "producer/judge.h"
#include "producer/language.h"
#include "producer/verdict.h"

static struct runtimes *runtimes;

static int load(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    runtimes = runtimes_load(ASSAY_SOURCE_DIR "/conf/runtimes.cfg", &err);
    return runtimes != NULL ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    runtimes_free(runtimes);
    return 0;
}

static enum judged look(struct judge *judge, uint64_t number, const char *text, bool again, struct err *err)
{
    struct line line = {text, strlen(text), number, false};
    struct outgoing out = {.body = NULL};
    memset(err, 0, sizeof *err);
    enum judged judged = again ? judge_again(judge, &line, &out, err) : judge_line(judge, &line, &out, err);
    if (judged == JUDGED_TAKEN) {
        assert_int_equal(out.tag, number);
        outgoing_free(&out);
    }
    return judged;
}

#define BODY "\"runtime\":\"bash\",\"implementation_code\":\"x\",\"cases\":[{\"expected_stdout\":\"\"}]}"

static void a_file_has_each_task_once(void **state)
{
    (void)state;
    struct judge judge;
    struct err err = ERR_INIT;
    assert_true(judge_init(&judge, runtimes, NULL, NULL, &err));
    judge.keep_index = true;
    assert_int_equal(look(&judge, 1, "{\"task_id\":\"a\"," BODY, false, &err), JUDGED_TAKEN);
    assert_int_equal(look(&judge, 2, "{\"task_id\":\"a\"," BODY, false, &err), JUDGED_BAD);
    assert_non_null(strstr(err.text, "'a' is on line 1 already"));
    assert_int_equal(look(&judge, 3, "{\"task_id\":\"a\",\"job_id\":\"j\"," BODY, false, &err), JUDGED_TAKEN);
    assert_int_equal(look(&judge, 4, "{" BODY, false, &err), JUDGED_TAKEN); /* an id from its content */
    assert_int_equal(look(&judge, 5, "{" BODY, false, &err), JUDGED_BAD);
    assert_int_equal(judge.taken, 3);
    assert_int_equal(judge.jobs.count, 2);
    assert_int_equal(judge.key_count, 1);
    assert_string_equal(judge.keys[0], "bash");
    assert_int_equal(look(&judge, 3, "{\"task_id\":\"a\",\"job_id\":\"j\"," BODY, true, &err), JUDGED_TAKEN);
    assert_int_equal(look(&judge, 1, "{\"task_id\":\"b\"," BODY, true, &err), JUDGED_BAD);
    judge_free(&judge);
}

static void the_job_option_fills_and_contradicts(void **state)
{
    (void)state;
    struct judge judge;
    struct err err = ERR_INIT;
    assert_true(judge_init(&judge, runtimes, "mine", NULL, &err));
    assert_int_equal(look(&judge, 1, "{\"task_id\":\"a\"," BODY, false, &err), JUDGED_TAKEN);
    assert_string_equal(judge.jobs.items[0].job_id, "mine");
    assert_int_equal(look(&judge, 2, "{\"task_id\":\"b\",\"job_id\":\"mine\"," BODY, false, &err),
                     JUDGED_TAKEN);
    assert_int_equal(look(&judge, 3, "{\"task_id\":\"c\",\"job_id\":\"yours\"," BODY, false, &err),
                     JUDGED_BAD);
    assert_non_null(strstr(err.text, "contradicts --job mine"));
    judge_free(&judge);
}

static void only_some_are_taken(void **state)
{
    (void)state;
    struct judge judge;
    struct err err = ERR_INIT;
    struct idset *only = idset_new();
    assert_int_equal(idset_add(only, "default", "b", 1, NULL), IDSET_ADDED);
    assert_true(judge_init(&judge, runtimes, NULL, only, &err));
    judge.keep_index = true;
    assert_int_equal(look(&judge, 1, "{\"task_id\":\"a\"," BODY, false, &err), JUDGED_LEFT_OUT);
    assert_int_equal(look(&judge, 2, "{\"task_id\":\"b\"," BODY, false, &err), JUDGED_TAKEN);
    assert_int_equal(look(&judge, 1, "{\"task_id\":\"a\"," BODY, true, &err), JUDGED_LEFT_OUT);
    assert_int_equal(judge.taken, 1);
    assert_int_equal(judge.left_out, 1);
    judge_free(&judge);
    idset_free(only);
}

static void lines_that_are_too_long(void **state)
{
    (void)state;
    struct judge judge;
    struct err err = ERR_INIT;
    struct outgoing out;
    struct line line = {"", 0, 1, true};
    assert_true(judge_init(&judge, runtimes, NULL, NULL, &err));
    assert_int_equal(judge_line(&judge, &line, &out, &err), JUDGED_BAD);
    assert_non_null(strstr(err.text, "longer than 67108864 bytes"));
    judge_free(&judge);
}

static void languages(void **state)
{
    (void)state;
    static const struct {
        const char *language, *runtime;
    } cases[] = {{"python", "python"},   {"Python", "python"}, {"py", "python"},
                 {"JavaScript", "node"}, {"C", "c"},           {"C++", "cpp"},
                 {"shell", "bash"},      {"", NULL},           {"fortran", NULL}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct runtime *runtime = language_runtime(runtimes, cases[i].language);
        if (cases[i].runtime == NULL)
            assert_null(runtime);
        else
            assert_string_equal(runtime->name, cases[i].runtime);
    }
}

static void drafts_become_tasks(void **state)
{
    (void)state;
    struct task_label labels[] = {{"model", "m \"1\""}};
    struct task_draft draft = {.task_id = "t",
                               .runtime = "python",
                               .implementation_code = {"x = 1\n", 6},
                               .case_stdin = {"in", 2},
                               .case_expected_stdout = {"out", 3},
                               .wall_ms = 1500,
                               .has_reconstruction_id = true,
                               .reconstruction_id = 42,
                               .labels = labels,
                               .label_count = 1};
    struct err err = ERR_INIT;
    size_t size = 0;
    char *body = task_draft_to_json(&draft, &size, &err);
    assert_non_null(body);
    struct task_rules rules = {.runtimes = runtimes};
    struct task *task = task_parse(body, size, &rules, NULL, &err);
    assert_non_null(task);
    assert_int_equal(task->reconstruction_id, 42);
    assert_int_equal(task->limits.wall_ms, 1500);
    assert_string_equal(task->cases[0].expected_stdout.data, "out");
    assert_string_equal(task->labels[0].value, "m \"1\"");
    task_free(task);
    free(body);
    draft.implementation_code = (struct blob){"\xFF", 1};
    assert_null(task_draft_to_json(&draft, &size, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.text, "implementation_code"));
}

static void verdicts_are_readable_and_harmless(void **state)
{
    (void)state;
    struct result *result = result_new();
    strcpy(result->task_id, "t/1");
    strcpy(result->job_id, "j");
    result->runtime = strdup("python");
    result->status = STATUS_FAIL;
    result->reason = REASON_ASSERTION;
    result->passed = 1;
    result->failed = 1;
    result->total = 2;
    result->run_ms = 42;
    static const char error[] = "test_b: \033[31massert";
    result_add_error(result, error, sizeof error - 1);
    result_add_test(result, "test_b", OUTCOME_FAILED, 3, "assert 1 == 2");
    result->out = strdup("hello\n");
    autobuf struct buf out = BUF_INIT;
    verdict_append_line(&out, result, false, 0);
    assert_string_equal(buf_text(&out),
                        "fail     assertion      python    t/1                           1/2     42 ms  "
                        "test_b: ?[31massert\n");
    buf_reset(&out);
    verdict_append_details(&out, result, false);
    assert_non_null(strstr(buf_text(&out), "fail/assertion  j  t/1  1 passed, 1 failed, 0 skipped of 2"));
    assert_non_null(strstr(buf_text(&out), "  failed   test_b  3 ms\n           assert 1 == 2\n"));
    assert_non_null(strstr(buf_text(&out), "stdout\n  hello\n"));
    assert_null(strchr(buf_text(&out), '\033'));
    result_free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_has_each_task_once),
        cmocka_unit_test(the_job_option_fills_and_contradicts),
        cmocka_unit_test(only_some_are_taken),
        cmocka_unit_test(lines_that_are_too_long),
        cmocka_unit_test(languages),
        cmocka_unit_test(drafts_become_tasks),
        cmocka_unit_test(verdicts_are_readable_and_harmless),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
