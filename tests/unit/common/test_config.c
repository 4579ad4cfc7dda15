#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config.h"
#include "common/config_file.h"
#include "common/mem.h"

struct settings {
    char *name;
    char *url;
    char *level;
    int64_t prefetch;
    bool fast;
    struct config_list runtimes;
};

static const struct config_key keys[] = {
    {"name", CONFIG_STRING, offsetof(struct settings, name), "collector", 0, 0, NULL, NULL, false, "A name."},
    {"broker.url", CONFIG_STRING, offsetof(struct settings, url), "amqp://localhost/", 0, 0, NULL,
     "ASSAY_TEST_URL", true, "The broker."},
    {"broker.prefetch", CONFIG_INTEGER, offsetof(struct settings, prefetch), "100", 1, 65535, NULL, NULL,
     false, "Messages held."},
    {"log.level", CONFIG_CHOICE, offsetof(struct settings, level), "info", 0, 0, "debug|info|warn|error",
     NULL, false, "How much is logged."},
    {"test.fast", CONFIG_BOOL, offsetof(struct settings, fast), "false", 0, 0, NULL, NULL, false, "Speed."},
    {"test.runtimes", CONFIG_STRING_LIST, offsetof(struct settings, runtimes), "python, node", 0, 0, NULL,
     NULL, false, "Names of runtimes."},
};
static const struct config_table table = {keys, ARRAY_SIZE(keys), "assay-test"};

static char folder[] = "/tmp/assay-test-config-XXXXXX";
static char file_path[64];

static int set_up_group(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(file_path, sizeof(file_path), "%s/a.cfg", folder);
    return 0;
}

static int tear_down_group(void **state)
{
    (void)state;
    (void)unlink(file_path);
    return rmdir(folder);
}

