/*
 * The least that publishing takes: the lines of a file as persistent, mandatory messages by librabbitmq, at
 * most WINDOW of them unconfirmed. What assay-producer does beyond (judging, accounting, reconnecting) is
 * measured against this.
 *
 *   usage: bench_bare_amqp HOST PORT VHOST USER FILE WINDOW KEY     password in BENCH_PASSWORD
 *   prints: MESSAGES SECONDS
 */
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

#define MESSAGES_MAX 10000000

/* Quorum queues confirm out of order: each message is ticked off by itself. */
struct confirms {
    unsigned char done[MESSAGES_MAX + 1];
    unsigned long count;
    unsigned long lowest; /* all below are done */
};

static void tick_off(struct confirms *confirms, unsigned long sequence)
{
    confirms->count += confirms->done[sequence] == 0;
    confirms->done[sequence] = 1;
}

static void take_confirm(amqp_connection_state_t connection, struct confirms *confirms)
{
    amqp_frame_t frame;
    need(amqp_simple_wait_frame(connection, &frame) == AMQP_STATUS_OK, "read");
    need(frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_BASIC_ACK_METHOD,
         "confirm");
    const amqp_basic_ack_t *ack = frame.payload.method.decoded;
    need(ack->delivery_tag <= MESSAGES_MAX, "counting");
    if (!ack->multiple)
        tick_off(confirms, ack->delivery_tag);
    for (; ack->multiple && confirms->lowest <= ack->delivery_tag; confirms->lowest++)
        tick_off(confirms, confirms->lowest);
    amqp_maybe_release_buffers(connection);
}

int main(int argc, char **argv)
{
    need(argc == 8, "usage: HOST PORT VHOST USER FILE WINDOW KEY;");
    unsigned long window = strtoul(argv[6], NULL, 10);
    FILE *file = fopen(argv[5], "re");
    need(file != NULL, "open the file");
    amqp_connection_state_t connection = open_channel(argv);
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_TYPE_FLAG,
        .content_type = amqp_cstring_bytes("application/json"),
        .delivery_mode = 2,
        .type = amqp_cstring_bytes("assay.task.v1"),
    };
    static struct confirms confirms = {.lowest = 1};
    unsigned long published = 0;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    double began = now_s();
    while ((size = getline(&line, &capacity, file)) > 1) {
        amqp_bytes_t body = {(size_t)size - 1, line};
        need(amqp_basic_publish(connection, 1, amqp_cstring_bytes("assay.tasks"), amqp_cstring_bytes(argv[7]),
                                1, 0, &properties, body) == AMQP_STATUS_OK,
             "publish");
        published++;
        while (published - confirms.count >= window)
            take_confirm(connection, &confirms);
    }
    while (confirms.count < published)
        take_confirm(connection, &confirms);
    printf("%lu %.6f\n", published, now_s() - began);
    free(line);
    (void)fclose(file);
    (void)amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
    (void)amqp_destroy_connection(connection);
    return 0;
}
