#include "common/message/job.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/digest.h"
#include "common/message/reader.h"
#include "common/message/writer.h"

static const char *const event_names[] = {"hello", "heartbeat", "goodbye"};

void job_routing_word(const char *job_id, struct buf *out)
{
    for (const char *c = job_id; *c != '\0'; c++)
        buf_append_char(out, *c == '.' ? '_' : *c);
}

static bool require(const struct reader *reader, const char *name, struct err *err)
{
    return reader_get(reader, name) != NULL || reader_error(reader, name, err, "is missing");
}

/* --- assay.job.v1 ------------------------------------------------------------------------------------- */

void job_message_free(struct job_message *message)
{
    json_decref(message->labels);
    message->labels = NULL;
}

void job_message_to_json(const struct job_message *message, struct buf *out)
{
    struct writer writer;
    writer_start(&writer);
    writer_put_text(&writer, "job_id", message->job_id);
    writer_put_text(&writer, "part", message->part);
    writer_put_integer(&writer, "total", message->total);
    writer_put_shared(&writer, "labels", message->labels, json_object());
    writer_finish(&writer, out);
}

static bool read_part(const struct reader *root, struct job_message *message, struct err *err)
{
    const char *part = NULL;
    if (!reader_string(root, "part", &part, err))
        return false;
    if (strlen(part) != sizeof(message->part) - 1 || part[strspn(part, "0123456789abcdef")] != '\0')
        return reader_error(root, "part", err, "must be %zu lower-case hex digits",
                            sizeof(message->part) - 1);
    memcpy(message->part, part, sizeof(message->part));
    return true;
}

static int append_text(const char *data, size_t size, void *out)
{
    buf_append(out, data, size);
    return 0;
}

void job_labels_to_json(const struct job_message *message, struct buf *out)
{
    if (message->labels == NULL)
        buf_append_text(out, "{}");
    else if (json_dump_callback(message->labels, append_text, out, JSON_COMPACT) != 0)
        out->failed = true;
}

static bool read_job_labels(const struct reader *root, struct job_message *message, struct err *err)
{
    const json_t *labels = NULL;
    const char *name;
    json_t *value;
    if (!reader_object(root, "labels", TASK_LABELS_MAX, &labels, err))
        return false;
    json_object_foreach((json_t *)labels, name, value)
    {
        struct blob text;
        if (!reader_text_value(root, "labels", value, &text, err))
            return false;
    }
    message->labels = json_incref((json_t *)labels);
    return true;
}

bool job_message_parse(const char *body, size_t size, struct job_message *message, struct err *err)
{
    static const char *const fields[] = {"job_id", "part", "total", "labels", NULL};
    struct reader reader;
    *message = (struct job_message){.labels = NULL};
    json_t *root = reader_load(body, size, err);
    if (root == NULL)
        return false;
    reader_start(&reader, root);
    bool ok = reader_check_fields(&reader, fields, err) && require(&reader, "job_id", err) &&
              require(&reader, "part", err) && require(&reader, "total", err) &&
              reader_id(&reader, "job_id", message->job_id, err) && read_part(&reader, message, err) &&
              reader_integer(&reader, "total", 0, INT64_MAX, NULL, &message->total, err) &&
              read_job_labels(&reader, message, err);
    json_decref(root);
    return ok;
}

void job_part_add(struct job_part *part, const char *task_id)
{
    unsigned char digest[DIGEST_SIZE];
    unsigned carry = 0;
    digest_sha256(task_id, strlen(task_id), digest);
    /* Addition modulo 2^256 commutes, which xor does too; but there two equal ids would cancel out. */
    for (size_t i = DIGEST_SIZE; i-- > 0;) {
        carry += (unsigned)part->sum[i] + digest[i];
        part->sum[i] = (unsigned char)(carry & 0xff);
        carry >>= 8;
    }
    part->count++;
}

void job_part_hex(const struct job_part *part, char out[65])
{
    for (size_t i = 0; i < sizeof(part->sum); i++)
        (void)snprintf(out + 2 * i, 3, "%02x", part->sum[i]);
}