static int clear_environment(void **state)
{
    (void)state;
    unsetenv("ASSAY_NAME");
    unsetenv("ASSAY_TEST_URL");
    unsetenv("ASSAY_TEST_URL_FILE");
    unsetenv("ASSAY_BROKER_PREFETCH");
    unsetenv("ASSAY_TEST_FAST");
    unsetenv("ASSAY_TEST_RUNTIMES");
    return 0;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void expect_refused(const char *text, const char *part, const char *line)
{
    write_file(file_path, text);
    struct settings settings = {0};
    struct err err = ERR_INIT;
    if (config_load(&table, file_path, &settings, &err))
        fail_msg("taken: %s", text);
    assert_int_equal(err.code, ERR_CONFIG);
    char where[128];
    (void)snprintf(where, sizeof(where), "%s:%s:", file_path, line);
    if (strstr(err.text, part) == NULL || strncmp(err.text, where, strlen(where)) != 0)
        fail_msg("\"%s\" does not begin with %s and hold \"%s\"", err.text, where, part);
    assert_null(settings.name);
    assert_null(settings.url);
    assert_null(settings.runtimes.items);
}

static void defaults(void **state)
{
    (void)state;
    struct settings settings = {0};
    assert_true(config_load(&table, NULL, &settings, NULL));
    assert_string_equal(settings.name, "collector");
    assert_int_equal(settings.prefetch, 100);
    assert_false(settings.fast);
    assert_int_equal(settings.runtimes.count, 2);
    assert_string_equal(settings.runtimes.items[1], "node");
    config_free(&table, &settings);
    assert_null(settings.name);
}

static void file_then_environment(void **state)
{
    (void)state;
    write_file(file_path, "name = \"from file\";\nbroker: { prefetch = 7; url = \"amqp://f/\"; };\n"
                          "test = { fast = true; runtimes = [\"c\"]; };\nlog.level = \"warn\";\n");
    /* "log.level = ..." is no libconfig: a dotted name cannot be written so. */
    struct settings settings = {0};
    struct err err = ERR_INIT;
    assert_false(config_load(&table, file_path, &settings, &err));
    assert_non_null(strstr(err.text, ":4:"));
    write_file(file_path, "name = \"from file\";\nbroker: { prefetch = 7; url = \"amqp://f/\"; };\n"
                          "test = { fast = true; runtimes = [\"c\"]; };\nlog: { level = \"warn\"; };\n");
    setenv("ASSAY_BROKER_PREFETCH", "8", 1);
    setenv("ASSAY_TEST_RUNTIMES", " a ,b,, c ", 1);
    assert_true(config_load(&table, file_path, &settings, &err));
    assert_string_equal(settings.name, "from file");
    assert_string_equal(settings.url, "amqp://f/");
    assert_string_equal(settings.level, "warn");
    assert_int_equal(settings.prefetch, 8);
    assert_true(settings.fast);
    assert_int_equal(settings.runtimes.count, 3);
    assert_string_equal(settings.runtimes.items[0], "a");
    assert_string_equal(settings.runtimes.items[2], "c");
    config_free(&table, &settings);
}

static void file_errors_name_file_and_line(void **state)
{
    (void)state;
    expect_refused("name = \"x\";\nbroker: {\n  prefech = 3;\n};\n", "did you mean \"broker.prefetch\"", "3");
    expect_refused("zzzzzzzzzzzzz = 1;\n", "unknown key", "1");
    expect_refused("broker: { prefetch = \"many\"; };\n", "broker.prefetch: must be an integer", "1");
    expect_refused("broker: { prefetch = 1.5; };\n", "must be an integer", "1");
    expect_refused("\nbroker: { prefetch = 0; };\n", "allowed are 1 to 65535", "2");
    expect_refused("broker: { prefetch = 99999999999; };\n", "out of bounds", "1");
    expect_refused("broker: { prefetch = 4294967297; };\n", "out of bounds", "1");
    expect_refused("log: { level = \"loud\"; };\n", "debug|info|warn|error", "1");
    expect_refused("test: { fast = 1; };\n", "true or false", "1");
    expect_refused("test: { runtimes = \"c\"; };\n", "a list", "1");
    expect_refused("test: { runtimes = [1, 2]; };\n", "test.runtimes[0]: must be a string", "1");
    expect_refused("broker = 3;\n", "must be a group", "1");
    expect_refused("name = 3;\n", "must be a string", "1");
    expect_refused("name = \"x\"\n\nname = ;\n", "syntax", "3");
    expect_refused("name = \"x\";\nname = \"y\";\n", "duplicate", "2");
}

static void missing_file_is_named(void **state)
{
    (void)state;
    struct settings settings = {0};
    struct err err = ERR_INIT;
    assert_false(config_load(&table, "/nonexistent/x.cfg", &settings, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_non_null(strstr(err.text, "/nonexistent/x.cfg: No such file"));
    assert_false(config_load(&table, "/tmp", &settings, &err));
}

static void environment_errors_name_the_variable(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "x", "12x", " 12", "0", "65536", "99999999999999999999",
                                      "0x10", "+5"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct settings settings = {0};
        struct err err = ERR_INIT;
        setenv("ASSAY_BROKER_PREFETCH", bad[i], 1);
        assert_false(config_load(&table, NULL, &settings, &err));
        assert_int_equal(err.code, ERR_CONFIG);
        assert_non_null(strstr(err.text, "ASSAY_BROKER_PREFETCH"));
    }
}

static void secret_comes_from_a_file(void **state)
{
    (void)state;
    struct settings settings = {0};
    struct err err = ERR_INIT;
    write_file(file_path, "amqp://u:p@h/\n");
    setenv("ASSAY_TEST_URL_FILE", file_path, 1);
    assert_true(config_load(&table, NULL, &settings, &err));
    assert_string_equal(settings.url, "amqp://u:p@h/");
    config_free(&table, &settings);

    setenv("ASSAY_TEST_URL", "amqp://direct/", 1);
    assert_true(config_load(&table, NULL, &settings, &err));
    assert_string_equal(settings.url, "amqp://direct/");
    config_free(&table, &settings);

    unsetenv("ASSAY_TEST_URL");
    setenv("ASSAY_TEST_URL_FILE", "/nonexistent/secret", 1);
    assert_false(config_load(&table, NULL, &settings, &err));
    assert_non_null(strstr(err.text, "ASSAY_TEST_URL_FILE"));
    assert_non_null(strstr(err.text, "/nonexistent/secret"));
}

static void sample_is_a_valid_file(void **state)
{
    (void)state;
    FILE *file = fopen(file_path, "w");
    assert_non_null(file);
    config_print_sample(&table, file);
    assert_int_equal(fclose(file), 0);
    struct settings settings = {0};
    struct err err = ERR_INIT;
    if (!config_load(&table, file_path, &settings, &err))
        fail_msg("%s", err.text);
    assert_string_equal(settings.level, "info");
    assert_int_equal(settings.runtimes.count, 2);
    assert_string_equal(settings.runtimes.items[0], "python");
    assert_string_equal(settings.runtimes.items[1], "node");
    config_free(&table, &settings);
}

static void large_integers_are_whole(void **state)
{
    (void)state;
    write_file(file_path,
               "# 4294967297 \"\n/* 4294967298 */ text = \"4294967299 \\\" 4294967299\"; // 4294967299\n"
               "a4294967297 = 4294967297; b = -4294967297; c = 5000000000L; d = 1.5e10;\n"
               "e = 2147483647; f = [ 2147483648, 4294967297 ];\n");
    struct err err = ERR_INIT;
    struct config_file *file = config_file_open(file_path, &err);
    if (file == NULL)
        fail_msg("%s", err.text);
    const struct config_node *root = config_file_root(file);
    static const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"a4294967297", INT64_C(4294967297)},
                   {"b", INT64_C(-4294967297)},
                   {"c", INT64_C(5000000000)},
                   {"e", 2147483647}};
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        int64_t value = 0;
        assert_true(config_node_integer(config_node_member(root, numbers[i].name), INT64_MIN, INT64_MAX,
                                        &value, &err));
        assert_int_equal(value, numbers[i].value);
    }
    int64_t element = 0;
    assert_true(
        config_node_integer(config_node_at(config_node_member(root, "f"), 1), 0, INT64_MAX, &element, &err));
    assert_int_equal(element, INT64_C(4294967297));
    const char *text;
    assert_true(config_node_string(config_node_member(root, "text"), &text, &err));
    assert_string_equal(text, "4294967299 \" 4294967299");
    config_file_close(file);
}

