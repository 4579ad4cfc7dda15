#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/message/job.h"

#define PART "00000000000000000000000000000000000000000000000000000000000000ff"

static void part_hex(const char *const *ids, size_t count, char hex[65])
{
    struct job_part part = {{0}, 0};
    for (size_t i = 0; i < count; i++)
        job_part_add(&part, ids[i]);
    assert_int_equal(part.count, count);
    job_part_hex(&part, hex);
}

/* The digest of a part does not depend on the order, and depends on each id. */
static void parts(void **state)
{
    (void)state;
    char abc[65], cba[65], ab[65], aab[65], none[65], one[65];
    part_hex((const char *const[]){"a", "b", "c"}, 3, abc);
    part_hex((const char *const[]){"c", "b", "a"}, 3, cba);
    part_hex((const char *const[]){"a", "b"}, 2, ab);
    part_hex((const char *const[]){"a", "a", "b"}, 3, aab);
    part_hex(NULL, 0, none);
    part_hex((const char *const[]){"hello"}, 1, one);
    assert_string_equal(abc, cba);
    assert_string_not_equal(abc, ab);
    assert_string_not_equal(ab, aab);
    assert_string_equal(one, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_int_equal(strspn(none, "0"), 64);
    /* sha256("a") + sha256("b") modulo 2^256, as Python computes it. */
    assert_string_equal(ab, "08bb6928ca5517152e4b8118ff058d82334469f89d507abd84f46634858a4958");
}

static void job_round_trip(void **state)
{
    (void)state;
    const char *body = "{\"job_id\":\"j\",\"part\":\"" PART "\",\"total\":164,\"labels\":{\"model\":\"m\"}}";
    struct job_message message;
    struct err err = ERR_INIT;
    assert_true(job_message_parse(body, strlen(body), &message, &err));
    assert_string_equal(message.job_id, "j");
    assert_int_equal(message.total, 164);
    autobuf struct buf out = BUF_INIT;
    job_message_to_json(&message, &out);
    assert_string_equal(buf_text(&out), body);
    job_message_free(&message);
    job_message_free(&message);

    buf_reset(&out);
    struct job_message bare = {.job_id = "j", .part = PART, .total = 0};
    job_message_to_json(&bare, &out);
    assert_string_equal(buf_text(&out), "{\"job_id\":\"j\",\"part\":\"" PART "\",\"total\":0,\"labels\":{}}");
}

static void control_round_trip(void **state)
{
    (void)state;
    struct control_message message = {.order = CONTROL_RESUME, .job_id = "a/b"}, again;
    struct err err = ERR_INIT;
    autobuf struct buf out = BUF_INIT;
    control_message_to_json(&message, &out);
    assert_string_equal(buf_text(&out), "{\"resume\":\"a/b\"}");
    assert_true(control_message_parse(out.data, out.size, &again, &err));
    assert_string_equal(again.job_id, "a/b");
    assert_int_equal(again.order, CONTROL_RESUME);

    char workers[] = "w-1,w-12";
    struct control_message told = {.order = CONTROL_TOLD, .workers = workers};
    buf_reset(&out);
    control_message_to_json(&told, &out);
    assert_string_equal(buf_text(&out), "{\"told\":\"w-1,w-12\"}");
    assert_true(control_message_parse(out.data, out.size, &again, &err));
    assert_true(control_message_names(&again, "w-1"));
    assert_true(control_message_names(&again, "w-12"));
    assert_false(control_message_names(&again, "w"));
    assert_false(control_message_names(&again, "w-1,w-12"));
    control_message_free(&again);
}

static void event_round_trip(void **state)
{
    (void)state;
    struct worker_event event = {.kind = WORKER_HEARTBEAT,
                                 .worker = "w-1",
                                 .host = "host.example",
                                 .pid = 4711,
                                 .version = "0.1.0",
                                 .slots = 2,
                                 .busy = 1,
                                 .consuming = true,
                                 .runtimes = "c, python",
                                 .tasks_done = 10,
                                 .tasks_error = 1,
                                 .started_at_ms = 1769857200000,
                                 .heartbeat_s = 10};
    struct worker_event again;
    struct err err = ERR_INIT;
    autobuf struct buf out = BUF_INIT, second = BUF_INIT;
    worker_event_to_json(&event, &out);
    assert_string_equal(
        buf_text(&out),
        "{\"event\":\"heartbeat\",\"worker\":\"w-1\",\"host\":\"host.example\",\"pid\":4711,\"version\":\"0."
        "1.0\","
        "\"slots\":2,\"busy\":1,\"consuming\":true,\"runtimes\":[\"c\",\"python\"],\"tasks_done\":10,"
        "\"tasks_error\":1,\"started_at\":\"2026-01-31T11:00:00.000Z\",\"heartbeat_s\":10}");
    assert_true(worker_event_parse(out.data, out.size, &again, &err));
    assert_int_equal(again.kind, WORKER_HEARTBEAT);
    assert_string_equal(again.runtimes, "c,python");
    assert_int_equal(again.started_at_ms, event.started_at_ms);
    worker_event_to_json(&again, &second);
    assert_string_equal(buf_text(&out), buf_text(&second));

    struct worker_event empty = {.kind = WORKER_GOODBYE, .worker = "w"};
    buf_reset(&out);
    worker_event_to_json(&empty, &out);
    assert_non_null(strstr(buf_text(&out), "\"runtimes\":[]"));
    assert_true(worker_event_parse(out.data, out.size, &again, &err));
    assert_string_equal(again.runtimes, "");
}

typedef bool parse_fn(const char *body, size_t size, struct err *err);

static bool parse_job(const char *body, size_t size, struct err *err)
{
    struct job_message message;
    bool ok = job_message_parse(body, size, &message, err);
    job_message_free(&message);
    return ok;
}

static bool parse_control(const char *body, size_t size, struct err *err)
{
    struct control_message message;
    bool ok = control_message_parse(body, size, &message, err);
    control_message_free(&message);
    return ok;
}

static bool parse_event(const char *body, size_t size, struct err *err)
{
    struct worker_event event;
    return worker_event_parse(body, size, &event, err);
}

#define EVENT "{\"event\":\"hello\",\"worker\":\"w\","

static const struct bad {
    parse_fn *parse;
    const char *body, *says;
} bad_messages[] = {
    {parse_job, "", "empty"},
    {parse_job, "[]", "not a JSON object"},
    {parse_job, "{}", "job_id is missing"},
    {parse_job, "{\"job_id\":\"j\",\"total\":1}", "part is missing"},
    {parse_job, "{\"job_id\":\"j\",\"part\":\"" PART "\"}", "total is missing"},
    {parse_job, "{\"job_id\":\"a b\",\"part\":\"" PART "\",\"total\":1}", "job_id 'a b' is not"},
    {parse_job, "{\"job_id\":\"j\",\"part\":\"ff\",\"total\":1}", "part must be 64 lower-case hex"},
    {parse_job, "{\"job_id\":\"j\",\"part\":7,\"total\":1}", "part must be text"},
    {parse_job, "{\"job_id\":\"j\",\"part\":\"" PART "\",\"total\":-1}", "total is -1"},
    {parse_job, "{\"job_id\":\"j\",\"part\":\"" PART "\",\"total\":1,\"labels\":{\"a\":[]}}",
     "labels must be text"},
    {parse_job, "{\"job_id\":\"j\",\"part\":\"" PART "\",\"total\":1,\"lables\":{}}", "did you mean labels?"},
    {parse_control, "{}", "exactly one of the fields"},
    {parse_control, "{\"cancel\":\"j\",\"resume\":\"j\"}", "exactly one of the fields"},
    {parse_control, "{\"told\":\"a,,b\"}", "told must be names of workers"},
    {parse_control, "{\"told\":\"a b\"}", "told must be names of workers"},
    {parse_control, "{\"told\":1}", "told must be text"},
    {parse_control, "{\"cancel\":\"\"}", "cancel '' is not"},
    {parse_control, "{\"cancel\":[]}", "cancel must be text"},
    {parse_control, "{\"cancel\":\"j\",\"now\":1}", "unknown field 'now'"},
    {parse_event, "{\"worker\":\"w\"}", "event is missing"},
    {parse_event, "{\"event\":\"hello\"}", "worker is missing"},
    {parse_event, "{\"event\":\"bye\",\"worker\":\"w\"}", "event must be hello"},
    {parse_event, "{\"event\":1,\"worker\":\"w\"}", "event must be text"},
    {parse_event, EVENT "\"slots\":-1}", "slots is -1"},
    {parse_event, EVENT "\"consuming\":1}", "consuming must be true or false"},
    {parse_event, EVENT "\"runtimes\":\"c\"}", "runtimes must be an array"},
    {parse_event, EVENT "\"runtimes\":[1]}", "runtimes must be text"},
    {parse_event, EVENT "\"started_at\":\"x\"}", "started_at is not"},
    {parse_event, EVENT "\"version\":\"0123456789012345678901234567890123456789\"}", "version has 40 bytes"},
};

static void bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad_messages); i++) {
        struct err err = ERR_INIT;
        if (bad_messages[i].parse(bad_messages[i].body, strlen(bad_messages[i].body), &err))
            fail_msg("accepted: %s", bad_messages[i].body);
        assert_int_equal(err.code, ERR_INPUT);
        if (strstr(err.text, bad_messages[i].says) == NULL)
            fail_msg("%s: says \"%s\", not \"%s\"", bad_messages[i].body, err.text, bad_messages[i].says);
    }
    autobuf struct buf body = BUF_INIT;
    buf_append_text(&body, EVENT "\"runtimes\":[\"c\"");
    for (int i = 0; i < 300; i++)
        buf_append_text(&body, ",\"python\"");
    buf_append_text(&body, "]}");
    struct err err = ERR_INIT;
    assert_false(parse_event(body.data, body.size, &err));
    assert_non_null(strstr(err.text, "runtimes take more than 1023 bytes"));
}

static void routing_word(void **state)
{
    (void)state;
    autobuf struct buf word = BUF_INIT;
    job_routing_word("a.b/c:d-e_f", &word);
    assert_string_equal(buf_text(&word), "a_b/c:d-e_f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),
        cmocka_unit_test(job_round_trip),
        cmocka_unit_test(control_round_trip),
        cmocka_unit_test(event_round_trip),
        cmocka_unit_test(bad),
        cmocka_unit_test(routing_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
