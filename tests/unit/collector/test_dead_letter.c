#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "collector/dead_letter.h"
#include "common/mem.h"
#include "common/message/names.h"

static struct item_list items;

static struct item *dead_task(const char *body, const char *message_id)
{
    static const struct broker_header headers[] = {{"x-note", "te\"xt", 0}, {"x-delivery-count", NULL, 51}};
    const struct broker_delivery delivery = {.message = {.exchange = EXCHANGE_DEAD,
                                                         .routing_key = DEAD_KEY_TASKS,
                                                         .body = body,
                                                         .body_size = strlen(body),
                                                         .message_id = message_id,
                                                         .reply_to = "assay.reply.x",
                                                         .headers = headers,
                                                         .header_count = ARRAY_SIZE(headers)},
                                             .tag = 3,
                                             .consumer_tag = "dead-tasks",
                                             .delivery_count = 51,
                                             .death_queue = "assay.tasks.python.bulk",
                                             .death_reason = "delivery_limit",
                                             .death_count = 1};
    return item_new(&items, ITEM_DEAD_TASK, 0, &delivery);
}

static void params_of(const struct item *item, char *params[DEAD_LETTER_PARAMS])
{
    dead_letter_params(item, params);
}

static void free_params(char *params[DEAD_LETTER_PARAMS])
{
    for (int i = 0; i < DEAD_LETTER_PARAMS; i++)
        free(params[i]);
}

static void a_dead_task_is_kept_and_judged(void **state)
{
    (void)state;
    char *params[DEAD_LETTER_PARAMS];
    struct item *item = dead_task("{\"task_id\":\"t\",\"job_id\":\"j\",\"reconstruction_id\":5}", NULL);
    dead_letter_judge(item, 1767323045678);
    params_of(item, params);
    static const char *const want[DEAD_LETTER_PARAMS] = {
        "task",
        "j",
        "t",
        "assay.tasks",
        "python.bulk",
        NULL,
        "{\"reply_to\":\"assay.reply.x\"}",
        "{\"x-note\":\"te\\\"xt\",\"x-delivery-count\":51,\"x-death-queue\":\"assay.tasks.python.bulk\","
        "\"x-death-reason\":\"delivery_limit\"}",
        "delivery_limit",
        "51"};
    for (int i = 0; i < DEAD_LETTER_PARAMS; i++)
        if (want[i] != NULL)
            assert_string_equal(params[i], want[i]);
    assert_memory_equal(params[5], "\\x7b227461736b5f6964223a", 24);
    assert_string_equal(row_value(item->row, ROW_REASON), "undeliverable");
    assert_string_equal(row_value(item->row, ROW_RUNTIME), "python");
    assert_memory_equal(row_value(item->row, ROW_RECONSTRUCTION_ID), "\0\0\0\0\0\0\0\5", 8);
    assert_non_null(row_value(item->row, ROW_FINISHED_AT));
    assert_string_equal(item->verdict_key, "j.error");
    struct err err = ERR_INIT;
    struct result *verdict = result_parse(item->verdict, strlen(item->verdict), &err);
    assert_non_null(verdict);
    assert_int_equal(verdict->reason, REASON_UNDELIVERABLE);
    assert_non_null(
        strstr(verdict->errors[0], "delivery_limit (returned 51 times), queue assay.tasks.python.bulk"));
    result_free(verdict);
    free_params(params);
    item_free(item);
    assert_null(items.first);
}

