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

/* The ids are set, the body is made (NULL: no memory). */
static bool check(struct outgoing *outgoing, struct err *err)
{
    if (outgoing->body == NULL)
        return err_set(err, ERR_NO_MEMORY, "no memory for a task");
    if (outgoing->body_size <= MESSAGE_SIZE_MAX)
        return true;
    outgoing_free(outgoing);
    return err_set(err, ERR_INPUT, "the task takes %zu bytes as a message, more than %zu; make it smaller",
                   outgoing->body_size, MESSAGE_SIZE_MAX);
}

static bool name(struct outgoing *outgoing, const char *task_id, const char *job_id, const char *routing_key,
                 struct err *err)
{
    memset(outgoing, 0, sizeof *outgoing);
    size_t size = strlen(routing_key);
    if (size >= sizeof outgoing->routing_key)
        return err_set(err, ERR_INPUT, "the runtime's name is longer than a routing key can be");
    memcpy(outgoing->routing_key, routing_key, size + 1);
    (void)snprintf(outgoing->task_id, sizeof outgoing->task_id, "%s", task_id);
    (void)snprintf(outgoing->job_id, sizeof outgoing->job_id, "%s", job_id);
    return true;
}

static bool name_by_task(struct outgoing *outgoing, const struct task *task, struct err *err)
{
    autobuf struct buf key = BUF_INIT;
    task_routing_key(task, &key);
    return name(outgoing, task->task_id, task->job_id, buf_text(&key), err);
}

bool outgoing_from_task(struct outgoing *outgoing, const struct task *task, struct err *err)
{
    if (!name_by_task(outgoing, task, err))
        return false;
    outgoing->body = task_to_json(task, &outgoing->body_size);
    return check(outgoing, err);
}

bool outgoing_from_line(struct outgoing *outgoing, const struct task *task, const char *line, size_t size,
                        struct err *err)
{
    if (task->lacks & TASK_LACKS_RUNTIME)
        return outgoing_from_task(outgoing, task, err);
    if (!name_by_task(outgoing, task, err))
        return false;
    outgoing->body =
        task_complete(line, size, task->lacks, task->task_id, task->job_id, &outgoing->body_size);
    return check(outgoing, err);
}

bool outgoing_again(struct outgoing *outgoing, const char *line, size_t size, unsigned lacks,
                    const char *task_id, const char *job_id, const char *routing_key, struct err *err)
{
    if (!name(outgoing, task_id, job_id, routing_key, err))
        return false;
    outgoing->body = task_complete(line, size, lacks, task_id, job_id, &outgoing->body_size);
    return check(outgoing, err);
}
