#include "producer/judge.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/message/names.h"
#include "producer/detect.h"

bool judge_init(struct judge *judge, const struct runtimes *runtimes, const char *job_id,
                const struct idset *only, struct err *err)
{
    memset(judge, 0, sizeof *judge);
    judge->runtimes = runtimes;
    judge->job_id = job_id;
    judge->only = only;
    judge->seen = idset_new();
    if (judge->seen == NULL)
        return err_set(err, ERR_NO_MEMORY, "no memory for the set of task ids");
    return true;
}

void judge_free(struct judge *judge)
{
    idset_free(judge->seen);
    jobs_free(&judge->jobs);
    task_index_free(&judge->index);
    for (size_t i = 0; i < judge->key_count; i++)
        free(judge->keys[i]);
    memset(judge, 0, sizeof *judge);
}

/* `lacks` is the task's. */
static bool parse(const struct judge *judge, const struct line *line, struct outgoing *out, unsigned *lacks,
                  struct err *err)
{
    if (line->too_long)
        return err_set(err, ERR_INPUT, "the line is longer than %zu bytes; make the task smaller",
                       MESSAGE_SIZE_MAX);
    struct task_rules rules = {.runtimes = judge->runtimes,
                               .resolve_auto = detect_runtime,
                               .content_id = true,
                               .default_job_id = judge->job_id};
    struct task *task = task_parse(line->text, line->size, &rules, NULL, err);
    if (task == NULL)
        return false;
    bool good = true;
    if (judge->job_id != NULL && strcmp(task->job_id, judge->job_id) != 0)
        good = err_set(err, ERR_INPUT, "field 'job_id': '%s' contradicts --job %s; drop one of the two",
                       task->job_id, judge->job_id);
    else
        good = outgoing_from_line(out, task, line->text, line->size, err);
    *lacks = task->lacks;
    task_free(task);
    out->tag = line->number;
    return good;
}

/* `number` is the key's among judge->keys. */
static bool note_key(struct judge *judge, const char *key, size_t *number, struct err *err)
{
    for (*number = 0; *number < judge->key_count; (*number)++) {
        if (strcmp(judge->keys[*number], key) == 0)
            return true;
    }
    char *copy = judge->key_count < JUDGE_KEYS_MAX ? strdup(key) : NULL;
    if (copy == NULL)
        return err_set(err, ERR_NO_MEMORY, "too many runtimes in one publish");
    judge->keys[judge->key_count++] = copy;
    return true;
}

#define MARK_SHIFT 62
#define LINE_MASK  ((UINT64_C(1) << MARK_SHIFT) - 1)

bool judge_mark(struct judge *judge, const char *job_id, const char *task_id, enum judge_mark mark)
{
    uint64_t *value = idset_find(judge->seen, job_id, task_id);
    if (value == NULL)
        return false;
    *value = (*value & LINE_MASK) | (uint64_t)mark << MARK_SHIFT;
    judge->marked = true;
    return true;
}

enum judge_mark judge_mark_of(const struct judge *judge, const char *job_id, const char *task_id)
{
    const uint64_t *value = judge->marked ? idset_find(judge->seen, job_id, task_id) : NULL;
    return value != NULL ? (enum judge_mark)(*value >> MARK_SHIFT) : JUDGE_UNMARKED;
}

static bool note(struct judge *judge, const struct line *line, const struct outgoing *out, unsigned lacks,
                 struct err *err)
{
    size_t key;
    if (!jobs_add_task(&judge->jobs, out->job_id, out->task_id, err) ||
        !note_key(judge, out->routing_key, &key, err))
        return false;
    if (!judge->keep_index)
        return true;
    struct task_record record = {.line = line->number,
                                 .digest = task_index_digest(line->text, line->size),
                                 .job = (uint32_t)judge->jobs.last,
                                 .key = (uint32_t)key,
                                 .lacks = lacks};
    return task_index_add(&judge->index, &record, out->task_id) ||
           err_set(err, ERR_NO_MEMORY, "no memory for the index of the tasks");
}

static bool left_out(const struct judge *judge, const struct outgoing *out)
{
    return judge->only != NULL && idset_find(judge->only, out->job_id, out->task_id) == NULL;
}

enum judged judge_line(struct judge *judge, const struct line *line, struct outgoing *out, struct err *err)
{
    judge->lines = line->number;
    unsigned lacks = 0;
    if (!parse(judge, line, out, &lacks, err))
        return JUDGED_BAD;
    uint64_t *first = NULL;
    enum idset_added added = idset_add(judge->seen, out->job_id, out->task_id, line->number, &first);
    bool good = added == IDSET_ADDED;
    if (added == IDSET_NO_MEMORY)
        err_set(err, ERR_NO_MEMORY, "no memory for the set of task ids");
    else if (!good)
        err_set(err, ERR_INPUT,
                "field 'task_id': '%s' is on line %llu already; ids must be unique within a job, rename one",
                out->task_id, (unsigned long long)*first);
    if (good && left_out(judge, out)) {
        judge->left_out++;
        outgoing_free(out);
        return JUDGED_LEFT_OUT;
    }
    if (!good || !note(judge, line, out, lacks, err)) {
        outgoing_free(out);
        return JUDGED_BAD;
    }
    judge->taken++;
    return JUDGED_TAKEN;
}

enum judged judge_again(struct judge *judge, const struct line *line, struct outgoing *out, struct err *err)
{
    const struct task_record *record = task_index_find(&judge->index, line->number);
    if (record == NULL && judge->only != NULL && line->number <= judge->lines)
        return JUDGED_LEFT_OUT;
    if (record == NULL || record->digest != task_index_digest(line->text, line->size)) {
        err_set(err, ERR_INPUT, "the line was another one a moment ago");
        return JUDGED_BAD;
    }
    unsigned lacks = 0;
    bool good = record->lacks & TASK_LACKS_RUNTIME
                    ? parse(judge, line, out, &lacks, err)
                    : outgoing_again(out, line->text, line->size, record->lacks,
                                     task_index_name(&judge->index, record),
                                     judge->jobs.items[record->job].job_id, judge->keys[record->key], err);
    out->tag = line->number;
    out->known = good && judge_mark_of(judge, out->job_id, out->task_id) != JUDGE_UNMARKED;
    return good ? JUDGED_TAKEN : JUDGED_BAD;
}
