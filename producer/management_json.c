#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "producer/management.h"

static int64_t integer(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name)); /* 0 when absent */
}

/* message_stats.publish_details.rate, or 0. */
static double rate(const json_t *queue, const char *details)
{
    const json_t *stats = json_object_get(queue, "message_stats");
    return json_number_value(json_object_get(json_object_get(stats, details), "rate"));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct queue_status *)a)->name, ((const struct queue_status *)b)->name);
}

bool management_json_queues(const char *body, size_t size, struct queue_list *list, struct err *err)
{
    json_t *root = json_loadb(body, size, 0, NULL);
    if (!json_is_array(root)) {
        json_decref(root);
        return err_set(err, ERR_PROTOCOL,
                       "the management API did not answer with a list of queues; is "
                       "ASSAY_MANAGEMENT_URL right?");
    }
    size_t count = json_array_size(root);
    list->count = 0;
    list->items = calloc(count > 0 ? count : 1, sizeof *list->items);
    for (size_t i = 0; list->items != NULL && i < count; i++) {
        const json_t *queue = json_array_get(root, i);
        const char *name = json_string_value(json_object_get(queue, "name"));
        if (name == NULL)
            continue;
        struct queue_status *item = &list->items[list->count++];
        (void)snprintf(item->name, sizeof item->name, "%s", name);
        item->ready = integer(queue, "messages_ready");
        item->unacknowledged = integer(queue, "messages_unacknowledged");
        item->consumers = integer(queue, "consumers");
        item->publish_rate = rate(queue, "publish_details");
        item->ack_rate = rate(queue, "ack_details");
    }
    json_decref(root);
    if (list->items == NULL)
        return err_set(err, ERR_NO_MEMORY, "no memory for the list of queues");
    qsort(list->items, list->count, sizeof *list->items, by_name);
    return true;
}
