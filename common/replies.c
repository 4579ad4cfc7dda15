#include "common/replies.h"

#include <stdlib.h>
#include <string.h>

#include "common/broker_link.h"
#include "common/buf.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/message/names.h"
#include "common/reply_to.h"

struct pending {
    char *reply_to, *correlation_id, *message_id;
    void *body;
    size_t body_size;
    struct pending *next;
};

struct replies {
    struct broker_link *link;
    const char *program;
    bool blocked;
    struct pending *head, *tail;
    size_t count, bytes;
};

static void pending_free(struct pending *pending)
{
    free(pending->reply_to);
    free(pending->correlation_id);
    free(pending->message_id);
    free(pending->body);
    free(pending);
}

static struct pending *take_first(struct replies *replies)
{
    struct pending *first = replies->head;
    replies->head = first->next;
    if (replies->head == NULL)
        replies->tail = NULL;
    replies->count--;
    replies->bytes -= first->body_size;
    return first;
}

static struct pending *pending_new(const struct reply *reply)
{
    struct pending *pending = calloc(1, sizeof *pending);
    if (pending == NULL)
        return NULL;
    pending->reply_to = strdup(reply->reply_to);
    pending->message_id = strdup(reply->message_id);
    pending->correlation_id = reply->correlation_id != NULL ? strdup(reply->correlation_id) : NULL;
    pending->body = malloc(reply->body_size > 0 ? reply->body_size : 1);
    pending->body_size = reply->body_size;
    if (pending->reply_to == NULL || pending->message_id == NULL || pending->body == NULL ||
        (reply->correlation_id != NULL && pending->correlation_id == NULL)) {
        pending_free(pending);
        return NULL;
    }
    memcpy(pending->body, reply->body, reply->body_size);
    return pending;
}

/* Each reply is tried once: what costs the connection is not sent again after reconnecting. */
static void flush(struct replies *replies)
{
    struct broker *broker;
    while (replies->head != NULL && !replies->blocked &&
           (broker = broker_link_broker(replies->link)) != NULL) {
        struct pending *pending = take_first(replies);
        struct broker_message message = {.exchange = "",
                                         .routing_key = pending->reply_to,
                                         .body = pending->body,
                                         .body_size = pending->body_size,
                                         .content_type = CONTENT_TYPE_JSON,
                                         .type = TYPE_RESULT,
                                         .message_id = pending->message_id,
                                         .correlation_id = pending->correlation_id,
                                         .app_id = replies->program,
                                         .persistent = true};
        struct err err = ERR_INIT;
        if (!broker_publish(broker, &message, false, NULL, &err)) {
            log_debug("reply to %s was not sent: %s", pending->reply_to, err.text);
            broker_link_fail(replies->link, &err);
        }
        pending_free(pending);
    }
}

static bool on_up(void *context, struct broker *broker, struct err *err)
{
    struct replies *replies = context;
    replies->blocked = false;
    return broker_set_unconfirmed(broker) ||
           err_set(err, ERR_INTERNAL, "reply connection: publisher confirms could not be left out");
}

static void on_down(void *context, bool was_up, const struct err *why)
{
    struct replies *replies = context;
    replies->blocked = false;
    log_debug("reply connection %s: %s", was_up ? "lost" : "failed", why->text);
}

static void on_blocked(void *context, const char *reason)
{
    struct replies *replies = context;
    replies->blocked = reason != NULL;
    flush(replies);
}

bool replies_open(struct replies **replies, struct loop *loop, const char *url, const char *program,
                  const char *name, int heartbeat_s, struct err *err)
{
    *replies = NULL;
    if (url[0] == '\0')
        return true;
    struct replies *new = calloc(1, sizeof *new);
    if (new == NULL)
        return err_set(err, ERR_NO_MEMORY, "cannot allocate the reply connection");
    autobuf struct buf connection_name = BUF_INIT;
    buf_printf(&connection_name, "%s %s replies", program, name);
    new->program = program;
    struct broker_options options = {.url = url,
                                     .connection_name = buf_text(&connection_name),
                                     .heartbeat_s = heartbeat_s,
                                     .connect_timeout_ms = 5000};
    struct broker_handler handler = {.context = new, .on_blocked = on_blocked};
    struct broker_link_callbacks callbacks = {.context = new, .on_up = on_up, .on_down = on_down};
    new->link = broker_link_new(loop, &options, &handler, &callbacks, err);
    if (new->link == NULL || !broker_link_connect(new->link, err)) {
        replies_close(new);
        return err_wrap(err, "reply_amqp_url");
    }
    *replies = new;
    return true;
}

void replies_send(struct replies *replies, const struct reply *reply)
{
    if (replies == NULL || reply->reply_to == NULL || reply->reply_to[0] == '\0')
        return;
    if (!reply_to_is_allowed(reply->reply_to)) {
        log_debug("reply_to \"%.100s\" of %s is not served: allowed are direct reply-to, amq.gen-* and "
                  "assay.reply.*",
                  reply->reply_to, reply->message_id);
        return;
    }
    struct pending *pending = pending_new(reply);
    if (pending == NULL)
        return;
    if (replies->tail != NULL)
        replies->tail->next = pending;
    else
        replies->head = pending;
    replies->tail = pending;
    replies->count++;
    replies->bytes += pending->body_size;
    while (replies->count > REPLIES_PENDING_MAX || replies->bytes > REPLIES_PENDING_BYTES_MAX)
        pending_free(take_first(replies));
    flush(replies);
}

void replies_step(struct replies *replies)
{
    if (replies != NULL)
        flush(replies);
}

void replies_close(struct replies *replies)
{
    if (replies == NULL)
        return;
    broker_link_free(replies->link);
    while (replies->head != NULL)
        pending_free(take_first(replies));
    free(replies);
}
