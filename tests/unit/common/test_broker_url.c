#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/broker/url.h"

static void full_url(void **state)
{
    (void)state;
    struct broker_url url;
    struct err err = ERR_INIT;
    assert_true(broker_url_parse("amqp://me:p%40ss%2F@broker.example:5673/a%2Fb?heartbeat=7", 0, &url, &err));
    assert_string_equal(url.host, "broker.example");
    assert_string_equal(url.user, "me");
    assert_string_equal(url.password, "p@ss/");
    assert_string_equal(url.vhost, "a/b");
    assert_int_equal(url.port, 5673);
    assert_false(url.tls);
    assert_int_equal(url.heartbeat_s, 7);
    broker_url_free(&url);
}

static void defaults(void **state)
{
    (void)state;
    struct broker_url url;
    struct err err = ERR_INIT;
    assert_true(broker_url_parse("amqp://localhost", 0, &url, &err));
    assert_string_equal(url.user, "guest");
    assert_string_equal(url.vhost, "/");
    assert_int_equal(url.port, 5672);
    assert_int_equal(url.heartbeat_s, -1);
    broker_url_free(&url);
    assert_true(broker_url_parse("amqps://localhost/assay", 0, &url, &err));
    assert_true(url.tls);
    assert_int_equal(url.port, 5671);
    assert_null(url.ca_file);
    broker_url_free(&url);
}

static void certificate_files(void **state)
{
    (void)state;
    struct broker_url url;
    struct err err = ERR_INIT;
    assert_true(
        broker_url_parse("amqps://u:p@h/v?cacertfile=/ca.pem&certfile=/c.pem&keyfile=/k.pem", 0, &url, &err));
    assert_string_equal(url.ca_file, "/ca.pem");
    assert_string_equal(url.cert_file, "/c.pem");
    assert_string_equal(url.key_file, "/k.pem");
    broker_url_free(&url);
}

static void several_hosts(void **state)
{
    (void)state;
    static const char text[] = "amqp://me:p%2C@a.example:5673,b.example,[::1]:7/v?heartbeat=3";
    static const struct {
        const char *host;
        int port;
    } hosts[] = {{"a.example", 5673}, {"b.example", 5672}, {"::1", 7}};
    for (unsigned turn = 0; turn < 7; turn++) {
        struct broker_url url;
        struct err err = ERR_INIT;
        assert_true(broker_url_parse(text, turn, &url, &err));
        assert_int_equal(url.host_count, 3);
        assert_string_equal(url.host, hosts[turn % 3].host);
        assert_int_equal(url.port, hosts[turn % 3].port);
        assert_string_equal(url.password, "p,");
        assert_string_equal(url.vhost, "v");
        assert_int_equal(url.heartbeat_s, 3);
        broker_url_free(&url);
    }
}

static void refused(const char *text, const char *part_of_message)
{
    struct broker_url url;
    struct err err = ERR_INIT;
    assert_false(broker_url_parse(text, 0, &url, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_null(url.memory);
    if (strstr(err.text, part_of_message) == NULL)
        fail_msg("'%s' is not in: %s", part_of_message, err.text);
    assert_null(strstr(err.text, "s3cret"));
}

static void refusals(void **state)
{
    (void)state;
    refused(NULL, "ASSAY_AMQP_URL");
    refused("", "ASSAY_AMQP_URL");
    refused("http://u:s3cret@h/", "cannot be read");
    refused("amqp://u:s3cret@a,,b/v", "cannot be read");
    refused("amqp://u:s3cret@a,b:port/v", "cannot be read");
    refused("amqp://u:s3cret@h:port/", "cannot be read");
    refused("amqp://u:s3cret@h:99999/v", "cannot be read");
    refused("amqp://u:s3cret%zz@h/v", "cannot be read");
    refused("amqp://u:s3cret@h/v?heartbeat=abc", "heartbeat must be");
    refused("amqp://u:s3cret@h/v?heartbeat", "name=value");
    refused("amqp://u:s3cret@h/v?colour=red", "unknown query parameter colour");
    refused("amqp://u:s3cret@h/v?cacertfile=/x", "need amqps");
    refused("amqps://u:s3cret@h/v?certfile=/x", "go together");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_url),          cmocka_unit_test(defaults), cmocka_unit_test(several_hosts),
        cmocka_unit_test(certificate_files), cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
