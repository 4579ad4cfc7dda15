#include "collector/dead_letter.h"

#include <stdlib.h>
#include <string.h>

#include "collector/memory.h"
#include "common/message/job.h"
#include "common/message/names.h"
#include "common/message/task.h"

/* The column `reason` of the table. */
void dead_letter_reason(const struct item *item, struct buf *out)
{
    const char *sqlstate = item_header(item, HEADER_DEAD_SQLSTATE);
    const char *message = item_header(item, HEADER_DEAD_MESSAGE);
    if (message != NULL) {
        if (sqlstate != NULL && *sqlstate != '\0')
            buf_printf(out, "SQLSTATE %s: ", sqlstate);
        text_append_clean(out, message, strlen(message));
    } else if (item->delivery.death_reason != NULL) {
        text_append_clean(out, item->delivery.death_reason, strlen(item->delivery.death_reason));
    } else {
        buf_append_text(out, "unknown");
    }
}

static void add_error(struct result *result, const struct buf *text)
{
    result_add_error(result, text->data != NULL ? text->data : "", text->size);
}

static void add_label(void *context, const char *name, const char *value)
{
    if (!result_set_label(context, name, value))
        (void)memory_take(SIZE_MAX); /* ends the program */
}

static struct result *new_verdict(const struct item *item, enum reason reason, int64_t now_unix_ms)
{
    struct result *result = result_new();
    if (result == NULL)
        return memory_take(SIZE_MAX); /* ends the program */
    result->status = STATUS_ERROR;
    result->reason = reason;
    memcpy(result->job_id, item->job_id, sizeof(result->job_id));
    memcpy(result->task_id, item->task_id, sizeof(result->task_id));
    result->finished_at_ms = now_unix_ms;
    task_each_label(item->delivery.message.body, item->delivery.message.body_size, add_label, result);
    return result;
}

static void set_identity(struct item *item, const struct task_identity *identity)
{
    memcpy(item->job_id, identity->job_id, sizeof(item->job_id));
    memcpy(item->task_id, identity->task_id, sizeof(item->task_id));
}

/* "assay.tasks.python.bulk" was bound with the key "python.bulk"; the runtime is its first part. */
static const char *task_key(const struct item *item)
{
    const char *queue = item->delivery.death_queue;
    size_t prefix = strlen(QUEUE_TASKS_PREFIX);
    return queue != NULL && strncmp(queue, QUEUE_TASKS_PREFIX, prefix) == 0 ? queue + prefix : "";
}

static void judge_task(struct item *item, int64_t now_unix_ms)
{
    const struct broker_message *message = &item->delivery.message;
    struct task_identity identity;
    char runtime[TEXT_ID_MAX + 1] = "";
    const char *key = task_key(item);
    size_t length = strcspn(key, ".");
    if (length > 0 && length <= TEXT_ID_MAX)
        memcpy(runtime, key, length);
    struct task_rules rules = {.routing_key_runtime = runtime[0] != '\0' ? runtime : NULL,
                               .message_id = message->message_id};
    task_identify(message->body, message->body_size, &rules, &identity);
    set_identity(item, &identity);

    struct result *result = new_verdict(item, REASON_UNDELIVERABLE, now_unix_ms);
    if (identity.runtime[0] != '\0')
        result->runtime = memory_text(identity.runtime);
    result->has_reconstruction_id = identity.has_reconstruction_id;
    result->reconstruction_id = identity.reconstruction_id;
    autobuf struct buf text = BUF_INIT;
    buf_append_text(&text, "the broker gave up delivering this task: ");
    dead_letter_reason(item, &text);
    if (item->delivery.delivery_count > 0)
        buf_printf(&text, " (returned %lld times)", (long long)item->delivery.delivery_count);
    if (item->delivery.death_queue != NULL)
        buf_printf(&text, ", queue %s", item->delivery.death_queue);
    buf_append_text(&text, "; it is kept in the table dead_letters");
    add_error(result, &text);

    autobuf struct buf json = BUF_INIT;
    autobuf struct buf routing_key = BUF_INIT;
    result_to_json(result, &json);
    result_routing_key(result, &routing_key);
    item->verdict = memory_steal(&json);
    item->verdict_key = memory_steal(&routing_key);
    item->row = row_new(result);
    result_free(result);
}

static void judge_result(struct item *item, int64_t now_unix_ms)
{
    const struct broker_message *message = &item->delivery.message;
    struct task_identity identity;
    struct task_rules rules = {.message_id = message->message_id};
    task_identify(message->body, message->body_size, &rules, &identity);
    set_identity(item, &identity);
    if (message->type != NULL && strcmp(message->type, TYPE_JOB) == 0)
        return;
    struct result *result = new_verdict(item, REASON_INFRA, now_unix_ms);
    if (identity.runtime[0] != '\0')
        result->runtime = memory_text(identity.runtime);
    result->has_reconstruction_id = identity.has_reconstruction_id;
    result->reconstruction_id = identity.reconstruction_id;
    autobuf struct buf text = BUF_INIT;
    buf_append_text(&text, "the result could not be stored: ");
    dead_letter_reason(item, &text);
    buf_append_text(&text, "; its message is kept in dead_letters");
    add_error(result, &text);
    item->row = row_new(result);
    result_free(result);
}

