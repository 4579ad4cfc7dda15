/*
 * Which reply_to addresses are honoured. Pure.
 *
 * The holder of a reply permission can publish into any queue through the default exchange, and a malformed
 * direct reply-to key closes the publisher's whole connection (RabbitMQ 3.10: 541), so only three forms pass:
 *   amq.rabbitmq.reply-to.<base64>.<base64>   direct reply-to, as the broker writes it
 *   amq.gen-<name>                            a queue that the server named
 *   assay.reply.<name>                        a queue of the publisher's own
 */
#ifndef ASSAY_COMMON_REPLY_TO_H
#define ASSAY_COMMON_REPLY_TO_H

#include <stdbool.h>

/* False also for NULL, "" and anything over 255 bytes (AMQP's short string). */
bool reply_to_is_allowed(const char *reply_to);

#endif
