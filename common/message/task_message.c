/* The producer's side: a judged task as a message. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/message/json_memory.h"
#include "common/message/task_parts.h"

char *task_to_json(const struct task *task, size_t *size)
{
    char *text = NULL;
    json_t *copy = json_copy(task->root);
    if (copy != NULL && json_object_set_new(copy, "task_id", json_string(task->task_id)) == 0 &&
        json_object_set_new(copy, "job_id", json_string(task->job_id)) == 0)
        text = json_memory_text(copy, JSON_COMPACT, size);
    json_decref(copy);
    return text;
}

char *task_complete(const char *body, size_t size, unsigned lacks, const char *task_id, const char *job_id,
                    size_t *message_size)
{
    autobuf struct buf message = BUF_INIT;
    const char *brace = memchr(body, '{', size);
    size_t begin = brace != NULL ? (size_t)(brace - body) + 1 : 0;
    buf_append(&message, body, begin);
    /* Ids hold nothing that JSON escapes; and a field follows, because a task has some. */
    if (lacks & TASK_LACKS_TASK_ID)
        buf_printf(&message, "\"task_id\":\"%s\",", task_id);
    if (lacks & TASK_LACKS_JOB_ID)
        buf_printf(&message, "\"job_id\":\"%s\",", job_id);
    buf_append(&message, body + begin, size - begin);
    return message.failed ? NULL : buf_steal(&message, message_size);
}

void task_content_id(const char *body, size_t size, char out[TEXT_ID_MAX + 1])
{
    char hex[DIGEST_HEX_SIZE];
    digest_sha256_hex(body, size, hex);
    (void)snprintf(out, TEXT_ID_MAX + 1, "sha256-%.32s", hex);
}

void task_routing_key(const struct task *task, struct buf *out)
{
    buf_append_text(out, task->runtime->name);
    if (task->lane != LANE_NORMAL)
        buf_printf(out, ".%s", task_lane_name(task->lane));
}
