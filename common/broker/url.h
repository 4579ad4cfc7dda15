/*
 * A broker URL, taken apart: amqp://user:password@host:port/vhost, amqps likewise, parts percent-encoded
 * (RabbitMQ's "URI specification"; an absent vhost is "/", absent credentials are guest). Of RabbitMQ's URI
 * query parameters: cacertfile, certfile, keyfile (amqps only) and heartbeat (seconds). With amqps the host
 * must be a name: librabbitmq compares no addresses with a certificate. Several hosts (the nodes of a
 * cluster) are host:port,host:port, as libpq takes them; the rest holds for each. Pure.
 */
#ifndef ASSAY_COMMON_BROKER_URL_H
#define ASSAY_COMMON_BROKER_URL_H

#include <stdbool.h>

#include "common/err.h"

struct broker_url {
    const char *host, *user, *password, *vhost;
    int port;
    unsigned host_count; /* of the URL; `host` and `port` are the chosen one's */
    bool tls;
    const char *ca_file;              /* NULL: the system's certificates */
    const char *cert_file, *key_file; /* the client's own; both or none */
    int heartbeat_s;                  /* -1: not given */
    char *memory;                     /* what the pointers above point into */
};

/* Chooses host number `turn` modulo their count. ERR_CONFIG without any part of a malformed URL in the text:
 * it may hold a password. */
bool broker_url_parse(const char *url, unsigned turn, struct broker_url *out, struct err *err);
void broker_url_free(struct broker_url *url);

#endif
