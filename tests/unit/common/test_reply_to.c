#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/reply_to.h"

static void direct_reply_to_as_the_broker_writes_it_passes(void **state)
{
    (void)state;
    assert_true(reply_to_is_allowed(
        "amq.rabbitmq.reply-to.g1h3AA5yZXBseUBsb2NhbGhvc3QAAAADAAAAAGcq3Q==.aZ3q+/9kbw=="));
    assert_true(reply_to_is_allowed("amq.rabbitmq.reply-to.g2dk_-x.key"));
}

static void malformed_direct_reply_to_is_refused(void **state)
{
    /* Any of these would close the publishing connection (541). */
    static const char *const bad[] = {
        "amq.rabbitmq.reply-to",         "amq.rabbitmq.reply-to.",         "amq.rabbitmq.reply-to.abc",
        "amq.rabbitmq.reply-to.abc.",    "amq.rabbitmq.reply-to..abc",     "amq.rabbitmq.reply-to.a.b.c",
        "amq.rabbitmq.reply-to.a b.key", "amq.rabbitmq.reply-to.ab.k\xff",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(reply_to_is_allowed(bad[i]));
}

static void queues_of_the_publisher_pass(void **state)
{
    (void)state;
    assert_true(reply_to_is_allowed("amq.gen-Xa7-9sAsd_Q0"));
    assert_true(reply_to_is_allowed("assay.reply.team-1.run:7"));
}

static void other_queues_are_refused(void **state)
{
    static const char *const bad[] = {"",           "assay.results", "assay.tasks.python", "assay.reply.",
                                      "amq.gen-",   "amq.gen-a b",   "assay.reply.a b",    "assay.replyx",
                                      "assay.dead", "Amq.gen-abc",   "assay.reply.\n"};
    (void)state;
    assert_false(reply_to_is_allowed(NULL));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(reply_to_is_allowed(bad[i]));
}

static void the_length_is_that_of_a_short_string(void **state)
{
    char name[300];
    (void)state;
    memset(name, 'a', sizeof name);
    memcpy(name, "assay.reply.", strlen("assay.reply."));
    name[255] = '\0';
    assert_true(reply_to_is_allowed(name));
    name[255] = 'a';
    name[256] = '\0';
    assert_false(reply_to_is_allowed(name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(direct_reply_to_as_the_broker_writes_it_passes),
        cmocka_unit_test(malformed_direct_reply_to_is_refused),
        cmocka_unit_test(queues_of_the_publisher_pass),
        cmocka_unit_test(other_queues_are_refused),
        cmocka_unit_test(the_length_is_that_of_a_short_string),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