void dead_letter_judge(struct item *item, int64_t now_unix_ms)
{
    if (item->kind == ITEM_DEAD_TASK)
        judge_task(item, now_unix_ms);
    else
        judge_result(item, now_unix_ms);
}

/* --- what is kept --- */

static void append_member(struct buf *out, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buf_append_text(out, out->size > 1 ? "," : "");
    text_append_json(out, name, strlen(name));
    buf_append_char(out, ':');
    text_append_json(out, value, strlen(value));
}

static void append_number(struct buf *out, const char *name, int64_t value)
{
    buf_append_text(out, out->size > 1 ? "," : "");
    text_append_json(out, name, strlen(name));
    buf_printf(out, ":%lld", (long long)value);
}

static char *properties_json(const struct broker_message *message)
{
    autobuf struct buf out = BUF_INIT;
    buf_append_char(&out, '{');
    append_member(&out, "content_type", message->content_type);
    append_member(&out, "type", message->type);
    append_member(&out, "message_id", message->message_id);
    append_member(&out, "correlation_id", message->correlation_id);
    append_member(&out, "reply_to", message->reply_to);
    append_member(&out, "app_id", message->app_id);
    if (message->timestamp_s != 0)
        append_number(&out, "timestamp", message->timestamp_s);
    buf_append_char(&out, '}');
    return memory_steal(&out);
}

static char *headers_json(const struct item *item)
{
    const struct broker_message *message = &item->delivery.message;
    autobuf struct buf out = BUF_INIT;
    buf_append_char(&out, '{');
    for (size_t i = 0; i < message->header_count; i++) {
        const struct broker_header *header = &message->headers[i];
        if (header->text != NULL)
            append_member(&out, header->name, header->text);
        else
            append_number(&out, header->name, header->number);
    }
    append_member(&out, "x-death-queue", item->delivery.death_queue);
    append_member(&out, "x-death-reason", item->delivery.death_reason);
    if (item->delivery.dropped_body_size > 0)
        append_number(&out, "assay-dropped-body-bytes", (int64_t)item->delivery.dropped_body_size);
    buf_append_char(&out, '}');
    return memory_steal(&out);
}

/* bytea's hex form (PostgreSQL documentation, 8.4.1). */
static char *bytea(const void *data, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *bytes = data;
    char *text = memory_take(2 * size + 3);
    text[0] = '\\';
    text[1] = 'x';
    for (size_t i = 0; i < size; i++) {
        text[2 + 2 * i] = hex[bytes[i] >> 4];
        text[3 + 2 * i] = hex[bytes[i] & 15];
    }
    return text;
}

static char *clean_text(const char *value)
{
    autobuf struct buf out = BUF_INIT;
    text_append_clean(&out, value, strlen(value));
    return memory_steal(&out);
}

static int64_t deaths(const struct item *item)
{
    const struct broker_delivery *delivery = &item->delivery;
    int64_t count =
        delivery->delivery_count > delivery->death_count ? delivery->delivery_count : delivery->death_count;
    return count > 0 ? count : 1;
}

void dead_letter_params(const struct item *item, char *params[DEAD_LETTER_PARAMS])
{
    const struct broker_message *message = &item->delivery.message;
    bool task = item->kind == ITEM_DEAD_TASK;
    const char *key = task ? task_key(item) : item_header(item, HEADER_ROUTING_KEY);
    autobuf struct buf reason = BUF_INIT;
    autobuf struct buf count = BUF_INIT;
    dead_letter_reason(item, &reason);
    buf_printf(&count, "%lld", (long long)deaths(item));
    params[0] = memory_text(task ? "task" : "result");
    params[1] = memory_text(item->job_id);
    params[2] = memory_text(item->task_id);
    params[3] = memory_text(task ? EXCHANGE_TASKS : EXCHANGE_RESULTS);
    params[4] = clean_text(key != NULL ? key : "");
    params[5] = bytea(message->body, message->body_size);
    params[6] = properties_json(message);
    params[7] = headers_json(item);
    params[8] = memory_steal(&reason);
    params[9] = memory_steal(&count);
}

void dead_letter_make_plain(char *params[DEAD_LETTER_PARAMS], const char *refusal)
{
    autobuf struct buf reason = BUF_INIT;
    buf_append_text(&reason, params[8]);
    buf_append_text(&reason, "; its headers and properties were refused: ");
    text_append_clean(&reason, refusal, strlen(refusal));
    free(params[6]);
    free(params[7]);
    free(params[8]);
    params[6] = memory_text("{}");
    params[7] = memory_text("{}");
    params[8] = memory_steal(&reason);
}
