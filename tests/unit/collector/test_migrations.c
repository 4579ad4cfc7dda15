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

#include "collector/migrations.h"
#include "common/buf.h"

static char folder[64];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/assay-test-migrations-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static void path_of(const char *name, struct buf *path)
{
    buf_printf(path, "%s/%s", folder, name);
}

static void put(const char *name, const char *text)
{
    autobuf struct buf path = BUF_INIT;
    path_of(name, &path);
    FILE *file = fopen(buf_text(&path), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
}

static const char *const names[] = {"001_first.sql", "002_second.sql", "002_other.sql", "010_tenth.sql",
                                    "1_bad.sql",     "README.md",      ".hidden.sql"};

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        autobuf struct buf path = BUF_INIT;
        path_of(names[i], &path);
        (void)unlink(buf_text(&path));
    }
    return rmdir(folder);
}

static void in_the_order_of_their_numbers(void **state)
{
    (void)state;
    struct migrations migrations;
    struct err err = ERR_INIT;
    put("010_tenth.sql", "SELECT 10");
    put("002_second.sql", "");
    put("001_first.sql", "SELECT 1");
    put("README.md", "not SQL");
    put(".hidden.sql", "an editor's");
    assert_true(migrations_load(folder, &migrations, &err));
    assert_int_equal(migrations.count, 3);
    assert_string_equal(migrations.items[0].name, "001_first.sql");
    assert_string_equal(migrations.items[0].sql, "SELECT 1");
    assert_int_equal(migrations.items[1].version, 2);
    assert_string_equal(migrations.items[1].checksum,
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(migrations.items[2].version, 10);
    migrations_free(&migrations);
}

static void refuse(const char *part)
{
    struct migrations migrations;
    struct err err = ERR_INIT;
    assert_false(migrations_load(folder, &migrations, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    if (strstr(err.text, part) == NULL)
        fail_msg("%s", err.text);
}

static void an_empty_folder_is_refused(void **state)
{
    (void)state;
    refuse("holds no migration");
}

static void a_bad_name_is_refused(void **state)
{
    (void)state;
    put("001_first.sql", "x");
    put("1_bad.sql", "x");
    refuse("1_bad.sql: want a name like 012_name.sql");
}

static void a_number_twice_is_refused(void **state)
{
    (void)state;
    put("002_second.sql", "x");
    put("002_other.sql", "x");
    refuse("have the same number");
}

static void the_shipped_ones_load(void **state)
{
    (void)state;
    struct migrations migrations;
    struct err err = ERR_INIT;
    if (!migrations_load(ASSAY_SOURCE_DIR "/conf/schema", &migrations, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < migrations.count; i++)
        assert_int_equal(migrations.items[i].version, i + 1); /* none left out */
    migrations_free(&migrations);
}

#define MIGRATIONS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MIGRATIONS_TEST(in_the_order_of_their_numbers), MIGRATIONS_TEST(an_empty_folder_is_refused),
        MIGRATIONS_TEST(a_bad_name_is_refused),         MIGRATIONS_TEST(a_number_twice_is_refused),
        MIGRATIONS_TEST(the_shipped_ones_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
