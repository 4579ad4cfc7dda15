/*
 * What the files of common/broker/ share. The only header of the tree that includes librabbitmq's.
 *
 *   url.c      the URL
 *   open.c     connecting, login, closing
 *   tls.c      certificates
 *   fault.c    librabbitmq's and the server's errors as ours
 *   frames.c   input: frames to messages, to the handler
 *   message.c  properties and headers, both ways
 *   calls.c    publish, consume, acknowledge, declare
 *
 * librabbitmq hands out frames whose memory lives in a pool of the connection. frames.c copies what it keeps
 * and releases the pool after each frame, so that a message of many frames is held once. An RPC (declare,
 * consume, ...) may meet deliveries while it waits for its reply and queues them inside the library, where
 * the socket no longer announces them: hence `wake_fd`, which makes the descriptor that the caller watches
 * readable whenever input waits inside.
 */
#ifndef ASSAY_COMMON_BROKER_INTERNAL_H
#define ASSAY_COMMON_BROKER_INTERNAL_H

#include <amqp.h>
#include <amqp_framing.h>

#include "common/broker.h"
#include "common/broker/url.h"
#include "common/buf.h"

#define CHANNEL         ((amqp_channel_t)1)
#define INSPECT_CHANNEL ((amqp_channel_t)2)

enum assembly_kind { ASSEMBLY_NONE, ASSEMBLY_DELIVERY, ASSEMBLY_RETURN };

/* The content that is arriving: method, header, then body frames (AMQP 0-9-1, 2.3.5.2). */
struct assembly {
    enum assembly_kind kind;
    bool have_header;
    uint64_t body_size; /* announced */
    uint64_t body_seen;
    struct buf body;
    amqp_pool_t memory; /* of every string in `delivery` */
    struct broker_delivery delivery;
    int return_code;
    const char *return_text;
};

struct broker {
    amqp_connection_state_t connection;
    struct broker_handler handler;
    char *place; /* "RabbitMQ at host:port, vhost v": for error texts */
    int poll_fd; /* epoll over the socket and wake_fd: what the caller watches */
    int wake_fd; /* eventfd */
    bool woken;
    int certificate_fault; /* X509_V_ERR_... of OpenSSL; 0: none */
    bool open;             /* logged in, channel open */
    bool dead;
    struct err death;
    bool unconfirmed, confirm_selected;
    uint64_t published;
    bool blocked;
    bool inspecting; /* the inspect channel is open */
    struct assembly assembly;
};

/* fault.c: each marks the connection dead, except where it says otherwise, and returns false. */
bool broker_fault(struct broker *broker, struct err *err, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A status of librabbitmq, while attempting what `format` says. True for AMQP_STATUS_OK. */
bool broker_check_status(struct broker *broker, int status, struct err *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The reply of the last RPC. True when it went well. */
bool broker_check_reply(struct broker *broker, amqp_rpc_reply_t reply, struct err *err, const char *format,
                        ...) __attribute__((format(printf, 4, 5)));
/* A connection.close or channel.close that came by itself. */
bool broker_closed_by_server(struct broker *broker, const amqp_method_t *method, struct err *err);
/* False, with the reason of its death, when the connection is dead. */
bool broker_check_alive(const struct broker *broker, struct err *err);
/* Error code and remedy for a reply code of the server (AMQP 0-9-1, 1.2). */
enum err_code broker_reply_code_error(int reply_code);

/* tls.c: checks the peer's certificate and its name. NULL: the file of the authority or our own cannot be
 * used. */
amqp_socket_t *broker_tls_socket(struct broker *broker, const struct broker_url *url, struct err *err);
/* A handshake that failed with this status; like broker_fault. */
bool broker_tls_fault(struct broker *broker, const struct broker_url *url, int status, struct err *err);

/* frames.c: after every call into librabbitmq that may have read from the socket. */
void broker_wake_if_input(struct broker *broker);
bool broker_assembly_init(struct assembly *assembly);
void broker_assembly_free(struct assembly *assembly);

/* message.c: copies into the assembly's memory; false without memory. */
bool broker_take_properties(struct assembly *assembly, const amqp_basic_properties_t *properties);
/* NUL-terminated copy, "" for an empty one; NULL without memory. */
char *broker_pool_text(amqp_pool_t *pool, amqp_bytes_t bytes);
/* The message's properties for publishing: pointers into `message` and `entries` (header_count of them). */
bool broker_give_properties(const struct broker_message *message, amqp_table_entry_t *entries,
                            amqp_basic_properties_t *properties, struct err *err);
amqp_bytes_t broker_bytes(const char *text);

#endif
