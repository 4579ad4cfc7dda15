#include "common/broker/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool die(struct broker *broker, const struct err *why, struct err *err)
{
    if (!broker->dead) {
        broker->dead = true;
        broker->death = *why;
    }
    if (err != NULL)
        *err = *why;
    return false;
}

bool broker_fault(struct broker *broker, struct err *err, enum err_code code, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    struct err why = ERR_INIT;
    (void)err_set(&why, code, "%s: %s", broker->place, text);
    return die(broker, &why, err);
}

bool broker_check_alive(const struct broker *broker, struct err *err)
{
    if (!broker->dead)
        return true;
    if (err != NULL)
        *err = broker->death;
    return false;
}

enum err_code broker_reply_code_error(int reply_code)
{
    switch (reply_code) {
    case AMQP_CONNECTION_FORCED:
        return ERR_UNREACHABLE;
    case AMQP_ACCESS_REFUSED:
    case AMQP_NOT_ALLOWED:
        return ERR_DENIED;
    default:
        return ERR_PROTOCOL;
    }
}

static bool says(amqp_bytes_t text, const char *words)
{
    return text.bytes != NULL && memmem(text.bytes, text.len, words, strlen(words)) != NULL;
}

/* The server's text names queue, argument and both values. */
static const char *precondition_remedy(amqp_bytes_t text)
{
    if (says(text, "inequivalent arg"))
        return "; it exists with other arguments, made by somebody else: delete it (rabbitmqctl "
               "delete_queue, "
               "or the management UI), and it is made anew as it has to be";
    if (says(text, "delivery acknowledgement"))
        return "; a delivery outlived the broker's consumer_timeout: raise it in rabbitmq.conf (see "
               "conf/broker/rabbitmq.conf)";
    return "; it exists with other properties";
}

static const char *remedy(int reply_code, amqp_bytes_t text)
{
    switch (reply_code) {
    case AMQP_ACCESS_REFUSED:
        return "; check user and password, and the user's permissions (rabbitmqctl list_permissions)";
    case AMQP_NOT_ALLOWED:
        return "; check the vhost in the URL and the user's permissions on it";
    case AMQP_NOT_FOUND:
        return "; import the broker definitions (compose/local up, or rabbitmqctl import_definitions)";
    case AMQP_RESOURCE_LOCKED:
        return "; another connection uses it exclusively: is a program of the same name running? Else "
               "somebody else "
               "made it: delete it (rabbitmqctl delete_queue)";
    case AMQP_PRECONDITION_FAILED:
        return precondition_remedy(text);
    default:
        return "";
    }
}

static bool server_fault(struct broker *broker, int code, amqp_bytes_t text, const char *what,
                         struct err *err)
{
    struct err why = ERR_INIT;
    (void)err_set(&why, broker_reply_code_error(code), "%s: %s: %.*s%s", what, broker->place,
                  (int)(text.len > 400 ? 400 : text.len), text.bytes == NULL ? "" : (const char *)text.bytes,
                  remedy(code, text));
    return die(broker, &why, err);
}

static enum err_code status_error(int status)
{
    switch (status) {
    case AMQP_STATUS_NO_MEMORY:
        return ERR_NO_MEMORY;
    case AMQP_STATUS_BAD_AMQP_DATA:
    case AMQP_STATUS_UNKNOWN_CLASS:
    case AMQP_STATUS_UNKNOWN_METHOD:
    case AMQP_STATUS_INCOMPATIBLE_AMQP_VERSION:
    case AMQP_STATUS_WRONG_METHOD:
    case AMQP_STATUS_UNEXPECTED_STATE:
    case AMQP_STATUS_TABLE_TOO_BIG:
    case AMQP_STATUS_INVALID_PARAMETER:
        return ERR_PROTOCOL;
    default:
        return ERR_UNREACHABLE;
    }
}

static const char *status_text(int status)
{
    switch (status) {
    case AMQP_STATUS_CONNECTION_CLOSED:
    case AMQP_STATUS_SOCKET_ERROR:
    case AMQP_STATUS_SOCKET_CLOSED:
        return "the connection was lost";
    case AMQP_STATUS_HEARTBEAT_TIMEOUT:
        return "no heartbeat from the server";
    case AMQP_STATUS_TIMEOUT:
        return "no answer in time";
    default:
        return amqp_error_string2(status);
    }
}

static bool status_fault(struct broker *broker, int status, const char *what, struct err *err)
{
    struct err why = ERR_INIT;
    (void)err_set(&why, status_error(status), "%s: %s: %s", what, broker->place, status_text(status));
    return die(broker, &why, err);
}

bool broker_check_status(struct broker *broker, int status, struct err *err, const char *format, ...)
{
    if (status >= 0)
        return true;
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    return status_fault(broker, status, what, err);
}

bool broker_check_reply(struct broker *broker, amqp_rpc_reply_t reply, struct err *err, const char *format,
                        ...)
{
    broker_wake_if_input(broker);
    if (reply.reply_type == AMQP_RESPONSE_NORMAL)
        return true;
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION)
        return status_fault(broker,
                            reply.reply_type == AMQP_RESPONSE_NONE ? AMQP_STATUS_CONNECTION_CLOSED
                                                                   : reply.library_error,
                            what, err);
    if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
        const amqp_connection_close_t *closed = reply.reply.decoded;
        return server_fault(broker, closed->reply_code, closed->reply_text, what, err);
    }
    if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
        const amqp_channel_close_t *closed = reply.reply.decoded;
        return server_fault(broker, closed->reply_code, closed->reply_text, what, err);
    }
    return status_fault(broker, AMQP_STATUS_WRONG_METHOD, what, err);
}

bool broker_closed_by_server(struct broker *broker, const amqp_method_t *method, struct err *err)
{
    if (method->id == AMQP_CONNECTION_CLOSE_METHOD) {
        const amqp_connection_close_t *closed = method->decoded;
        amqp_connection_close_ok_t answer = {0};
        bool failed = server_fault(broker, closed->reply_code, closed->reply_text, "connection closed", err);
        (void)amqp_send_method(broker->connection, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &answer);
        return failed;
    }
    const amqp_channel_close_t *closed = method->decoded;
    return server_fault(broker, closed->reply_code, closed->reply_text, "channel closed", err);
}
