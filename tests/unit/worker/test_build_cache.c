#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/build_cache.h"
#include "worker/build_key.h"

/* ---- the cache ---- */

static struct build_key key_of(unsigned char first, unsigned char last)
{
    struct build_key key = {.digest = {0}};
    key.digest[0] = first;
    key.digest[DIGEST_SIZE - 1] = last;
    return key;
}

static void put(struct build_cache *cache, struct build_key key, const char *content, size_t size)
{
    const struct sandbox_file file = {.path = "program", .executable = true, .data = content, .size = size};
    build_cache_put(cache, &key, &file, 1);
}

static bool has(struct build_cache *cache, struct build_key key)
{
    size_t count;
    return build_cache_find(cache, &key, &count) != NULL;
}

static void what_is_put_is_found(void **state)
{
    (void)state;
    struct build_cache *cache = build_cache_new(100000);
    char content[] = "content";
    const struct sandbox_file files[] = {{.path = "a", .executable = true, .data = content, .size = 7},
                                         {.path = "empty", .data = NULL, .size = 0}};
    struct build_key key = key_of(1, 1), other = key_of(1, 2);
    size_t count = 0;
    build_cache_put(cache, &key, files, 2);
    content[0] = 'X'; /* copied */
    const struct sandbox_file *found = build_cache_find(cache, &key, &count);
    assert_non_null(found);
    assert_int_equal(count, 2);
    assert_string_equal(found[0].path, "a");
    assert_true(found[0].executable);
    assert_int_equal(found[0].size, 7);
    assert_memory_equal(found[0].data, "content", 7);
    assert_string_equal(found[1].path, "empty");
    assert_int_equal(found[1].size, 0);
    assert_false(has(cache, other));
    build_cache_free(cache);
}

static void the_first_of_a_key_stands(void **state)
{
    (void)state;
    struct build_cache *cache = build_cache_new(100000);
    struct build_key key = key_of(1, 1);
    size_t count;
    put(cache, key, "first", 5);
    put(cache, key, "later", 5);
    assert_memory_equal(build_cache_find(cache, &key, &count)->data, "first", 5);
    build_cache_free(cache);
}

static void what_was_used_longest_ago_goes_first(void **state)
{
    static char content[10000];
    (void)state;
    struct build_cache *cache = build_cache_new(85000); /* room for eight */
    for (unsigned char i = 0; i < 8; i++)
        put(cache, key_of(i % 2, i), content, sizeof(content));
    assert_true(has(cache, key_of(0, 0)));
    put(cache, key_of(0, 8), content, sizeof(content));
    assert_false(has(cache, key_of(1, 1)));
    assert_true(has(cache, key_of(0, 0)));
    for (unsigned char i = 2; i <= 8; i++)
        assert_true(has(cache, key_of(i % 2, i)));
    for (unsigned char i = 10; i < 200; i++)
        put(cache, key_of(i, i), content, sizeof(content));
    assert_false(has(cache, key_of(0, 8)));
    assert_true(has(cache, key_of(199, 199)));
    build_cache_free(cache);
}

static void one_does_not_push_out_all(void **state)
{
    static char content[20000];
    (void)state;
    struct build_cache *cache = build_cache_new(100000);
    put(cache, key_of(1, 1), "x", 1);
    put(cache, key_of(2, 2), content, sizeof(content));
    assert_false(has(cache, key_of(2, 2)));
    assert_true(has(cache, key_of(1, 1)));
    build_cache_free(cache);
}

/* ---- the keys ---- */

static char *words[] = {"gcc", "-O2", NULL}, *other_words[] = {"gcc", "-O3", NULL},
            *outputs[] = {"program", NULL}, *environment[] = {"PATH=/usr/bin", NULL},
            *other_environment[] = {"PATH=/bin", NULL};

/* Everything that a key is made of, to be changed one by one. */
struct inputs {
    struct runtime runtime;
    struct task task;
    struct compile_step compile[2];
    struct plan_step steps[2];
    size_t step_count;
    struct task_file task_files[1];
    struct sandbox_file files[2];
    size_t file_count;
    struct buf compiler;
};

static void make_inputs(struct inputs *in)
{
    *in = (struct inputs){
        .task_files = {{.path = (char *)"q.h", .content = {"int y;", 6}}},
        .runtime = {.name = (char *)"c", .program_file = (char *)"p.c", .environment = environment},
        .compile = {{.command = {words, 2}, .outputs = outputs, .reads_task = true},
                    {.command = {words, 2}, .outputs = outputs, .reads_task = true}},
        .step_count = 1,
        .files = {{.path = "p.c", .data = "int x;", .size = 6}, {.path = "q.h", .data = "int y;", .size = 6}},
        .file_count = 2,
        .compiler = {.data = (char *)"gcc 12", .size = 6},
    };
    in->task =
        (struct task){.runtime = &in->runtime,
                      .job_id = "job",
                      .files = in->task_files,
                      .file_count = 1,
                      .limits = {.memory_bytes = 1, .disk_bytes = 2, .processes = 3, .compile_wall_ms = 4}};
    for (size_t i = 0; i < 2; i++)
        in->steps[i] = (struct plan_step){.kind = STEP_COMPILE, .compile = &in->compile[i]};
}

