#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http_server.h"

static bool is_ready;

static bool ready(void *context)
{
    (void)context;
    return is_ready;
}

static void status(void *context, struct buf *out)
{
    buf_printf(out, "{\"name\":\"%s\"}", (const char *)context);
}

static void metrics(void *context, struct buf *out)
{
    (void)context;
    buf_append_text(out, "assay_test_total 3\n");
}

struct fixture {
    struct loop *loop;
    struct http_server *server;
};

static int set_up(void **state)
{
    static char name[] = "test";
    const struct http_server_source source = {name, ready, status, metrics};
    struct fixture *f = calloc(1, sizeof(*f));
    f->loop = loop_open(NULL);
    struct err err = ERR_INIT;
    f->server = http_server_open(f->loop, "127.0.0.1:0", &source, &err);
    if (f->server == NULL) {
        print_error("%s\n", err.text);
        return -1;
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    http_server_close(f->server);
    loop_close(f->loop);
    free(f);
    return 0;
}

/* Client and server share this thread: the client's socket does not block, the loop turns between. */
static void request(struct fixture *f, const char *line, char *answer, size_t capacity)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_server_port(f->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    char text[256];
    int length = snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", line);
    assert_int_equal(send(fd, text, (size_t)length, 0), length);
    size_t size = 0;
    int64_t deadline = clock_ms() + 10000;
    for (;;) {
        assert_true(clock_ms() < deadline);
        assert_true(loop_step(f->loop, 10, NULL));
        ssize_t n = recv(fd, answer + size, capacity - 1 - size, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            continue;
        if (n <= 0)
            break;
        size += (size_t)n;
    }
    answer[size] = '\0';
    close(fd);
}

static void expect(struct fixture *f, const char *line, const char *code, const char *part)
{
    char answer[4096];
    request(f, line, answer, sizeof(answer));
    char first_line[64];
    (void)snprintf(first_line, sizeof(first_line), "HTTP/1.1 %s ", code);
    if (strncmp(answer, first_line, strlen(first_line)) != 0 || strstr(answer, part) == NULL)
        fail_msg("%s: got %s", line, answer);
}

static void serves_the_documented_pages(void **state)
{
    expect(*state, "GET /healthz", "200", "ok\n");
    expect(*state, "GET /health", "200", "ok\n");
    expect(*state, "GET /status", "200", "{\"name\":\"test\"}");
    expect(*state, "GET /status", "200", "application/json");
    expect(*state, "GET /metrics", "200", "assay_test_total 3\n");
    expect(*state, "GET /metrics", "200", "version=0.0.4");
    expect(*state, "HEAD /healthz", "200", "Content-Length: 3");
    is_ready = true;
    expect(*state, "GET /readyz", "200", "ready");
    is_ready = false;
    expect(*state, "GET /readyz", "503", "not ready");
}

static void refuses_the_rest(void **state)
{
    expect(*state, "GET /", "404", "/metrics");
    expect(*state, "GET /../etc/passwd", "404", "not found");
    expect(*state, "POST /metrics", "405", "Allow: GET, HEAD");
    expect(*state, "DELETE /status", "405", "only GET");
}

static void no_address_no_listener(void **state)
{
    struct fixture *f = *state;
    const struct http_server_source source = {NULL, ready, status, metrics};
    struct err err = ERR_INIT;
    assert_null(http_server_open(f->loop, "", &source, &err));
    assert_int_equal(err.code, ERR_NONE);
}

static void bad_addresses_are_named(void **state)
{
    struct fixture *f = *state;
    const struct http_server_source source = {NULL, ready, status, metrics};
    static const char *const bad[] = {"127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "no such host:1",
                                      "1.2.3.4.5:9"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err err = ERR_INIT;
        assert_null(http_server_open(f->loop, bad[i], &source, &err));
        assert_int_equal(err.code, ERR_CONFIG);
        assert_non_null(strstr(err.text, bad[i]));
    }
    char taken[32];
    (void)snprintf(taken, sizeof(taken), "127.0.0.1:%u", http_server_port(f->server));
    struct err err = ERR_INIT;
    assert_null(http_server_open(f->loop, taken, &source, &err));
    assert_non_null(strstr(err.text, "in use"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(serves_the_documented_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_the_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_address_no_listener, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_addresses_are_named, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
