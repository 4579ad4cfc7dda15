#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/instance_name.h"
#include "common/mem.h"
#include "common/text.h"

static bool complete(char **name, struct err *err)
{
    return instance_name_complete(name, "ASSAY_TEST_NAME", "test", err);
}

static void a_name_that_is_given_stays(void **state)
{
    (void)state;
    autofree char *name = strdup("rack-7/w.1:a_b");
    struct err err = ERR_INIT;
    assert_true(complete(&name, &err));
    assert_string_equal(name, "rack-7/w.1:a_b");
}

static void without_one_it_ends_with_the_process_id(void **state)
{
    (void)state;
    autofree char *name = strdup("");
    struct err err = ERR_INIT;
    char end[32];
    (void)snprintf(end, sizeof(end), "-%ld", (long)getpid());
    assert_true(complete(&name, &err));
    size_t size = strlen(name);
    assert_true(size > strlen(end) && size <= INSTANCE_NAME_MAX && text_is_id(name, size));
    assert_string_equal(name + size - strlen(end), end);
}

static void what_a_queue_name_may_not_hold_is_refused(void **state)
{
    (void)state;
    autofree char *name = strdup("two words");
    struct err err = ERR_INIT;
    assert_false(complete(&name, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_non_null(strstr(err.text, "ASSAY_TEST_NAME"));
    assert_non_null(strstr(err.text, "\"two words\": allowed are 1 to 100 of A-Za-z0-9._:/-"));
}

static void one_that_is_too_long_is_refused(void **state)
{
    (void)state;
    autofree char *name = malloc(INSTANCE_NAME_MAX + 2);
    struct err err = ERR_INIT;
    assert_non_null(name);
    memset(name, 'a', INSTANCE_NAME_MAX + 1);
    name[INSTANCE_NAME_MAX + 1] = '\0';
    assert_false(complete(&name, &err));
    name[INSTANCE_NAME_MAX] = '\0';
    assert_true(complete(&name, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_is_given_stays),
        cmocka_unit_test(without_one_it_ends_with_the_process_id),
        cmocka_unit_test(what_a_queue_name_may_not_hold_is_refused),
        cmocka_unit_test(one_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
