#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/message/json_text.h"
#include "common/text.h"

static json_t *by_jansson(const char *text, size_t size)
{
    return json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
}

static const char *const usual[] = {
    "{}",
    " \t\r\n{ \"a\" : [ ] , \"b\" : { } } \n",
    "{\"a\":[1,-2,0,-0,123456789012345678,-123456789012345678]}",
    "{\"a\":[1.0,-0.0,0.1,1e3,1E-3,1.25e+10,0.30000000000000004,1e-400]}",
    "{\"a\":[true,false,null,[[[]]],{\"b\":{\"c\":[{}]}}]}",
    "{\"\":\"\",\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
    "{\"a\":\"\\u0041\\u00fc\\u20AC\\uffff\\ud83d\\ude00 and plain text behind it\"}",
    "{\"ü\":\"ü € \U0001F600, longer than eight bytes, \x7f\"}",
    "{\"task_id\": \"t-1\", \"runtime\": \"python\", \"implementation_code\": \"def f(a):\\n    return "
    "a\\n\", "
    "\"cases\": [{\"stdin\": \"1\\n\", \"expected_stdout\": \"2\\n\"}], \"limits\": {\"wall_s\": 2.5}}",
};

/* What it takes is what jansson takes, and the usual texts are not left to jansson. */
static void usual_texts_are_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
        json_t *ours = json_text_load(usual[i], strlen(usual[i]));
        json_t *theirs = by_jansson(usual[i], strlen(usual[i]));
        assert_non_null(ours);
        assert_true(json_equal(ours, theirs));
        json_decref(ours);
        json_decref(theirs);
    }
}

static void rest_is_left_to_jansson(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "[]",
        "1",
        "\"a\"",
        "{",
        "}",
        "{}{}",
        "{} x",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{\"a\":1,\"a\":1}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 2]}",
        "{\"a\":[1}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":1e}",
        "{\"a\":-}",
        "{\"a\":1e999}",
        "{\"a\":12345678901234567890}",
        "{\"a\":tru}",
        "{\"a\":truex}",
        "{\"a\":True}",
        "{\"a\":NaN}",
        "{\"a\":'b'}",
        "{\"a\":\"b}",
        "{\"a\":\"b\n\"}",
        "{\"a\":\"b\tc, and more than eight bytes\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\",
        "{\"a\":\"\\u",
        "{\"a\":\"\\u12",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\ud83d\"}",
        "{\"a\":\"\\ud83dx\"}",
        "{\"a\":\"\\ud83d\\n\"}",
        "{\"a\":\"\\ud83d\\ud83d\"}",
        "{\"a\":\"\\ude00\"}",
        "{\"\\u0061\":1}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (json_text_load(texts[i], strlen(texts[i])) != NULL)
            fail_msg("taken: %s", texts[i]);
    }
    static char deep[1000] = "{\"a\":";
    memset(deep + 5, '[', sizeof deep - 6);
    assert_null(json_text_load(deep, sizeof deep - 1));
}

/* Nothing is read behind the end: the text is a piece of memory of just this size. */
static void texts_may_end_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
        size_t whole = strlen(usual[i]) - strspn(strrchr(usual[i], '}') + 1, " \n");
        for (size_t size = 0; size < whole; size++) {
            char *text = malloc(size > 0 ? size : 1);
            memcpy(text, usual[i], size);
            assert_null(json_text_load(text, size));
            free(text);
        }
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Whatever a text is changed to: when it is taken, jansson makes the same of it. */
static void changed_texts_are_taken_as_jansson_takes_them(void **state)
{
    (void)state;
    static const char pieces[] = "{}[]\",:\\u0123456789aefnrtls+-. \t\n\x01\x7f";
    uint32_t seed = 1;
    size_t taken = 0;
    for (int round = 0; round < 200000; round++) {
        char text[512];
        const char *from = usual[next_random(&seed) % ARRAY_SIZE(usual)];
        size_t size = strlen(from);
        memcpy(text, from, size);
        for (uint32_t changes = next_random(&seed) % 3 + 1; changes > 0; changes--)
            text[next_random(&seed) % size] = pieces[next_random(&seed) % (sizeof pieces - 1)];
        if (!text_is_utf8(text, size, NULL))
            continue;
        json_t *ours = json_text_load(text, size);
        if (ours == NULL)
            continue;
        json_t *theirs = by_jansson(text, size);
        if (theirs == NULL || !json_equal(ours, theirs))
            fail_msg("not as jansson takes it: %.*s", (int)size, text);
        json_decref(ours);
        json_decref(theirs);
        taken++;
    }
    assert_true(taken > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_texts_are_taken),
        cmocka_unit_test(rest_is_left_to_jansson),
        cmocka_unit_test(texts_may_end_anywhere),
        cmocka_unit_test(changed_texts_are_taken_as_jansson_takes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
