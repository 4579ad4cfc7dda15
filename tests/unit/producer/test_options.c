#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/mem.h"
#include "producer/options.h"

struct sample {
    bool flag;
    const char *text, *choice;
    int64_t number, seconds_ms;
    struct option_list list;
};

#define AT(member) offsetof(struct sample, member)

static const struct option_entry entries[] = {
    {"flag", OPTION_FLAG, AT(flag), NULL, 0, 0, NULL, NULL, "a flag"},
    {"text", OPTION_TEXT, AT(text), "T", 0, 0, NULL, "unset", "a text"},
    {"choice", OPTION_CHOICE, AT(choice), NULL, 0, 0, "one|two", "one", "a choice"},
    {"number", OPTION_INTEGER, AT(number), "N", 1, 10, NULL, NULL, "a number"},
    {"seconds", OPTION_SECONDS, AT(seconds_ms), "S", 100, 60000, NULL, NULL, "a duration"},
    {"item", OPTION_LIST, AT(list), "I", 0, 0, NULL, NULL, "a list"},
};

static const struct subcommand sample_command = {.name = "sample",
                                                 .operands = "FILE",
                                                 .operands_min = 1,
                                                 .operands_max = 1,
                                                 .summary = "A sample.",
                                                 .options = entries,
                                                 .option_count = ARRAY_SIZE(entries),
                                                 .options_size = sizeof(struct sample)};

/* Words apart by spaces, behind the command's name. */
static bool parse(const char *words, struct sample *sample, struct common_options *common, char *operand,
                  struct err *err)
{
    char copy[256];
    char *argv[16] = {(char *)"sample"};
    int argc = 1;
    (void)snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    memset(sample, 0, sizeof *sample);
    memset(common, 0, sizeof *common);
    int first = 0;
    bool good = options_parse(&sample_command, argc, argv, sample, common, &first, err);
    (void)snprintf(operand, 32, "%s", good && first < argc ? argv[first] : "");
    return good;
}

static void good_lines(void **state)
{
    (void)state;
    struct sample sample;
    struct common_options common;
    char operand[32];
    struct err err = ERR_INIT;
    assert_true(parse("file", &sample, &common, operand, &err));
    assert_string_equal(operand, "file");
    assert_string_equal(sample.choice, "one");
    assert_true(parse("--flag file --number 10 --seconds 0.25 --choice=two --item a --item b", &sample,
                      &common, operand, &err));
    assert_string_equal(operand, "file");
    assert_true(sample.flag);
    assert_int_equal(sample.number, 10);
    assert_int_equal(sample.seconds_ms, 250);
    assert_int_equal(sample.list.count, 2);
    assert_true(parse("--help", &sample, &common, operand, &err) && common.help);
    assert_true(parse("--version", &sample, &common, operand, &err) && common.version);
}

static void bad_lines(void **state)
{
    (void)state;
    static const struct {
        const char *words, *expected;
    } cases[] = {
        {"", "too few"},
        {"a b", "too many"},
        {"a --flga", "unknown option --flga"},
        {"a --number 0", "from 1 to 10"},
        {"a --number 11", "from 1 to 10"},
        {"a --number 1x", "from 1 to 10"},
        {"a --number 99999999999999999999", "from 1 to 10"},
        {"a --seconds nan", "from 0.1 to 60"},
        {"a --seconds -1", "from 0.1 to 60"},
        {"a --choice thr", "one of one|two"},
        {"a --choice on", "one of one|two"},
        {"a --text", "--text needs a value"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct sample sample;
        struct common_options common;
        char operand[32];
        struct err err = ERR_INIT;
        assert_false(parse(cases[i].words, &sample, &common, operand, &err));
        assert_int_equal(err.code, ERR_USAGE);
        if (strstr(err.text, cases[i].expected) == NULL)
            fail_msg("'%s' gave: %s", cases[i].words, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good_lines), cmocka_unit_test(bad_lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