static void a_verdict_has_the_labels_of_the_task(void **state)
{
    (void)state;
    struct item *item = dead_task(
        "{\"task_id\":\"t\",\"labels\":{\"model\":\"m-1\",\"no text\":7,\"nul\":\"a\\u0000b\",\"\":\"\","
        "\"ü\":\"x\"}}",
        NULL);
    dead_letter_judge(item, 1);
    assert_string_equal(row_value(item->row, ROW_LABELS), "{\"model\":\"m-1\",\"ü\":\"x\"}");
    assert_non_null(strstr(item->verdict, "\"labels\":{\"model\":\"m-1\",\"ü\":\"x\"}"));
    item_free(item);
    static const char *const without[] = {"{\"labels\":[\"model\"]}", "{\"labels\":null}", "{}", "[]", ""};
    for (size_t i = 0; i < ARRAY_SIZE(without); i++) {
        item = dead_task(without[i], "t");
        dead_letter_judge(item, 1);
        assert_string_equal(row_value(item->row, ROW_LABELS), "{}");
        item_free(item);
    }
}

static void identity_comes_from_where_it_can(void **state)
{
    (void)state;
    struct item *item = dead_task("not json", "from-properties");
    dead_letter_judge(item, 1);
    assert_string_equal(item->task_id, "from-properties");
    assert_string_equal(item->job_id, "default");
    item_free(item);
    item = dead_task("not json", "no id: spaces");
    dead_letter_judge(item, 1);
    assert_true(strncmp(item->task_id, "unidentified/", 13) == 0);
    item_free(item);
}

static void a_dead_result_leaves_a_stub(void **state)
{
    (void)state;
    static const struct broker_header headers[] = {{HEADER_DEAD_SQLSTATE, "22003", 0},
                                                   {HEADER_DEAD_MESSAGE, "integer out of range", 0},
                                                   {HEADER_ROUTING_KEY, "j.pass", 0}};
    const char *body = "{\"task_id\":\"t\",\"job_id\":\"j\",\"runtime\":\"node\",\"passed\":99999999999}";
    struct broker_delivery delivery = {.message = {.body = body,
                                                   .body_size = strlen(body),
                                                   .type = TYPE_RESULT,
                                                   .headers = headers,
                                                   .header_count = ARRAY_SIZE(headers)}};
    struct item *item = item_new(&items, ITEM_DEAD_RESULT, 0, &delivery);
    char *params[DEAD_LETTER_PARAMS];
    dead_letter_judge(item, 1);
    params_of(item, params);
    assert_string_equal(params[0], "result");
    assert_string_equal(params[3], "assay.results");
    assert_string_equal(params[4], "j.pass");
    assert_string_equal(params[8], "SQLSTATE 22003: integer out of range");
    assert_string_equal(row_value(item->row, ROW_REASON), "infra");
    assert_string_equal(row_value(item->row, ROW_RUNTIME), "node");
    assert_non_null(strstr(row_value(item->row, ROW_ERRORS), "22003"));
    assert_null(item->verdict);
    free_params(params);
    item_free(item);

    delivery.message.type = TYPE_JOB; /* no task stands behind it: no verdict */
    item = item_new(&items, ITEM_DEAD_RESULT, 0, &delivery);
    dead_letter_judge(item, 1);
    assert_null(item->row);
    item_free(item);
}

static void an_item_owns_what_it_holds(void **state)
{
    (void)state;
    char body[] = "body";
    char name[] = "name";
    char value[] = "value";
    char key[] = "key";
    struct broker_header header = {name, value, 0};
    const struct broker_delivery delivery = {
        .message = {.body = body, .body_size = 4, .routing_key = key, .headers = &header, .header_count = 1}};
    struct item *item = item_new(&items, ITEM_RESULT, 2, &delivery);
    body[0] = name[0] = value[0] = key[0] = 'X';
    header.name = NULL;
    assert_memory_equal(item->delivery.message.body, "body", 5);
    assert_string_equal(item->delivery.message.routing_key, "key");
    assert_null(item->delivery.message.exchange);
    assert_string_equal(item_header(item, "name"), "value");
    assert_null(item_header(item, "other"));
    item_free(item);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_task_is_kept_and_judged),
        cmocka_unit_test(a_verdict_has_the_labels_of_the_task),
        cmocka_unit_test(identity_comes_from_where_it_can),
        cmocka_unit_test(a_dead_result_leaves_a_stub),
        cmocka_unit_test(an_item_owns_what_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
