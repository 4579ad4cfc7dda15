#include "common/broker/internal.h"

#include <stdio.h>
#include <string.h>

#define HEADERS_MAX        64
#define SHORT_STRING_MAX   255             /* AMQP 0-9-1, 4.2.5.3 */
#define HEADER_TEXT_MAX    ((size_t)65536) /* all of them have to fit one frame */
#define DELIVERY_COUNT_MAX 1000000         /* far beyond any delivery limit */

char *broker_pool_text(amqp_pool_t *pool, amqp_bytes_t bytes)
{
    char *text = amqp_pool_alloc(pool, bytes.len + 1);
    if (text == NULL)
        return NULL;
    if (bytes.len > 0)
        memcpy(text, bytes.bytes, bytes.len);
    text[bytes.len] = '\0';
    return text;
}

static bool field_integer(const amqp_field_value_t *value, int64_t *number)
{
    switch (value->kind) {
    case AMQP_FIELD_KIND_BOOLEAN:
        *number = value->value.boolean != 0;
        return true;
    case AMQP_FIELD_KIND_I8:
        *number = value->value.i8;
        return true;
    case AMQP_FIELD_KIND_U8:
        *number = value->value.u8;
        return true;
    case AMQP_FIELD_KIND_I16:
        *number = value->value.i16;
        return true;
    case AMQP_FIELD_KIND_U16:
        *number = value->value.u16;
        return true;
    case AMQP_FIELD_KIND_I32:
        *number = value->value.i32;
        return true;
    case AMQP_FIELD_KIND_U32:
        *number = value->value.u32;
        return true;
    case AMQP_FIELD_KIND_I64:
        *number = value->value.i64;
        return true;
    case AMQP_FIELD_KIND_U64:
    case AMQP_FIELD_KIND_TIMESTAMP:
        *number = value->value.u64 > INT64_MAX ? INT64_MAX : (int64_t)value->value.u64;
        return true;
    default:
        return false;
    }
}

/* The broker writes x-delivery-count only from the second delivery on: in a first one it is the publisher's
 * text. */
static int64_t believable_count(int64_t count)
{
    return count >= 0 && count <= DELIVERY_COUNT_MAX ? count : 0;
}

static bool key_is(amqp_bytes_t key, const char *name)
{
    return key.len == strlen(name) && memcmp(key.bytes, name, key.len) == 0;
}

static bool is_text(const amqp_field_value_t *value)
{
    return value->kind == AMQP_FIELD_KIND_UTF8 || value->kind == AMQP_FIELD_KIND_BYTES;
}

/* x-death is an array of tables, the most recent death first (RabbitMQ: "Dead Letter Exchanges"). */
static bool take_death(struct assembly *assembly, const amqp_field_value_t *value)
{
    if (value->kind != AMQP_FIELD_KIND_ARRAY || value->value.array.num_entries < 1 ||
        value->value.array.entries[0].kind != AMQP_FIELD_KIND_TABLE)
        return true;
    const amqp_table_t *death = &value->value.array.entries[0].value.table;
    struct broker_delivery *delivery = &assembly->delivery;
    for (int i = 0; i < death->num_entries; i++) {
        const amqp_table_entry_t *entry = &death->entries[i];
        const char **text = NULL;
        if (key_is(entry->key, "queue"))
            text = &delivery->death_queue;
        else if (key_is(entry->key, "reason"))
            text = &delivery->death_reason;
        else if (key_is(entry->key, "count"))
            (void)field_integer(&entry->value, &delivery->death_count);
        if (text != NULL && is_text(&entry->value)) {
            *text = broker_pool_text(&assembly->memory, entry->value.value.bytes);
            if (*text == NULL)
                return false;
        }
    }
    return true;
}

static bool take_header(struct assembly *assembly, const amqp_table_entry_t *entry,
                        struct broker_header *header, bool *taken)
{
    char real[32];
    *taken = false;
    if (is_text(&entry->value)) {
        header->text = broker_pool_text(&assembly->memory, entry->value.value.bytes);
    } else if (entry->value.kind == AMQP_FIELD_KIND_F64 || entry->value.kind == AMQP_FIELD_KIND_F32) {
        double number = entry->value.kind == AMQP_FIELD_KIND_F64 ? entry->value.value.f64
                                                                 : (double)entry->value.value.f32;
        (void)snprintf(real, sizeof(real), "%.17g", number);
        header->text = broker_pool_text(&assembly->memory, amqp_cstring_bytes(real));
    } else {
        *taken = field_integer(&entry->value, &header->number);
        if (!*taken)
            return true; /* tables, arrays, void: not scalar */
    }
    if (!*taken && header->text == NULL)
        return false;
    header->name = broker_pool_text(&assembly->memory, entry->key);
    *taken = header->name != NULL;
    return *taken;
}

static bool take_headers(struct assembly *assembly, const amqp_table_t *table)
{
    int count = table->num_entries > HEADERS_MAX ? HEADERS_MAX : table->num_entries;
    if (count <= 0)
        return true;
    struct broker_header *headers =
        amqp_pool_alloc(&assembly->memory, (size_t)count * sizeof(struct broker_header));
    if (headers == NULL)
        return false;
    memset(headers, 0, (size_t)count * sizeof(struct broker_header));
    struct broker_message *message = &assembly->delivery.message;
    message->headers = headers;
    for (int i = 0; i < count; i++) {
        const amqp_table_entry_t *entry = &table->entries[i];
        int64_t returned;
        bool taken;
        if (key_is(entry->key, "x-death") && !take_death(assembly, &entry->value))
            return false;
        if (key_is(entry->key, "x-delivery-count"))
            assembly->delivery.delivery_count =
                field_integer(&entry->value, &returned) ? believable_count(returned) : 0;
        if (!take_header(assembly, entry, &headers[message->header_count], &taken))
            return false;
        message->header_count += taken ? 1 : 0;
    }
    return true;
}

