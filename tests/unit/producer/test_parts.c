#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "producer/claims.h"
#include "producer/jobs.h"
#include "producer/management.h"

static void check_vhost(const char *url, const char *expected)
{
    char *vhost = management_vhost(url);
    assert_string_equal(vhost, expected);
    free(vhost);
}

static void virtual_hosts(void **state)
{
    (void)state;
    check_vhost("amqp://u:p@h:1/assay", "assay");
    check_vhost("amqp://h", "/");
    check_vhost("amqp://h/%2F", "/");
    check_vhost("amqp://h/a%2fb?heartbeat=3", "a/b");
    check_vhost("amqp://h/a%2", "a%2");
    check_vhost("", "/");
}

static void queues_from_json(void **state)
{
    (void)state;
    static const char body[] =
        "[{\"name\":\"b\",\"messages_ready\":5,\"consumers\":2,\"message_stats\":{\"publish_details\":{"
        "\"rate\":1.5}}},"
        "{\"nothing\":1},{\"name\":\"a\",\"messages_unacknowledged\":3,\"message_stats\":[]},7]";
    struct queue_list list = {NULL, 0};
    struct err err = ERR_INIT;
    assert_true(management_json_queues(body, sizeof body - 1, &list, &err));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].name, "a");
    assert_int_equal(list.items[0].unacknowledged, 3);
    assert_string_equal(list.items[1].name, "b");
    assert_int_equal(list.items[1].ready, 5);
    assert_int_equal(list.items[1].consumers, 2);
    assert_true(list.items[1].publish_rate > 1.49 && list.items[1].publish_rate < 1.51);
    queue_list_free(&list);
}

static void answers_that_are_no_list(void **state)
{
    (void)state;
    static const char *const bodies[] = {"", "{}", "{\"error\":\"x\"}", "<html>", "[", "null"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct queue_list list = {NULL, 0};
        struct err err = ERR_INIT;
        assert_false(management_json_queues(bodies[i], strlen(bodies[i]), &list, &err));
        assert_int_equal(err.code, ERR_PROTOCOL);
    }
}

static void jobs_are_counted_apart(void **state)
{
    (void)state;
    struct jobs jobs = {NULL, 0, 0, 0};
    struct err err = ERR_INIT;
    assert_true(jobs_add_task(&jobs, "a", "1", &err) && jobs_add_task(&jobs, "b", "1", &err) &&
                jobs_add_task(&jobs, "a", "2", &err));
    assert_int_equal(jobs.count, 2);
    assert_int_equal(jobs.items[0].part.count, 2);
    assert_int_equal(jobs.items[1].part.count, 1);
    char job[16];
    for (int i = 2; i < JOBS_MAX; i++) {
        (void)snprintf(job, sizeof job, "j%d", i);
        assert_non_null(jobs_get(&jobs, job, &err));
    }
    assert_null(jobs_get(&jobs, "one too many", &err));
    assert_int_equal(err.code, ERR_INPUT);
    jobs_free(&jobs);
    struct buf key = BUF_INIT;
    jobs_routing_key("a.b", "job", &key);
    assert_string_equal(buf_text(&key), "a_b.job");
    buf_free(&key);
}

static void row_ids(void **state)
{
    (void)state;
    struct row_ids ids = {NULL, 0, 0};
    struct err err = ERR_INIT;
    for (int64_t id = 0; id < 200; id++)
        assert_true(row_ids_add(&ids, id, &err));
    assert_true(row_ids_remove(&ids, 0));
    assert_true(row_ids_remove(&ids, 199));
    assert_false(row_ids_remove(&ids, 199));
    assert_int_equal(ids.count, 198);
    row_ids_free(&ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(virtual_hosts),
        cmocka_unit_test(queues_from_json),
        cmocka_unit_test(answers_that_are_no_list),
        cmocka_unit_test(jobs_are_counted_apart),
        cmocka_unit_test(row_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
