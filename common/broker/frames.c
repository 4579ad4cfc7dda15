#include "common/broker/internal.h"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/time.h>

#include "common/message/names.h"

/* 50 messages: what else the program serves, such as a database that waits for the rest of a statement, does
 * not stand still for longer. */
#define FRAMES_A_ROUND  150
#define BODY_KEEP_BYTES ((size_t)1024 * 1024)
#define POOL_PAGE_BYTES 4096

bool broker_assembly_init(struct assembly *assembly)
{
    memset(assembly, 0, sizeof(*assembly));
    assembly->body.limit = MESSAGE_SIZE_MAX + 1;
    init_amqp_pool(&assembly->memory, POOL_PAGE_BYTES);
    return true;
}

void broker_assembly_free(struct assembly *assembly)
{
    buf_free(&assembly->body);
    empty_amqp_pool(&assembly->memory);
}

void broker_wake_if_input(struct broker *broker)
{
    if (broker->woken || broker->dead || broker->wake_fd < 0)
        return;
    if (amqp_frames_enqueued(broker->connection) || amqp_data_in_buffer(broker->connection))
        broker->woken = eventfd_write(broker->wake_fd, 1) == 0;
}

static void take_wake(struct broker *broker)
{
    eventfd_t ignored;
    if (broker->woken)
        (void)eventfd_read(broker->wake_fd, &ignored);
    broker->woken = false;
}

static void assembly_start(struct assembly *assembly, enum assembly_kind kind)
{
    if (assembly->body.capacity > BODY_KEEP_BYTES) {
        size_t limit = assembly->body.limit;
        buf_free(&assembly->body);
        assembly->body.limit = limit;
    }
    buf_reset(&assembly->body);
    recycle_amqp_pool(&assembly->memory);
    memset(&assembly->delivery, 0, sizeof(assembly->delivery));
    assembly->kind = kind;
    assembly->have_header = false;
    assembly->body_size = 0;
    assembly->body_seen = 0;
    assembly->return_text = NULL;
}

static bool no_memory(struct broker *broker, struct err *err)
{
    return broker_fault(broker, err, ERR_NO_MEMORY, "out of memory while taking a message");
}

static bool take_deliver(struct broker *broker, const amqp_basic_deliver_t *method, struct err *err)
{
    struct assembly *assembly = &broker->assembly;
    struct broker_delivery *delivery = &assembly->delivery;
    assembly_start(assembly, ASSEMBLY_DELIVERY);
    delivery->tag = method->delivery_tag;
    delivery->redelivered = method->redelivered != 0;
    delivery->consumer_tag = broker_pool_text(&assembly->memory, method->consumer_tag);
    delivery->message.exchange = broker_pool_text(&assembly->memory, method->exchange);
    delivery->message.routing_key = broker_pool_text(&assembly->memory, method->routing_key);
    if (delivery->consumer_tag == NULL || delivery->message.exchange == NULL ||
        delivery->message.routing_key == NULL)
        return no_memory(broker, err);
    return true;
}

static bool take_return(struct broker *broker, const amqp_basic_return_t *method, struct err *err)
{
    struct assembly *assembly = &broker->assembly;
    struct broker_message *message = &assembly->delivery.message;
    assembly_start(assembly, ASSEMBLY_RETURN);
    assembly->return_code = method->reply_code;
    assembly->return_text = broker_pool_text(&assembly->memory, method->reply_text);
    message->exchange = broker_pool_text(&assembly->memory, method->exchange);
    message->routing_key = broker_pool_text(&assembly->memory, method->routing_key);
    if (assembly->return_text == NULL || message->exchange == NULL || message->routing_key == NULL)
        return no_memory(broker, err);
    return true;
}

static void complete(struct broker *broker)
{
    struct assembly *assembly = &broker->assembly;
    const struct broker_handler *handler = &broker->handler;
    struct broker_message *message = &assembly->delivery.message;
    enum assembly_kind kind = assembly->kind;
    assembly->kind = ASSEMBLY_NONE;
    if (assembly->body_size > MESSAGE_SIZE_MAX)
        assembly->delivery.dropped_body_size = assembly->body_size;
    message->body = buf_text(&assembly->body);
    message->body_size = assembly->body.size;
    if (kind == ASSEMBLY_DELIVERY && handler->on_delivery != NULL)
        handler->on_delivery(handler->context, &assembly->delivery);
    if (kind == ASSEMBLY_RETURN && handler->on_return != NULL)
        handler->on_return(handler->context, message, assembly->return_code, assembly->return_text);
}

static bool take_header(struct broker *broker, const amqp_frame_t *frame, struct err *err)
{
    struct assembly *assembly = &broker->assembly;
    if (assembly->kind == ASSEMBLY_NONE || assembly->have_header)
        return broker_fault(broker, err, ERR_PROTOCOL, "a content header where none belongs");
    assembly->have_header = true;
    assembly->body_size = frame->payload.properties.body_size;
    if (!broker_take_properties(assembly, frame->payload.properties.decoded))
        return no_memory(broker, err);
    if (assembly->body_size == 0)
        complete(broker);
    return true;
}

