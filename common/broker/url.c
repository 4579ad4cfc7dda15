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

/* Where the list of hosts of a URL starts and ends: behind the credentials, before the path. */
static void find_hosts(char *url, char **first, char **end)
{
    char *authority = strstr(url, "://");
    *first = authority == NULL ? url : authority + 3;
    *end = *first + strcspn(*first, "/");
    for (char *at = *first; at < *end; at++) {
        if (*at == '@')
            *first = at + 1;
    }
}

static bool malformed(struct err *err)
{
    return err_set(err, ERR_CONFIG,
                   "the broker URL cannot be read; it must look like amqp://user:password@host:5672/vhost, "
                   "several hosts separated by commas, special characters percent-encoded");
}

/* A name or [address], and where it has one a port: what amqp_parse_url takes, asked of each host, so that a
 * wrong one is told at the start and not when its turn comes. */
static bool is_host(const char *text, size_t size)
{
    size_t name = text[0] == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":,/");
    if (name == 0 || name > size)
        return false;
    size_t digits = name < size ? strspn(text + name + 1, "0123456789") : 1;
    return name == size || (text[name] == ':' && digits > 0 && digits <= 5 && name + 1 + digits == size);
}

/* Leaves of the list of hosts the one whose turn it is. */
static bool choose_host(char *url, unsigned turn, unsigned *count, struct err *err)
{
    char *first;
    char *end;
    find_hosts(url, &first, &end);
    *count = 1;
    for (const char *at = first; at < end; at++) {
        if (*at == ',')
            ++*count;
    }
    char *chosen = first;
    size_t chosen_size = 0;
    char *at = first;
    for (unsigned i = 0; i < *count; i++) {
        size_t size = strcspn(at, ",/");
        if (!is_host(at, size))
            return malformed(err);
        if (i == turn % *count) {
            chosen = at;
            chosen_size = size;
        }
        at += size + 1;
    }
    memmove(first, chosen, chosen_size);
    memmove(first + chosen_size, end, strlen(end) + 1);
    return true;
}

static bool parse(struct broker_url *out, unsigned turn, struct err *err)
{
    char *query = strchr(out->memory, '?');
    if (query != NULL)
        *query++ = '\0';
    struct amqp_connection_info info;
    if (!choose_host(out->memory, turn, &out->host_count, err))
        return false;
    if (amqp_parse_url(out->memory, &info) != AMQP_STATUS_OK || info.host[0] == '\0')
        return malformed(err);
    out->host = info.host;
    out->user = info.user;
    out->password = info.password;
    out->vhost = info.vhost;
    out->port = info.port;
    out->tls = info.ssl != 0;
    return query == NULL || parse_query(query, out, err);
}

bool broker_url_parse(const char *url, unsigned turn, struct broker_url *out, struct err *err)
{
    memset(out, 0, sizeof(*out));
    out->heartbeat_s = -1;
    if (url == NULL || url[0] == '\0')
        return err_set(err, ERR_CONFIG,
                       "no broker URL: set ASSAY_AMQP_URL, e.g. amqp://user:password@localhost:5672/assay");
    out->memory = strdup(url);
    if (out->memory == NULL)
        return err_set(err, ERR_NO_MEMORY, "broker URL: out of memory");
    if (parse(out, turn, err))
        return true;
    broker_url_free(out);
    return false;
}

void broker_url_free(struct broker_url *url)
{
    if (url->memory != NULL)
        explicit_bzero(url->memory, strlen(url->memory));
    free(url->memory);
    memset(url, 0, sizeof(*url));
}