/* --- assay.control.v1 --------------------------------------------------------------------------------- */

/* The field's name is the order, its value whom it is about. */
static const char *const control_fields[] = {
    [CONTROL_CANCEL] = "cancel", [CONTROL_RESUME] = "resume", [CONTROL_TOLD] = "told", NULL};

void control_message_free(struct control_message *message)
{
    free(message->workers);
    message->workers = NULL;
}

void control_message_to_json(const struct control_message *message, struct buf *out)
{
    struct writer writer;
    writer_start(&writer);
    writer_put_text(&writer, control_fields[message->order],
                    message->order == CONTROL_TOLD ? message->workers : message->job_id);
    writer_finish(&writer, out);
}

/* Exactly one field says what is ordered. */
static bool read_order(const struct reader *root, enum control_order *order, struct err *err)
{
    int count = 0;
    for (int i = 0; control_fields[i] != NULL; i++) {
        if (reader_get(root, control_fields[i]) == NULL)
            continue;
        *order = (enum control_order)i;
        count++;
    }
    return count == 1 ||
           err_set(err, ERR_INPUT, "exactly one of the fields 'cancel', 'resume' and 'told' is needed");
}

static bool read_workers(const struct reader *root, char **workers, struct err *err)
{
    const char *text = NULL;
    if (!reader_string(root, control_fields[CONTROL_TOLD], &text, err))
        return false;
    for (const char *name = text;; name++) {
        size_t size = strcspn(name, ",");
        if (!text_is_id(name, size))
            return reader_error(root, control_fields[CONTROL_TOLD], err,
                                "must be names of workers, separated by commas");
        name += size;
        if (*name == '\0')
            break;
    }
    *workers = strdup(text);
    return *workers != NULL || err_set(err, ERR_NO_MEMORY, "no memory for a message");
}

bool control_message_parse(const char *body, size_t size, struct control_message *message, struct err *err)
{
    struct reader reader;
    *message = (struct control_message){.job_id = ""};
    json_t *root = reader_load(body, size, err);
    if (root == NULL)
        return false;
    reader_start(&reader, root);
    bool ok = reader_check_fields(&reader, control_fields, err) && read_order(&reader, &message->order, err);
    if (ok && message->order == CONTROL_TOLD)
        ok = read_workers(&reader, &message->workers, err);
    else if (ok)
        ok = reader_id(&reader, control_fields[message->order], message->job_id, err);
    json_decref(root);
    return ok;
}

bool control_message_names(const struct control_message *message, const char *worker)
{
    size_t length = strlen(worker);
    for (const char *name = message->workers; name != NULL && *name != '\0';) {
        size_t size = strcspn(name, ",");
        if (size == length && memcmp(name, worker, size) == 0)
            return true;
        name += size + (name[size] == ',');
    }
    return false;
}

/* --- assay.event.v1 ----------------------------------------------------------------------------------- */

const char *worker_event_name(enum worker_event_kind kind)
{
    return event_names[kind];
}

/* "c, python" or "c,python" as an array. */
static json_t *runtimes_json(const char *runtimes)
{
    json_t *array = json_array();
    for (const char *name = runtimes + strspn(runtimes, ", "); *name != '\0'; name += strspn(name, ", ")) {
        size_t size = strcspn(name, ", ");
        if (json_array_append_new(array, json_stringn(name, size)) != 0) {
            json_decref(array);
            return NULL;
        }
        name += size;
    }
    return array;
}

void worker_event_to_json(const struct worker_event *event, struct buf *out)
{
    struct writer writer;
    writer_start(&writer);
    writer_put_text(&writer, "event", worker_event_name(event->kind));
    writer_put_text(&writer, "worker", event->worker);
    writer_put_text(&writer, "host", event->host);
    writer_put_integer(&writer, "pid", event->pid);
    writer_put_text(&writer, "version", event->version);
    writer_put_integer(&writer, "slots", event->slots);
    writer_put_integer(&writer, "busy", event->busy);
    writer_put_bool(&writer, "consuming", event->consuming);
    writer_put(&writer, "runtimes", runtimes_json(event->runtimes));
    writer_put_integer(&writer, "tasks_done", event->tasks_done);
    writer_put_integer(&writer, "tasks_error", event->tasks_error);
    writer_put_time(&writer, "started_at", event->started_at_ms);
    writer_put_integer(&writer, "heartbeat_s", event->heartbeat_s);
    writer_finish(&writer, out);
}

