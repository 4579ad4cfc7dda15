/*
 * A few messages sent by hand, outside of the engine (dispatch.h): cancel, dead requeue. One connection, one
 * message at a time, each confirmed before the next.
 */
#ifndef ASSAY_PRODUCER_POST_H
#define ASSAY_PRODUCER_POST_H

#include "common/broker.h"
#include "common/err.h"
#include "producer/config.h"

struct post;

/* ERR_CONFIG without amqp_url; ERR_UNREACHABLE, ERR_DENIED. */
struct post *post_open(const struct producer_config *config, struct err *err);
void post_close(struct post *post); /* NULL is fine */
/* Mandatory, and waits for the confirm, 30 s at most. ERR_PROTOCOL when no queue takes the message,
 * ERR_UNREACHABLE when the broker refuses it, blocks publishers, or is lost: nothing is known of it then. */
bool post_send(struct post *post, const struct broker_message *message, struct err *err);

#endif
