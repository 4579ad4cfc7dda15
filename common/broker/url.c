#include "common/broker/internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/text.h"

static bool take_heartbeat(const char *value, struct broker_url *out, struct err *err)
{
    uint64_t seconds;
    if (!text_parse_u64(value, &seconds) || seconds > 3600)
        return err_set(err, ERR_CONFIG, "broker URL: heartbeat must be 0 to 3600 seconds");
    out->heartbeat_s = (int)seconds;
    return true;
}

/* `query` is cut up in place. */
static bool parse_query(char *query, struct broker_url *out, struct err *err)
{
    char *save = NULL;
    for (char *pair = strtok_r(query, "&", &save); pair != NULL; pair = strtok_r(NULL, "&", &save)) {
        char *value = strchr(pair, '=');
        if (value == NULL || value[1] == '\0')
            return err_set(err, ERR_CONFIG, "broker URL: a query parameter is name=value");
        *value++ = '\0';
        if (strcmp(pair, "cacertfile") == 0)
            out->ca_file = value;
        else if (strcmp(pair, "certfile") == 0)
            out->cert_file = value;
        else if (strcmp(pair, "keyfile") == 0)
            out->key_file = value;
        else if (strcmp(pair, "heartbeat") == 0) {
            if (!take_heartbeat(value, out, err))
                return false;
        } else {
            return err_set(err, ERR_CONFIG,
                           "broker URL: unknown query parameter %s; known are cacertfile, certfile, keyfile, "
                           "heartbeat",
                           pair);
        }
    }
    bool files = out->ca_file != NULL || out->cert_file != NULL || out->key_file != NULL;
    if (files && !out->tls)
        return err_set(err, ERR_CONFIG, "broker URL: certificate files need amqps://");
    if ((out->cert_file == NULL) != (out->key_file == NULL))
        return err_set(err, ERR_CONFIG, "broker URL: certfile and keyfile go together");
    return true;
}

bool broker_url_parse(const char *url, struct broker_url *out, struct err *err)
{
    memset(out, 0, sizeof(*out));
    out->heartbeat_s = -1;
    if (url == NULL || url[0] == '\0')
        return err_set(err, ERR_CONFIG,
                       "no broker URL: set ASSAY_AMQP_URL, e.g. amqp://user:password@localhost:5672/assay");
    out->memory = strdup(url);
    if (out->memory == NULL)
        return err_set(err, ERR_NO_MEMORY, "broker URL: out of memory");
    char *query = strchr(out->memory, '?');
    if (query != NULL)
        *query++ = '\0';
    struct amqp_connection_info info;
    if (amqp_parse_url(out->memory, &info) != AMQP_STATUS_OK || info.host[0] == '\0') {
        broker_url_free(out);
        return err_set(
            err, ERR_CONFIG,
            "the broker URL cannot be read; it must look like amqp://user:password@host:5672/vhost, "
            "special characters percent-encoded");
    }
    out->host = info.host;
    out->user = info.user;
    out->password = info.password;
    out->vhost = info.vhost;
    out->port = info.port;
    out->tls = info.ssl != 0;
    if (query != NULL && !parse_query(query, out, err)) {
        broker_url_free(out);
        return false;
    }
    return true;
}

void broker_url_free(struct broker_url *url)
{
    if (url->memory != NULL)
        explicit_bzero(url->memory, strlen(url->memory));
    free(url->memory);
    memset(url, 0, sizeof(*url));
}
