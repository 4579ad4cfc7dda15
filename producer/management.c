#include "producer/management.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/http_client.h"
#include "common/mem.h"

#define ANSWER_MAX ((size_t)16 * 1024 * 1024)
#define TIMEOUT_MS 5000

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    int lower = tolower((unsigned char)c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

char *management_vhost(const char *amqp_url)
{
    const char *authority = strstr(amqp_url, "://");
    const char *path = authority != NULL ? strchr(authority + 3, '/') : NULL;
    if (path == NULL)
        return strdup("/");
    size_t size = strcspn(path + 1, "?#");
    char *vhost = malloc(size + 1);
    if (vhost == NULL)
        return NULL;
    size_t used = 0;
    for (const char *at = path + 1; at < path + 1 + size; at++) {
        bool encoded =
            *at == '%' && at + 2 < path + 1 + size && hex_value(at[1]) >= 0 && hex_value(at[2]) >= 0;
        vhost[used++] = encoded ? (char)(hex_value(at[1]) * 16 + hex_value(at[2])) : *at;
        at += encoded ? 2 : 0;
    }
    vhost[used] = '\0';
    return vhost;
}

void queue_list_free(struct queue_list *list)
{
    free(list->items);
    list->items = NULL;
    list->count = 0;
}

bool management_queues(const struct producer_config *config, struct queue_list *list, struct err *err)
{
    if (config->management_url[0] == '\0')
        return err_set(err, ERR_CONFIG, "no management API is configured: set ASSAY_MANAGEMENT_URL");
    autobuf struct buf url = BUF_INIT;
    autobuf struct buf body = BUF_INIT;
    autofree char *vhost = management_vhost(config->amqp_url);
    size_t size = strlen(config->management_url);
    while (size > 0 && config->management_url[size - 1] == '/')
        size--;
    buf_append(&url, config->management_url, size);
    buf_append_text(&url, "/api/queues/");
    http_append_encoded(&url, vhost != NULL ? vhost : "");
    buf_append_text(&url, "?columns=name,messages_ready,messages_unacknowledged,consumers,"
                          "message_stats.publish_details.rate,message_stats.ack_details.rate");
    if (vhost == NULL || url.failed)
        return err_set(err, ERR_NO_MEMORY, "no memory");
    struct http_request request = {.url = buf_text(&url),
                                   .user = config->management_user,
                                   .password = config->management_password,
                                   .ca_file = config->management_ca_file,
                                   .ca_setting = "ASSAY_MANAGEMENT_CA_FILE",
                                   .max_bytes = ANSWER_MAX,
                                   .timeout_ms = TIMEOUT_MS};
    if (!http_get(&request, &body, NULL, err))
        return err_wrap(err, "ask the management API");
    return management_json_queues(buf_text(&body), body.size, list, err);
}