static bool take_body(struct broker *broker, const amqp_bytes_t *fragment, struct err *err)
{
    struct assembly *assembly = &broker->assembly;
    if (assembly->kind == ASSEMBLY_NONE || !assembly->have_header ||
        fragment->len > assembly->body_size - assembly->body_seen)
        return broker_fault(broker, err, ERR_PROTOCOL, "a body frame where none belongs");
    assembly->body_seen += fragment->len;
    if (assembly->body_size <= MESSAGE_SIZE_MAX)
        buf_append(&assembly->body, fragment->bytes, fragment->len);
    if (assembly->body.failed)
        return no_memory(broker, err);
    if (assembly->body_seen == assembly->body_size)
        complete(broker);
    return true;
}

static bool take_consumer_cancel(struct broker *broker, const amqp_basic_cancel_t *method, struct err *err)
{
    amqp_pool_t memory;
    init_amqp_pool(&memory, 512);
    const char *tag = broker_pool_text(&memory, method->consumer_tag);
    if (tag != NULL && broker->handler.on_consumer_cancelled != NULL)
        broker->handler.on_consumer_cancelled(broker->handler.context, tag);
    empty_amqp_pool(&memory);
    return tag != NULL || no_memory(broker, err);
}

static bool take_channel_method(struct broker *broker, const amqp_method_t *method, struct err *err)
{
    const struct broker_handler *handler = &broker->handler;
    switch (method->id) {
    case AMQP_BASIC_DELIVER_METHOD:
        return take_deliver(broker, method->decoded, err);
    case AMQP_BASIC_RETURN_METHOD:
        return take_return(broker, method->decoded, err);
    case AMQP_BASIC_ACK_METHOD: {
        const amqp_basic_ack_t *ack = method->decoded;
        if (handler->on_confirm != NULL)
            handler->on_confirm(handler->context, ack->delivery_tag, ack->multiple != 0, true);
        return true;
    }
    case AMQP_BASIC_NACK_METHOD: {
        const amqp_basic_nack_t *nack = method->decoded;
        if (handler->on_confirm != NULL)
            handler->on_confirm(handler->context, nack->delivery_tag, nack->multiple != 0, false);
        return true;
    }
    case AMQP_BASIC_CANCEL_METHOD:
        return take_consumer_cancel(broker, method->decoded, err);
    case AMQP_CHANNEL_CLOSE_METHOD:
        return broker_closed_by_server(broker, method, err);
    default:
        return true; /* a late reply of an RPC that was given up */
    }
}

static void take_blocked(struct broker *broker, const char *reason)
{
    broker->blocked = reason != NULL;
    if (broker->handler.on_blocked != NULL)
        broker->handler.on_blocked(broker->handler.context, reason);
}

static bool take_connection_method(struct broker *broker, const amqp_method_t *method, struct err *err)
{
    if (method->id == AMQP_CONNECTION_CLOSE_METHOD)
        return broker_closed_by_server(broker, method, err);
    if (method->id == AMQP_CONNECTION_BLOCKED_METHOD) {
        const amqp_connection_blocked_t *blocked = method->decoded;
        amqp_pool_t memory;
        init_amqp_pool(&memory, 512);
        const char *reason = broker_pool_text(&memory, blocked->reason);
        take_blocked(broker, reason == NULL ? "" : reason);
        empty_amqp_pool(&memory);
    } else if (method->id == AMQP_CONNECTION_UNBLOCKED_METHOD) {
        take_blocked(broker, NULL);
    }
    return true;
}

static bool take_frame(struct broker *broker, const amqp_frame_t *frame, struct err *err)
{
    if (frame->channel == 0)
        return frame->frame_type != AMQP_FRAME_METHOD ||
               take_connection_method(broker, &frame->payload.method, err);
    if (frame->channel != CHANNEL)
        return true;
    switch (frame->frame_type) {
    case AMQP_FRAME_METHOD:
        return take_channel_method(broker, &frame->payload.method, err);
    case AMQP_FRAME_HEADER:
        return take_header(broker, frame, err);
    case AMQP_FRAME_BODY:
        return take_body(broker, &frame->payload.body_fragment, err);
    default:
        return true;
    }
}

bool broker_process(struct broker *broker, struct err *err)
{
    take_wake(broker);
    for (int i = 0; i < FRAMES_A_ROUND; i++) {
        if (!broker_check_alive(broker, err))
            return false;
        amqp_frame_t frame;
        const struct timeval at_once = {0, 0};
        int status = amqp_simple_wait_frame_noblock(broker->connection, &frame, &at_once);
        if (status == AMQP_STATUS_TIMEOUT)
            return true;
        if (!broker_check_status(broker, status, err, "read"))
            return false;
        if (!take_frame(broker, &frame, err))
            return false;
        /* Once a message, but after each frame of a large one's body. */
        if (broker->assembly.kind == ASSEMBLY_NONE || frame.frame_type == AMQP_FRAME_BODY)
            amqp_maybe_release_buffers(broker->connection);
    }
    if (!broker_check_alive(broker, err))
        return false;
    /* A flood must not starve the program's other events: go on in the loop's next round. */
    if (!broker->woken)
        broker->woken = eventfd_write(broker->wake_fd, 1) == 0;
    return true;
}