static bool make_key(const struct inputs *in, struct build_key *key)
{
    return build_key_make(&in->task, in->steps, in->step_count, in->files, in->file_count, &in->compiler,
                          key);
}

#define VARIANTS 16

/* Changes one of the inputs. */
static void vary(struct inputs *in, int what)
{
    switch (what) {
    case 0:
        in->runtime.name = (char *)"cpp";
        break;
    case 1:
        in->runtime.environment = other_environment;
        break;
    case 2:
        in->compile[0].command.argv = other_words;
        break;
    case 3:
        in->step_count = 2;
        break;
    case 4:
        in->compiler = (struct buf){.data = (char *)"gcc 13", .size = 6};
        break;
    case 5:
        in->files[0].data = "int z;";
        break;
    case 6:
        in->files[1].path = "r.h";
        break;
    case 7:
        in->file_count = 1;
        break;
    case 8:
        memcpy(in->task.job_id, "other", 6);
        break;
    case 9:
        in->task.limits.memory_bytes = 9;
        break;
    case 10:
        in->task.limits.disk_bytes = 9;
        break;
    case 11:
        in->task.limits.processes = 9;
        break;
    case 12:
        in->task.limits.compile_wall_ms = 9;
        break;
    case 13:
        in->runtime.program_file = (char *)"q.c";
        break;
    case 14:
        in->runtime.suite_file = (char *)"s.c";
        break;
    case 15:
        in->task.files[0].trusted = true;
        break;
    default:
        fail();
    }
}

static void each_input_makes_another_key(void **state)
{
    struct build_key keys[VARIANTS + 1];
    struct inputs in;
    (void)state;
    make_inputs(&in);
    assert_true(make_key(&in, &keys[VARIANTS]));
    for (int what = 0; what < VARIANTS; what++) {
        make_inputs(&in);
        vary(&in, what);
        assert_true(make_key(&in, &keys[what]));
    }
    for (int a = 0; a <= VARIANTS; a++)
        for (int b = 0; b < a; b++)
            assert_memory_not_equal(keys[a].digest, keys[b].digest, DIGEST_SIZE);
}

static void equal_inputs_make_one_key(void **state)
{
    struct build_key key, again;
    struct inputs in;
    (void)state;
    make_inputs(&in);
    assert_true(make_key(&in, &key));
    make_inputs(&in);
    (void)strcpy(in.task.task_id, "another task");
    assert_true(make_key(&in, &again));
    assert_memory_equal(key.digest, again.digest, DIGEST_SIZE);
}

static void a_step_that_reads_nothing_has_one_key_for_all_tasks(void **state)
{
    struct build_key key, again;
    struct inputs in;
    (void)state;
    make_inputs(&in);
    in.compile[0].reads_task = false;
    assert_true(make_key(&in, &key));
    for (int what = 5; what <= 12; what++) {
        make_inputs(&in);
        in.compile[0].reads_task = false;
        vary(&in, what);
        assert_true(make_key(&in, &again));
        assert_memory_equal(key.digest, again.digest, DIGEST_SIZE);
    }
    /* But not behind a step that did read. */
    make_inputs(&in);
    in.compile[1].reads_task = false;
    in.step_count = 2;
    assert_true(make_key(&in, &key));
    vary(&in, 5);
    assert_true(make_key(&in, &again));
    assert_memory_not_equal(key.digest, again.digest, DIGEST_SIZE);
}

static void what_may_differ_from_time_to_time_has_no_key(void **state)
{
    static const char *const texts[] = {"char *t = __TIME__;",       "__DATE__",
                                        "x __TIMESTAMP__",           "asm(\".incbin \\\"x\\\"\");",
                                        "#include \"/proc/uptime\"", "\"/dev/urandom\""};
    struct build_key key;
    struct inputs in;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        make_inputs(&in);
        in.files[1].data = texts[i];
        in.files[1].size = strlen(texts[i]);
        assert_false(make_key(&in, &key));
    }
    static char large[(1 << 20) + 1];
    make_inputs(&in);
    in.files[1].data = large;
    in.files[1].size = sizeof(large);
    assert_false(make_key(&in, &key));
    make_inputs(&in);
    (void)strcpy(in.task.job_id, BUILD_SELF_TEST_JOB);
    assert_false(make_key(&in, &key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found),
        cmocka_unit_test(the_first_of_a_key_stands),
        cmocka_unit_test(what_was_used_longest_ago_goes_first),
        cmocka_unit_test(one_does_not_push_out_all),
        cmocka_unit_test(each_input_makes_another_key),
        cmocka_unit_test(equal_inputs_make_one_key),
        cmocka_unit_test(a_step_that_reads_nothing_has_one_key_for_all_tasks),
        cmocka_unit_test(what_may_differ_from_time_to_time_has_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
