#include "common/broker/internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "common/mem.h"
#include "common/message/names.h"

#define HEADERS_MAX 64
#define TAG_SIZE    256

bool broker_set_unconfirmed(struct broker *broker)
{
    if (broker->confirm_selected || broker->published > 0)
        return false;
    broker->unconfirmed = true;
    return true;
}

static bool select_confirms(struct broker *broker, struct err *err)
{
    if (broker->unconfirmed || broker->confirm_selected)
        return true;
    (void)amqp_confirm_select(broker->connection, CHANNEL);
    if (!broker_check_reply(broker, amqp_get_rpc_reply(broker->connection), err,
                            "ask for publisher confirms"))
        return false;
    broker->confirm_selected = true;
    return true;
}

static bool check_message(const struct broker_message *message, struct err *err)
{
    if (message->body_size > MESSAGE_SIZE_MAX)
        return err_set(err, ERR_INPUT, "publish: a message of %zu bytes, more than %zu", message->body_size,
                       MESSAGE_SIZE_MAX);
    if (message->header_count > HEADERS_MAX)
        return err_set(err, ERR_INPUT, "publish: %zu headers, more than %d", message->header_count,
                       HEADERS_MAX);
    if (message->routing_key != NULL && strlen(message->routing_key) > TAG_SIZE - 1)
        return err_set(err, ERR_INPUT, "publish: the routing key is longer than AMQP's %d bytes",
                       TAG_SIZE - 1);
    return true;
}

bool broker_publish(struct broker *broker, const struct broker_message *message, bool mandatory,
                    uint64_t *sequence, struct err *err)
{
    amqp_table_entry_t entries[HEADERS_MAX];
    amqp_basic_properties_t properties;
    if (!broker_check_alive(broker, err) || !check_message(message, err) ||
        !broker_give_properties(message, entries, &properties, err) || !select_confirms(broker, err))
        return false;
    amqp_bytes_t body = {message->body_size, NULL};
    memcpy(&body.bytes, &message->body, sizeof(body.bytes)); /* librabbitmq takes it without const */
    int status = amqp_basic_publish(broker->connection, CHANNEL, broker_bytes(message->exchange),
                                    broker_bytes(message->routing_key), mandatory, 0, &properties, body);
    broker_wake_if_input(broker);
    if (!broker_check_status(broker, status, err, "publish to exchange %s, key %s",
                             message->exchange == NULL ? "" : message->exchange,
                             message->routing_key == NULL ? "" : message->routing_key))
        return false;
    broker->published++;
    if (sequence != NULL)
        *sequence = broker->published;
    return true;
}