static bool read_kind(const struct reader *root, enum worker_event_kind *kind, struct err *err)
{
    const char *name = NULL;
    if (!reader_string(root, "event", &name, err))
        return false;
    for (size_t i = 0; i < sizeof(event_names) / sizeof(event_names[0]); i++) {
        if (strcmp(event_names[i], name) == 0) {
            *kind = (enum worker_event_kind)i;
            return true;
        }
    }
    return reader_error(root, "event", err, "must be hello, heartbeat or goodbye");
}

static bool read_short_text(const struct reader *root, const char *name, char *out, size_t out_size,
                            struct err *err)
{
    struct blob text = {"", 0};
    if (!reader_text(root, name, &text, err))
        return false;
    if (text.size >= out_size)
        return reader_error(root, name, err, "has %zu bytes, at most %zu are allowed", text.size,
                            out_size - 1);
    memcpy(out, text.data, text.size + 1);
    return true;
}

static bool read_runtimes(const struct reader *root, struct worker_event *event, struct err *err)
{
    const json_t *array = NULL;
    autobuf struct buf names = BUF_LIMIT(sizeof(event->runtimes) - 1);
    if (!reader_array(root, "runtimes", sizeof(event->runtimes) / 2, &array, err))
        return false;
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct blob text;
        if (!reader_text_value(root, "runtimes", json_array_get(array, i), &text, err))
            return false;
        buf_append_text(&names, i > 0 ? "," : "");
        buf_append(&names, text.data, text.size);
    }
    if (names.failed)
        return reader_error(root, "runtimes", err, "take more than %zu bytes", sizeof(event->runtimes) - 1);
    memcpy(event->runtimes, buf_text(&names), names.size + 1);
    return true;
}

static bool read_started_at(const struct reader *root, struct worker_event *event, struct err *err)
{
    const char *text = NULL;
    if (json_is_null(reader_get(root, "started_at")))
        return true;
    if (!reader_string(root, "started_at", &text, err))
        return false;
    return text == NULL || clock_parse_rfc3339(text, &event->started_at_ms) ||
           reader_error(root, "started_at", err, "is not an RFC 3339 time");
}

static bool read_event(const struct reader *root, struct worker_event *event, struct err *err)
{
    return require(root, "event", err) && require(root, "worker", err) &&
           read_kind(root, &event->kind, err) && reader_id(root, "worker", event->worker, err) &&
           read_short_text(root, "host", event->host, sizeof(event->host), err) &&
           reader_integer(root, "pid", 0, INT32_MAX, NULL, &event->pid, err) &&
           read_short_text(root, "version", event->version, sizeof(event->version), err) &&
           reader_integer(root, "slots", 0, INT32_MAX, NULL, &event->slots, err) &&
           reader_integer(root, "busy", 0, INT32_MAX, NULL, &event->busy, err) &&
           reader_bool(root, "consuming", &event->consuming, err) && read_runtimes(root, event, err) &&
           reader_integer(root, "tasks_done", 0, INT64_MAX, NULL, &event->tasks_done, err) &&
           reader_integer(root, "tasks_error", 0, INT64_MAX, NULL, &event->tasks_error, err) &&
           read_started_at(root, event, err) &&
           reader_integer(root, "heartbeat_s", 0, 86400, NULL, &event->heartbeat_s, err);
}

bool worker_event_parse(const char *body, size_t size, struct worker_event *event, struct err *err)
{
    struct reader reader;
    *event = (struct worker_event){.kind = WORKER_HELLO};
    json_t *root = reader_load(body, size, err);
    if (root == NULL)
        return false;
    reader_start(&reader, root);
    bool ok = read_event(&reader, event, err);
    json_decref(root);
    return ok;
}
