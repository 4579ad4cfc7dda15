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
    for (size_t i = 0; i < judge->key_count; i++)
        free(judge->keys[i]);
    memset(judge, 0, sizeof *judge);
}

static bool parse(const struct judge *judge, const struct line *line, struct outgoing *out, struct err *err)
{
    if (line->too_long)
        return err_set(err, ERR_INPUT, "the line is longer than %zu bytes; make the task smaller",
                       MESSAGE_SIZE_MAX);
    char content_id[TEXT_ID_MAX + 1];
    task_content_id(line->text, line->size, content_id);
    struct task_rules rules = {.runtimes = judge->runtimes,
                               .resolve_auto = detect_runtime,
                               .message_id = content_id,
                               .default_job_id = judge->job_id};
    struct task *task = task_parse(line->text, line->size, &rules, NULL, err);
    if (task == NULL)
        return false;
    bool good = true;
    if (judge->job_id != NULL && strcmp(task->job_id, judge->job_id) != 0)
        good = err_set(err, ERR_INPUT, "field 'job_id': '%s' contradicts --job %s; drop one of the two",
                       task->job_id, judge->job_id);
    else
        good = outgoing_from_task(out, task, err);
    task_free(task);
    out->tag = line->number;
    return good;
}

static bool note_key(struct judge *judge, const char *key, struct err *err)
{
    for (size_t i = 0; i < judge->key_count; i++) {
        if (strcmp(judge->keys[i], key) == 0)
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
    return true;
}

enum judge_mark judge_mark_of(const struct judge *judge, const char *job_id, const char *task_id)
{
    const uint64_t *value = idset_find(judge->seen, job_id, task_id);
    return value != NULL ? (enum judge_mark)(*value >> MARK_SHIFT) : JUDGE_UNMARKED;
}

static bool left_out(const struct judge *judge, const struct outgoing *out)
{
    return judge->only != NULL && idset_find(judge->only, out->job_id, out->task_id) == NULL;
}

enum judged judge_line(struct judge *judge, const struct line *line, struct outgoing *out, struct err *err)
{
    if (!parse(judge, line, out, err))
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
    good = good && jobs_add_task(&judge->jobs, out->job_id, out->task_id, err) &&
           note_key(judge, out->routing_key, err);
    if (!good) {
        outgoing_free(out);
        return JUDGED_BAD;
    }
    judge->taken++;
    return JUDGED_TAKEN;
}

enum judged judge_again(const struct judge *judge, const struct line *line, struct outgoing *out,
                        struct err *err)
{
    if (!parse(judge, line, out, err))
        return JUDGED_BAD;
    const uint64_t *value = idset_find(judge->seen, out->job_id, out->task_id);
    if (value == NULL || (*value & LINE_MASK) != line->number) {
        err_set(err, ERR_INPUT, "the line was another one a moment ago");
        outgoing_free(out);
        return JUDGED_BAD;
    }
    out->known = *value >> MARK_SHIFT != JUDGE_UNMARKED;
    if (!left_out(judge, out))
        return JUDGED_TAKEN;
    outgoing_free(out);
    return JUDGED_LEFT_OUT;
}
