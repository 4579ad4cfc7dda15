/*
 * Drives common/broker.h and broker_link.h from a test: one command a line on standard input, one JSON object
 * a line on standard output for each answer and each event.
 *
 *   usage: tool_broker_probe URL HEARTBEAT_S
 *
 *   publish EXCHANGE KEY SIZE MANDATORY MESSAGE_ID   a body of SIZE bytes 'x'; EXCHANGE "-" is the default
 * one consume QUEUE TAG   prefetch N   ack TAG MULTIPLE   reject TAG REQUEUE   cancel TAG declare QUEUE
 * delete QUEUE   inspect QUEUE   unconfirmed   quit
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/broker_link.h"
#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/loop.h"
#include "common/mem.h"

#define WORDS_MAX 8

struct probe {
    struct loop *loop;
    struct broker_link *link;
    struct buf input;
};

/* Takes over `event`. */
static void say(json_t *event)
{
    char *text = json_dumps(event, JSON_COMPACT | JSON_SORT_KEYS);
    puts(text == NULL ? "{}" : text);
    (void)fflush(stdout);
    free(text);
    json_decref(event);
}

static json_t *event_of(const char *name)
{
    json_t *event = json_object();
    (void)json_object_set_new(event, "event", json_string(name));
    return event;
}

static void set_text(json_t *event, const char *key, const char *text)
{
    if (text != NULL)
        (void)json_object_set_new(event, key, json_string(text));
}

static void set_number(json_t *event, const char *key, uint64_t number)
{
    (void)json_object_set_new(event, key, json_integer((json_int_t)number));
}

static void say_error(const char *name, const struct err *err)
{
    json_t *event = event_of(name);
    set_text(event, "code", err_code_name(err->code));
    set_text(event, "text", err->text);
    say(event);
}

static void set_message(json_t *event, const struct broker_message *message)
{
    char digest[DIGEST_HEX_SIZE];
    digest_sha256_hex(message->body, message->body_size, digest);
    set_text(event, "sha256", digest);
    set_number(event, "size", message->body_size);
    set_text(event, "exchange", message->exchange);
    set_text(event, "key", message->routing_key);
    set_text(event, "type", message->type);
    set_text(event, "content_type", message->content_type);
    set_text(event, "message_id", message->message_id);
    set_text(event, "correlation_id", message->correlation_id);
    set_text(event, "reply_to", message->reply_to);
    set_text(event, "app_id", message->app_id);
    set_number(event, "timestamp", (uint64_t)message->timestamp_s);
    (void)json_object_set_new(event, "persistent", json_boolean(message->persistent));
    json_t *headers = json_object();
    for (size_t i = 0; i < message->header_count; i++) {
        const struct broker_header *header = &message->headers[i];
        if (header->text != NULL)
            set_text(headers, header->name, header->text);
        else
            (void)json_object_set_new(headers, header->name, json_integer(header->number));
    }
    (void)json_object_set_new(event, "headers", headers);
}

static void on_delivery(void *context, const struct broker_delivery *delivery)
{
    (void)context;
    json_t *event = event_of("delivery");
    set_message(event, &delivery->message);
    set_number(event, "tag", delivery->tag);
    set_text(event, "consumer_tag", delivery->consumer_tag);
    (void)json_object_set_new(event, "redelivered", json_boolean(delivery->redelivered));
    set_number(event, "delivery_count", (uint64_t)delivery->delivery_count);
    set_number(event, "dropped", delivery->dropped_body_size);
    set_text(event, "death_queue", delivery->death_queue);
    set_text(event, "death_reason", delivery->death_reason);
    set_number(event, "death_count", (uint64_t)delivery->death_count);
    say(event);
}

static void on_confirm(void *context, uint64_t sequence, bool multiple, bool accepted)
{
    (void)context;
    json_t *event = event_of("confirm");
    set_number(event, "sequence", sequence);
    (void)json_object_set_new(event, "multiple", json_boolean(multiple));
    (void)json_object_set_new(event, "accepted", json_boolean(accepted));
    say(event);
}

static void on_return(void *context, const struct broker_message *message, int code, const char *text)
{
    (void)context;
    json_t *event = event_of("return");
    set_message(event, message);
    set_number(event, "code", (uint64_t)code);
    set_text(event, "text", text);
    say(event);
}

static void on_cancelled(void *context, const char *tag)
{
    (void)context;
    json_t *event = event_of("cancelled");
    set_text(event, "consumer_tag", tag);
    say(event);
}

static void on_blocked(void *context, const char *reason)
{
    (void)context;
    json_t *event = event_of(reason == NULL ? "unblocked" : "blocked");
    set_text(event, "reason", reason);
    say(event);
}

static bool on_up(void *context, struct broker *broker, struct err *err)
{
    (void)context;
    (void)broker;
    (void)err;
    say(event_of("up"));
    return true;
}

static void on_down(void *context, bool was_up, const struct err *why)
{
    (void)context;
    say_error(was_up ? "down" : "attempt_failed", why);
}

static bool publish(struct broker *broker, char **words, struct err *err)
{
    size_t size = strtoul(words[3], NULL, 10);
    autofree char *body = malloc(size + 1);
    if (body == NULL)
        return err_set(err, ERR_NO_MEMORY, "body");
    memset(body, 'x', size);
    const struct broker_header headers[] = {{"assay-text", "text", 0}, {"assay-number", NULL, -7}};
    struct broker_message message = {
        .exchange = strcmp(words[1], "-") == 0 ? "" : words[1],
        .routing_key = words[2],
        .body = body,
        .body_size = size,
        .content_type = "application/json",
        .type = "assay.probe.v1",
        .message_id = words[5],
        .correlation_id = "correlation",
        .app_id = "probe",
        .timestamp_s = 1700000000,
        .persistent = true,
        .headers = headers,
        .header_count = ARRAY_SIZE(headers),
    };
    uint64_t sequence = 0;
    if (!broker_publish(broker, &message, strcmp(words[4], "1") == 0, &sequence, err))
        return false;
    json_t *event = event_of("published");
    set_number(event, "sequence", sequence);
    say(event);
    return true;
}

