/* RabbitMQ's management HTTP API, as far as status needs it. */
#ifndef ASSAY_PRODUCER_MANAGEMENT_H
#define ASSAY_PRODUCER_MANAGEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "producer/config.h"

struct queue_status {
    char name[256];
    int64_t ready, unacknowledged, consumers;
    double publish_rate, ack_rate; /* per second; 0 when the API has none */
};

struct queue_list {
    struct queue_status *items; /* by name */
    size_t count;
};

void queue_list_free(struct queue_list *list);
/* The queues of the virtual host that amqp_url names. ERR_CONFIG without a management_url. */
bool management_queues(const struct producer_config *config, struct queue_list *list, struct err *err);
/* The answer of GET /api/queues/VHOST. ERR_PROTOCOL when it is not one. Pure. */
bool management_json_queues(const char *body, size_t size, struct queue_list *list, struct err *err);
/* The virtual host of an AMQP URL, percent-decoded ("/" when absent), malloc'ed; NULL without memory. Pure.
 */
char *management_vhost(const char *amqp_url);

#endif
