#include "collector/item.h"

#include <stdlib.h>
#include <string.h>

#include "collector/memory.h"

/* Every string of a delivery, in one list: counted first, copied then. */
static void each_string(struct broker_delivery *delivery, void (*visit)(const char **, void *), void *context)
{
    struct broker_message *message = &delivery->message;
    const char **const strings[] = {&message->exchange,     &message->routing_key,  &message->content_type,
                                    &message->type,         &message->message_id,   &message->correlation_id,
                                    &message->reply_to,     &message->app_id,       &delivery->consumer_tag,
                                    &delivery->death_queue, &delivery->death_reason};
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
        visit(strings[i], context);
}

static void count_size(const char **text, void *context)
{
    size_t *size = context;
    *size += *text != NULL ? strlen(*text) + 1 : 0;
}

static void copy_text(const char **text, void *context)
{
    char **cursor = context;
    if (*text == NULL)
        return;
    size_t size = strlen(*text) + 1;
    memcpy(*cursor, *text, size);
    *text = *cursor;
    *cursor += size;
}

static void link_item(struct item_list *list, struct item *item)
{
    item->list = list;
    item->list_next = list->first;
    if (list->first != NULL)
        list->first->list_previous = item;
    list->first = item;
}

static void unlink_item(struct item *item)
{
    if (item->list_previous != NULL)
        item->list_previous->list_next = item->list_next;
    else
        item->list->first = item->list_next;
    if (item->list_next != NULL)
        item->list_next->list_previous = item->list_previous;
}

struct item *item_new(struct item_list *list, enum item_kind kind, unsigned channel,
                      const struct broker_delivery *delivery)
{
    struct item *item = memory_take(sizeof(*item));
    link_item(list, item);
    item->kind = kind;
    item->channel = channel;
    item->delivery = *delivery;
    struct broker_message *message = &item->delivery.message;
    size_t header_count = message->header_count;
    size_t size = header_count * sizeof(struct broker_header) + message->body_size + 1;
    each_string(&item->delivery, count_size, &size);
    for (size_t i = 0; i < header_count; i++) {
        struct broker_header header = message->headers[i];
        count_size(&header.name, &size);
        count_size(&header.text, &size);
    }

    item->memory = memory_take(size);
    struct broker_header *headers = item->memory;
    char *cursor = (char *)(headers + header_count);
    for (size_t i = 0; i < header_count; i++) {
        headers[i] = message->headers[i];
        copy_text(&headers[i].name, &cursor);
        copy_text(&headers[i].text, &cursor);
    }
    message->headers = headers;
    each_string(&item->delivery, copy_text, &cursor);
    if (message->body_size > 0)
        memcpy(cursor, message->body, message->body_size);
    message->body = cursor;
    item_recount(item);
    return item;
}

void item_free(struct item *item)
{
    if (item == NULL)
        return;
    unlink_item(item);
    item->list->bytes -= item->counted;
    row_free(item->row);
    free(item->verdict);
    free(item->verdict_key);
    free(item->refusal_message);
    free(item->memory);
    free(item);
}

void item_recount(struct item *item)
{
    item->list->bytes -= item->counted;
    item->counted = item_bytes(item) + (item->verdict != NULL ? strlen(item->verdict) : 0);
    item->list->bytes += item->counted;
}

size_t item_bytes(const struct item *item)
{
    return sizeof(*item) + item->delivery.message.body_size + (item->row != NULL ? item->row->size : 0);
}

const char *item_header(const struct item *item, const char *name)
{
    const struct broker_message *message = &item->delivery.message;
    for (size_t i = 0; i < message->header_count; i++) {
        if (strcmp(message->headers[i].name, name) == 0)
            return message->headers[i].text;
    }
    return NULL;
}