bool broker_take_properties(struct assembly *assembly, const amqp_basic_properties_t *properties)
{
    struct broker_message *message = &assembly->delivery.message;
    const struct {
        amqp_flags_t flag;
        amqp_bytes_t bytes;
        const char **text;
    } texts[] = {
        {AMQP_BASIC_CONTENT_TYPE_FLAG, properties->content_type, &message->content_type},
        {AMQP_BASIC_TYPE_FLAG, properties->type, &message->type},
        {AMQP_BASIC_MESSAGE_ID_FLAG, properties->message_id, &message->message_id},
        {AMQP_BASIC_CORRELATION_ID_FLAG, properties->correlation_id, &message->correlation_id},
        {AMQP_BASIC_REPLY_TO_FLAG, properties->reply_to, &message->reply_to},
        {AMQP_BASIC_APP_ID_FLAG, properties->app_id, &message->app_id},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if ((properties->_flags & texts[i].flag) == 0)
            continue;
        *texts[i].text = broker_pool_text(&assembly->memory, texts[i].bytes);
        if (*texts[i].text == NULL)
            return false;
    }
    if ((properties->_flags & AMQP_BASIC_TIMESTAMP_FLAG) != 0 && properties->timestamp <= INT64_MAX)
        message->timestamp_s = (int64_t)properties->timestamp;
    if ((properties->_flags & AMQP_BASIC_DELIVERY_MODE_FLAG) != 0)
        message->persistent = properties->delivery_mode == AMQP_DELIVERY_PERSISTENT;
    if ((properties->_flags & AMQP_BASIC_HEADERS_FLAG) != 0)
        return take_headers(assembly, &properties->headers);
    return true;
}

amqp_bytes_t broker_bytes(const char *text)
{
    return text == NULL ? amqp_empty_bytes : amqp_cstring_bytes(text);
}

static bool check_short(const char *what, const char *text, struct err *err)
{
    if (text != NULL && strlen(text) > SHORT_STRING_MAX)
        return err_set(err, ERR_INPUT, "publish: %s is longer than AMQP's %d bytes", what, SHORT_STRING_MAX);
    return true;
}

static bool give_headers(const struct broker_message *message, amqp_table_entry_t *entries, struct err *err)
{
    size_t size = 0;
    for (size_t i = 0; i < message->header_count; i++) {
        const struct broker_header *header = &message->headers[i];
        if (!check_short("a header's name", header->name, err))
            return false;
        size += strlen(header->name) + (header->text == NULL ? 8 : strlen(header->text)) + 8;
        entries[i].key = broker_bytes(header->name);
        if (header->text == NULL) {
            entries[i].value.kind = AMQP_FIELD_KIND_I64;
            entries[i].value.value.i64 = header->number;
        } else {
            entries[i].value.kind = AMQP_FIELD_KIND_UTF8;
            entries[i].value.value.bytes = broker_bytes(header->text);
        }
    }
    if (size > HEADER_TEXT_MAX)
        return err_set(err, ERR_INPUT, "publish: %zu bytes of headers, more than %zu", size, HEADER_TEXT_MAX);
    return true;
}

bool broker_give_properties(const struct broker_message *message, amqp_table_entry_t *entries,
                            amqp_basic_properties_t *properties, struct err *err)
{
    memset(properties, 0, sizeof(*properties));
    const struct {
        amqp_flags_t flag;
        const char *name;
        const char *text;
        amqp_bytes_t *bytes;
    } texts[] = {
        {AMQP_BASIC_CONTENT_TYPE_FLAG, "content_type", message->content_type, &properties->content_type},
        {AMQP_BASIC_TYPE_FLAG, "type", message->type, &properties->type},
        {AMQP_BASIC_MESSAGE_ID_FLAG, "message_id", message->message_id, &properties->message_id},
        {AMQP_BASIC_CORRELATION_ID_FLAG, "correlation_id", message->correlation_id,
         &properties->correlation_id},
        {AMQP_BASIC_REPLY_TO_FLAG, "reply_to", message->reply_to, &properties->reply_to},
        {AMQP_BASIC_APP_ID_FLAG, "app_id", message->app_id, &properties->app_id},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].text == NULL)
            continue;
        if (!check_short(texts[i].name, texts[i].text, err))
            return false;
        *texts[i].bytes = broker_bytes(texts[i].text);
        properties->_flags |= texts[i].flag;
    }
    if (message->timestamp_s > 0) {
        properties->timestamp = (uint64_t)message->timestamp_s;
        properties->_flags |= AMQP_BASIC_TIMESTAMP_FLAG;
    }
    properties->delivery_mode = message->persistent ? AMQP_DELIVERY_PERSISTENT : AMQP_DELIVERY_NONPERSISTENT;
    properties->_flags |= AMQP_BASIC_DELIVERY_MODE_FLAG;
    if (message->header_count > 0) {
        if (!give_headers(message, entries, err))
            return false;
        properties->headers.num_entries = (int)message->header_count;
        properties->headers.entries = entries;
        properties->_flags |= AMQP_BASIC_HEADERS_FLAG;
    }
    return true;
}