void broker_cork(struct broker *broker, bool corked)
{
    int on = corked;
    if (!broker->dead)
        (void)setsockopt(amqp_get_sockfd(broker->connection), IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

bool broker_set_prefetch(struct broker *broker, uint16_t per_consumer, struct err *err)
{
    if (!broker_check_alive(broker, err))
        return false;
    (void)amqp_basic_qos(broker->connection, CHANNEL, 0, per_consumer, 0);
    return broker_check_reply(broker, amqp_get_rpc_reply(broker->connection), err, "set prefetch to %u",
                              per_consumer);
}

/* Names come back in shortstr, at most 255 bytes (AMQP 0-9-1, 4.2.5.3). */
static void copy_name(char *out, amqp_bytes_t name)
{
    size_t size = name.len < TAG_SIZE ? name.len : TAG_SIZE - 1;
    if (size > 0)
        memcpy(out, name.bytes, size);
    out[size] = '\0';
}

bool broker_consume(struct broker *broker, const char *queue, const char *consumer_tag, bool no_ack,
                    bool exclusive, char *tag_out, struct err *err)
{
    if (!broker_check_alive(broker, err))
        return false;
    amqp_basic_consume_ok_t *reply =
        amqp_basic_consume(broker->connection, CHANNEL, broker_bytes(queue), broker_bytes(consumer_tag), 0,
                           no_ack, exclusive, amqp_empty_table);
    if (!broker_check_reply(broker, amqp_get_rpc_reply(broker->connection), err, "consume from queue %s",
                            queue))
        return false;
    if (tag_out != NULL)
        copy_name(tag_out, reply->consumer_tag);
    return true;
}

bool broker_cancel(struct broker *broker, const char *consumer_tag, struct err *err)
{
    if (!broker_check_alive(broker, err))
        return false;
    (void)amqp_basic_cancel(broker->connection, CHANNEL, broker_bytes(consumer_tag));
    return broker_check_reply(broker, amqp_get_rpc_reply(broker->connection), err, "cancel consumer %s",
                              consumer_tag);
}

bool broker_ack(struct broker *broker, uint64_t tag, bool multiple, struct err *err)
{
    if (!broker_check_alive(broker, err))
        return false;
    int status = amqp_basic_ack(broker->connection, CHANNEL, tag, multiple);
    broker_wake_if_input(broker);
    return broker_check_status(broker, status, err, "acknowledge a delivery");
}

bool broker_reject(struct broker *broker, uint64_t tag, bool requeue, struct err *err)
{
    if (!broker_check_alive(broker, err))
        return false;
    int status = amqp_basic_reject(broker->connection, CHANNEL, tag, requeue);
    broker_wake_if_input(broker);
    return broker_check_status(broker, status, err, "reject a delivery");
}

bool broker_declare_queue(struct broker *broker, const char *queue,
                          const struct broker_queue_options *options, char *name_out, struct err *err)
{
    if (!broker_check_alive(broker, err))
        return false;
    amqp_table_entry_t expires = {.key = amqp_cstring_bytes("x-expires"),
                                  .value = {.kind = AMQP_FIELD_KIND_I64, .value.i64 = options->expires_ms}};
    amqp_table_t arguments = {options->expires_ms > 0 ? 1 : 0, &expires};
    amqp_queue_declare_ok_t *reply =
        amqp_queue_declare(broker->connection, CHANNEL, broker_bytes(queue), 0, options->durable,
                           options->exclusive, options->auto_delete, arguments);
    if (!broker_check_reply(broker, amqp_get_rpc_reply(broker->connection), err, "declare queue %s", queue))
        return false;
    if (name_out != NULL)
        copy_name(name_out, reply->queue);
    return true;
}

bool broker_bind_queue(struct broker *broker, const char *queue, const char *exchange,
                       const char *routing_key, struct err *err)
{
    if (!broker_check_alive(broker, err))
        return false;
    (void)amqp_queue_bind(broker->connection, CHANNEL, broker_bytes(queue), broker_bytes(exchange),
                          broker_bytes(routing_key), amqp_empty_table);
    return broker_check_reply(broker, amqp_get_rpc_reply(broker->connection), err,
                              "bind queue %s to exchange %s, key %s", queue, exchange, routing_key);
}

bool broker_delete_queue(struct broker *broker, const char *queue, struct err *err)
{
    if (!broker_check_alive(broker, err))
        return false;
    (void)amqp_queue_delete(broker->connection, CHANNEL, broker_bytes(queue), 0, 0);
    return broker_check_reply(broker, amqp_get_rpc_reply(broker->connection), err, "delete queue %s", queue);
}

/* The reply code of a channel exception, else 0. */
static int channel_exception(const amqp_rpc_reply_t *reply)
{
    if (reply->reply_type != AMQP_RESPONSE_SERVER_EXCEPTION || reply->reply.id != AMQP_CHANNEL_CLOSE_METHOD)
        return 0;
    const amqp_channel_close_t *closed = reply->reply.decoded;
    return closed->reply_code;
}

static bool open_inspect_channel(struct broker *broker, struct err *err)
{
    if (broker->inspecting)
        return true;
    (void)amqp_channel_open(broker->connection, INSPECT_CHANNEL);
    broker->inspecting = broker_check_reply(broker, amqp_get_rpc_reply(broker->connection), err,
                                            "open a channel for inspecting queues");
    return broker->inspecting;
}

bool broker_inspect_queue(struct broker *broker, const char *queue, bool *exists, uint32_t *messages,
                          uint32_t *consumers, struct err *err)
{
    *exists = false;
    *messages = 0;
    *consumers = 0;
    if (!broker_check_alive(broker, err) || !open_inspect_channel(broker, err))
        return false;
    const amqp_queue_declare_ok_t *found = amqp_queue_declare(
        broker->connection, INSPECT_CHANNEL, broker_bytes(queue), 1, 0, 0, 0, amqp_empty_table);
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(broker->connection);
    int code = channel_exception(&reply);
    if (code == 0) {
        if (!broker_check_reply(broker, reply, err, "inspect queue %s", queue))
            return false;
        *exists = true;
        *messages = found->message_count;
        *consumers = found->consumer_count;
        return true;
    }
    /* The exception closed the inspect channel alone; the number may be used again after close-ok. */
    broker->inspecting = false;
    amqp_channel_close_ok_t answer = {0};
    int status = amqp_send_method(broker->connection, INSPECT_CHANNEL, AMQP_CHANNEL_CLOSE_OK_METHOD, &answer);
    broker_wake_if_input(broker);
    if (!broker_check_status(broker, status, err, "inspect queue %s", queue))
        return false;
    if (code == AMQP_RESOURCE_LOCKED)
        *exists = true; /* another connection's exclusive queue */
    else if (code != AMQP_NOT_FOUND)
        return err_set(err, broker_reply_code_error(code), "inspect queue %s: %s: refused with code %d",
                       queue, broker->place, code);
    return true;
}
