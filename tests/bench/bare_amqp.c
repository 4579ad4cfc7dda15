/*
 * The least that the broker takes of a program in C: bare loops by librabbitmq. What Assay's programs do
 * beyond (judging, accounting, running, reconnecting) is measured against them.
 *
 *   bench_bare_amqp HOST PORT VHOST USER publish FILE WINDOW KEY       password in BENCH_PASSWORD
 *       the lines of FILE as persistent, mandatory messages, at most WINDOW of them unconfirmed
 *   bench_bare_amqp HOST PORT VHOST USER pipeline QUEUE COUNT PREFETCH
 *       consumes COUNT messages, publishes a result for each, and acknowledges it once that is confirmed
 *   prints: MESSAGES SECONDS
 */
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGES_MAX 10000000

static double now_s(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void need(int good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "bench_bare_amqp: %s failed\n", what);
    exit(1);
}

static amqp_connection_state_t open_channel(char **argv)
{
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    const char *password = getenv("BENCH_PASSWORD");
    need(amqp_socket_open(socket, argv[1], atoi(argv[2])) == AMQP_STATUS_OK, "connect");
    need(amqp_login(connection, argv[3], 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, argv[4],
                    password == NULL ? "" : password)
                 .reply_type == AMQP_RESPONSE_NORMAL,
         "login");
    need(amqp_channel_open(connection, 1) != NULL, "open a channel");
    need(amqp_confirm_select(connection, 1) != NULL, "confirm.select");
    return connection;
}

static void publish(amqp_connection_state_t connection, const char *exchange, const char *key,
                    const char *type, amqp_bytes_t body)
{
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_TYPE_FLAG,
        .content_type = amqp_cstring_bytes("application/json"),
        .delivery_mode = 2,
        .type = amqp_cstring_bytes(type),
    };
    need(amqp_basic_publish(connection, 1, amqp_cstring_bytes(exchange), amqp_cstring_bytes(key), 1, 0,
                            &properties, body) == AMQP_STATUS_OK,
         "publish");
}

/* Quorum queues confirm out of order: each message is ticked off by itself. */
struct confirms {
    unsigned char done[MESSAGES_MAX + 1];
    unsigned long count;
    unsigned long lowest;         /* all below are done */
    uint64_t *tags;               /* pipeline: the delivery that each result answers */
    amqp_connection_state_t acks; /* pipeline: where to acknowledge it */
};

static void tick_off(struct confirms *confirms, unsigned long sequence)
{
    if (confirms->done[sequence] != 0)
        return;
    confirms->done[sequence] = 1;
    confirms->count++;
    if (confirms->tags != NULL)
        need(amqp_basic_ack(confirms->acks, 1, confirms->tags[sequence], 0) == AMQP_STATUS_OK, "acknowledge");
}

static void take_confirm(struct confirms *confirms, const amqp_basic_ack_t *ack)
{
    need(ack->delivery_tag <= MESSAGES_MAX, "counting");
    if (!ack->multiple)
        tick_off(confirms, ack->delivery_tag);
    for (; ack->multiple && confirms->lowest <= ack->delivery_tag; confirms->lowest++)
        tick_off(confirms, confirms->lowest);
}

static void wait_for_confirm(amqp_connection_state_t connection, struct confirms *confirms)
{
    amqp_frame_t frame;
    need(amqp_simple_wait_frame(connection, &frame) == AMQP_STATUS_OK, "read");
    need(frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_BASIC_ACK_METHOD,
         "confirm");
    take_confirm(confirms, frame.payload.method.decoded);
    amqp_maybe_release_buffers(connection);
}

static unsigned long publish_file(amqp_connection_state_t connection, struct confirms *confirms, char **argv)
{
    unsigned long window = strtoul(argv[7], NULL, 10);
    FILE *file = fopen(argv[6], "re");
    need(file != NULL, "open the file");
    unsigned long published = 0;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    while ((size = getline(&line, &capacity, file)) > 1) {
        publish(connection, "assay.tasks", argv[8], "assay.task.v1", (amqp_bytes_t){(size_t)size - 1, line});
        published++;
        while (published - confirms->count >= window)
            wait_for_confirm(connection, confirms);
    }
    while (confirms->count < published)
        wait_for_confirm(connection, confirms);
    free(line);
    (void)fclose(file);
    return published;
}

/* As large as the result of a small suite. */
static amqp_bytes_t make_result(void)
{
    static char body[512];
    memset(body, 'x', sizeof body);
    return (amqp_bytes_t){sizeof body, body};
}

static unsigned long answer_queue(amqp_connection_state_t connection, struct confirms *confirms, char **argv)
{
    unsigned long count = strtoul(argv[7], NULL, 10);
    unsigned long published = 0;
    uint64_t tag = 0, missing = 0;
    need(count <= MESSAGES_MAX, "counting");
    confirms->tags = calloc(count + 1, sizeof *confirms->tags);
    confirms->acks = connection;
    need(confirms->tags != NULL, "allocate");
    (void)amqp_basic_qos(connection, 1, 0, (uint16_t)atoi(argv[8]), 0);
    need(amqp_basic_consume(connection, 1, amqp_cstring_bytes(argv[6]), amqp_empty_bytes, 0, 0, 0,
                            amqp_empty_table) != NULL,
         "consume");
    while (confirms->count < count) {
        amqp_frame_t frame;
        need(amqp_simple_wait_frame(connection, &frame) == AMQP_STATUS_OK, "read");
        if (frame.frame_type == AMQP_FRAME_HEADER) {
            missing = frame.payload.properties.body_size;
        } else if (frame.frame_type == AMQP_FRAME_BODY) {
            missing -= frame.payload.body_fragment.len;
            if (missing == 0) {
                confirms->tags[++published] = tag;
                publish(connection, "assay.results", "bench.pass", "assay.result.v1", make_result());
            }
        } else if (frame.payload.method.id == AMQP_BASIC_DELIVER_METHOD) {
            tag = ((const amqp_basic_deliver_t *)frame.payload.method.decoded)->delivery_tag;
        } else if (frame.payload.method.id == AMQP_BASIC_ACK_METHOD) {
            take_confirm(confirms, frame.payload.method.decoded);
        }
        amqp_maybe_release_buffers(connection);
    }
    return published;
}

int main(int argc, char **argv)
{
    need(argc == 9, "usage: HOST PORT VHOST USER publish FILE WINDOW KEY | pipeline QUEUE COUNT PREFETCH;");
    static struct confirms confirms = {.lowest = 1};
    amqp_connection_state_t connection = open_channel(argv);
    double began = now_s();
    unsigned long count = strcmp(argv[5], "publish") == 0 ? publish_file(connection, &confirms, argv)
                                                          : answer_queue(connection, &confirms, argv);
    printf("%lu %.6f\n", count, now_s() - began);
    free(confirms.tags);
    (void)amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
    (void)amqp_destroy_connection(connection);
    return 0;
}
