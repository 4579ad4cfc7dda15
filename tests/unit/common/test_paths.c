/* paths: the settings that a clone's .local holds. */
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

#include "common/mem.h"
#include "common/paths.h"

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(name, 0600), 0);
}

static int tear_down(void **state)
{
    (void)state;
    char folder[4096];
    if (getcwd(folder, sizeof folder) == NULL || strncmp(folder, "/tmp/assay-test-paths-", 22) != 0)
        return -1;
    char command[4200];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

/* A fresh folder with a .local, as working directory. */
static int set_up(void **state)
{
    (void)state;
    char folder[] = "/tmp/assay-test-paths-XXXXXX";
    if (mkdtemp(folder) == NULL || chdir(folder) != 0 || mkdir(".local", 0700) != 0)
        return -1;
    unsetenv("ASSAY_LOCAL_ENV");
    unsetenv("ASSAY_NO_LOCAL_ENV");
    unsetenv("ASSAY_AMQP_URL");
    unsetenv("ASSAY_PG_URL");
    char program[4096];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    if (size <= 0)
        return -1;
    program[size] = '\0';
    char own[4200];
    (void)snprintf(own, sizeof own, ".local/%s.env", strrchr(program, '/') + 1);
    write_file(".local/env",
               "export ASSAY_AMQP_URL=amqp://publisher\nexport ASSAY_PG_URL='pg publisher'\nPATH=/evil\n");
    write_file(own, "export ASSAY_AMQP_URL=amqp://own\n");
    return 0;
}

static void own_file_goes_before_the_general_one(void **state)
{
    (void)state;
    paths_load_local_env();
    assert_string_equal(getenv("ASSAY_AMQP_URL"), "amqp://own");
    assert_string_equal(getenv("ASSAY_PG_URL"), "pg publisher");
    assert_string_not_equal(getenv("PATH"), "/evil");
}

static void environment_goes_before_files(void **state)
{
    (void)state;
    setenv("ASSAY_AMQP_URL", "amqp://mine", 1);
    paths_load_local_env();
    assert_string_equal(getenv("ASSAY_AMQP_URL"), "amqp://mine");
}

static void own_file_replaces_what_was_sourced(void **state)
{
    (void)state;
    setenv("ASSAY_LOCAL_ENV", "1", 1);
    setenv("ASSAY_AMQP_URL", "amqp://publisher", 1);
    paths_load_local_env();
    assert_string_equal(getenv("ASSAY_AMQP_URL"), "amqp://own");
}

static void can_be_turned_off(void **state)
{
    (void)state;
    setenv("ASSAY_NO_LOCAL_ENV", "1", 1);
    paths_load_local_env();
    assert_null(getenv("ASSAY_AMQP_URL"));
}

static void shipped_files_are_found(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    autofree char *path = paths_find("conf/runtimes.cfg", &err);
    assert_non_null(path);
    assert_null(paths_find("conf/none.cfg", &err));
    assert_non_null(strstr(err.text, "conf/none.cfg"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(own_file_goes_before_the_general_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(environment_goes_before_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(own_file_replaces_what_was_sourced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(can_be_turned_off, set_up, tear_down),
        cmocka_unit_test(shipped_files_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
