#include "producer/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "common/message/names.h"

void outgoing_free(struct outgoing *outgoing)
{
    free(outgoing->body);
    outgoing->body = NULL;
}

bool outgoing_from_task(struct outgoing *outgoing, const struct task *task, struct err *err)
{
    autobuf struct buf key = BUF_INIT;
    memset(outgoing, 0, sizeof *outgoing);
    task_routing_key(task, &key);
    outgoing->body = task_to_json(task, &outgoing->body_size);
    if (key.failed || outgoing->body == NULL)
        return err_set(err, ERR_NO_MEMORY, "no memory for a task");
    if (outgoing->body_size > MESSAGE_SIZE_MAX || key.size >= sizeof outgoing->routing_key) {
        outgoing_free(outgoing);
        return err_set(err, ERR_INPUT,
                       "the task takes %zu bytes as a message, more than %zu; make it smaller",
                       outgoing->body_size, MESSAGE_SIZE_MAX);
    }
    memcpy(outgoing->routing_key, buf_text(&key), key.size + 1);
    (void)snprintf(outgoing->task_id, sizeof outgoing->task_id, "%s", task->task_id);
    (void)snprintf(outgoing->job_id, sizeof outgoing->job_id, "%s", task->job_id);
    return true;
}