static void help_names_every_key_and_variable(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    config_print_help(&table, out);
    fclose(out);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        assert_non_null(strstr(text, keys[i].key));
    assert_non_null(strstr(text, "ASSAY_BROKER_PREFETCH"));
    assert_non_null(strstr(text, "ASSAY_TEST_URL_FILE"));
    assert_non_null(strstr(text, "1 to 65535"));
    free(text);
}

static void nodes_can_be_walked(void **state)
{
    (void)state;
    write_file(file_path,
               "stages = (\n  { name = \"one\"; weight = 2; },\n  { name = \"two\"; wrong = 1; }\n);\n");
    struct err err = ERR_INIT;
    struct config_file *file = config_file_open(file_path, &err);
    assert_non_null(file);
    const struct config_node *stages = config_node_member(config_file_root(file), "stages");
    assert_non_null(stages);
    assert_int_equal(config_node_type(stages), CONFIG_NODE_LIST);
    assert_int_equal(config_node_count(stages), 2);
    const struct config_node *one = config_node_at(stages, 0);
    double weight;
    assert_true(config_node_float(config_node_member(one, "weight"), 0, 10, &weight, &err));
    assert_true(weight > 1.99 && weight < 2.01);
    assert_null(config_node_member(one, "absent"));
    static const char *const allowed[] = {"name", "weight", NULL};
    assert_true(config_node_check_members(one, allowed, &err));
    assert_false(config_node_check_members(config_node_at(stages, 1), allowed, &err));
    assert_non_null(strstr(err.text, ":3: stages[1].wrong: unknown key; known here are name, weight"));
    config_file_close(file);
}

#define CONFIG_TEST(test) cmocka_unit_test_setup_teardown(test, clear_environment, clear_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(defaults),
        CONFIG_TEST(file_then_environment),
        CONFIG_TEST(file_errors_name_file_and_line),
        CONFIG_TEST(missing_file_is_named),
        CONFIG_TEST(environment_errors_name_the_variable),
        CONFIG_TEST(secret_comes_from_a_file),
        CONFIG_TEST(sample_is_a_valid_file),
        CONFIG_TEST(help_names_every_key_and_variable),
        CONFIG_TEST(large_integers_are_whole),
        CONFIG_TEST(nodes_can_be_walked),
    };
    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