static bool inspect(struct broker *broker, const char *queue, struct err *err)
{
    bool exists;
    uint32_t messages, consumers;
    if (!broker_inspect_queue(broker, queue, &exists, &messages, &consumers, err))
        return false;
    json_t *event = event_of("inspected");
    (void)json_object_set_new(event, "exists", json_boolean(exists));
    set_number(event, "messages", messages);
    set_number(event, "consumers", consumers);
    say(event);
    return true;
}

static bool consume(struct broker *broker, char **words, struct err *err)
{
    char tag[256];
    if (!broker_consume(broker, words[1], strcmp(words[2], "-") == 0 ? NULL : words[2], false, false, tag,
                        err))
        return false;
    json_t *event = event_of("consuming");
    set_text(event, "consumer_tag", tag);
    say(event);
    return true;
}

static bool declare(struct broker *broker, const char *queue, struct err *err)
{
    char name[256];
    const struct broker_queue_options options = {.durable = true, .expires_ms = 60000};
    if (!broker_declare_queue(broker, strcmp(queue, "-") == 0 ? "" : queue, &options, name, err))
        return false;
    json_t *event = event_of("declared");
    set_text(event, "queue", name);
    say(event);
    return true;
}

static bool command(struct broker *broker, char **words, struct err *err)
{
    const char *name = words[0];
    if (strcmp(name, "publish") == 0)
        return publish(broker, words, err);
    if (strcmp(name, "consume") == 0)
        return consume(broker, words, err);
    if (strcmp(name, "inspect") == 0)
        return inspect(broker, words[1], err);
    if (strcmp(name, "declare") == 0)
        return declare(broker, words[1], err);
    if (strcmp(name, "prefetch") == 0)
        return broker_set_prefetch(broker, (uint16_t)strtoul(words[1], NULL, 10), err);
    if (strcmp(name, "ack") == 0)
        return broker_ack(broker, strtoull(words[1], NULL, 10), strcmp(words[2], "1") == 0, err);
    if (strcmp(name, "reject") == 0)
        return broker_reject(broker, strtoull(words[1], NULL, 10), strcmp(words[2], "1") == 0, err);
    if (strcmp(name, "cancel") == 0)
        return broker_cancel(broker, words[1], err);
    if (strcmp(name, "delete") == 0)
        return broker_delete_queue(broker, words[1], err);
    if (strcmp(name, "unconfirmed") == 0)
        return broker_set_unconfirmed(broker);
    return err_set(err, ERR_USAGE, "unknown command %s", name);
}

static void run_line(struct probe *probe, char *line)
{
    char *words[WORDS_MAX] = {NULL};
    char *save = NULL;
    size_t count = 0;
    for (char *word = strtok_r(line, " ", &save); word != NULL && count < WORDS_MAX; count++) {
        words[count] = word;
        word = strtok_r(NULL, " ", &save);
    }
    for (size_t i = count; i < WORDS_MAX; i++)
        words[i] = "";
    if (strcmp(words[0], "quit") == 0) {
        loop_stop(probe->loop);
        return;
    }
    struct broker *broker = broker_link_broker(probe->link);
    struct err err = ERR_INIT;
    if (broker == NULL) {
        say(event_of("not_connected"));
    } else if (command(broker, words, &err)) {
        say(event_of("ok"));
    } else {
        say_error("error", &err);
        if (err.code != ERR_INPUT && err.code != ERR_USAGE)
            broker_link_fail(probe->link, &err);
    }
}

static void on_input(void *context, int fd, uint32_t events)
{
    (void)events;
    struct probe *probe = context;
    char *room = buf_reserve(&probe->input, 4096);
    ssize_t got = room == NULL ? 0 : read(fd, room, 4096);
    if (got <= 0) {
        loop_stop(probe->loop);
        return;
    }
    buf_commit(&probe->input, (size_t)got);
    for (;;) {
        const char *text = buf_text(&probe->input);
        const char *end = strchr(text, '\n');
        if (end == NULL)
            return;
        autofree char *line = strndup(text, (size_t)(end - text));
        buf_consume(&probe->input, (size_t)(end - text) + 1);
        if (line != NULL)
            run_line(probe, line);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: %s URL HEARTBEAT_S\n", argv[0]);
        return 2;
    }
    struct err err = ERR_INIT;
    struct probe probe = {.loop = loop_open(&err), .input = BUF_INIT};
    const struct broker_options options = {.url = argv[1],
                                           .connection_name = "assay-probe",
                                           .heartbeat_s = atoi(argv[2]),
                                           .connect_timeout_ms = 5000};
    const struct broker_handler handler = {&probe,    on_delivery,  on_confirm,
                                           on_return, on_cancelled, on_blocked};
    const struct broker_link_callbacks callbacks = {.context = &probe, .on_up = on_up, .on_down = on_down};
    if (probe.loop != NULL)
        probe.link = broker_link_new(probe.loop, &options, &handler, &callbacks, &err);
    bool ok = probe.link != NULL && broker_link_connect(probe.link, &err) &&
              loop_watch_fd(probe.loop, STDIN_FILENO, EPOLLIN, on_input, &probe, &err) != NULL &&
              loop_run(probe.loop, &err);
    if (!ok)
        say_error("failed", &err);
    broker_link_free(probe.link);
    loop_close(probe.loop);
    buf_free(&probe.input);
    return ok ? 0 : err_exit_status(err.code);
}
