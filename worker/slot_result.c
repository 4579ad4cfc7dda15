#include "worker/slot_result.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define PAGE_BYTES 4096

static bool copy_mechanisms(struct result *result, const char *const *mechanisms)
{
    size_t count = 0;
    while (mechanisms[count] != NULL)
        count++;
    result->sandbox = calloc(count + 1, sizeof(*result->sandbox));
    if (result->sandbox == NULL)
        return false;
    for (; result->sandbox_count < count; result->sandbox_count++) {
        char *name = strdup(mechanisms[result->sandbox_count]);
        if (name == NULL)
            return false;
        result->sandbox[result->sandbox_count] = name;
    }
    return true;
}

struct result *slot_result_new(const struct task *task, const char *const *mechanisms)
{
    struct result *result = result_new();
    if (result == NULL)
        return NULL;
    memcpy(result->task_id, task->task_id, sizeof(result->task_id));
    memcpy(result->job_id, task->job_id, sizeof(result->job_id));
    result->runtime = strdup(task->runtime->name);
    result->has_reconstruction_id = task->has_reconstruction_id;
    result->reconstruction_id = task->reconstruction_id;
    bool fine = result->runtime != NULL && copy_mechanisms(result, mechanisms);
    for (size_t i = 0; i < task->label_count && fine; i++)
        fine = result_set_label(result, task->labels[i].name, task->labels[i].value);
    if (fine)
        return result;
    result_free(result);
    return NULL;
}

void slot_result_mark(struct result *result, const char *mark)
{
    for (size_t i = 0; i < result->sandbox_count; i++)
        if (strcmp(result->sandbox[i], mark) == 0)
            return;
    char **names = realloc(result->sandbox, (result->sandbox_count + 1) * sizeof(*names));
    if (names == NULL)
        return;
    result->sandbox = names;
    names[result->sandbox_count] = strdup(mark);
    if (names[result->sandbox_count] != NULL)
        result->sandbox_count++;
}

void slot_result_add_usage(struct result *result, struct slot_usage *usage, enum step_kind kind,
                           const struct sandbox_event *event)
{
    int64_t peak_kb = event->peak_memory_bytes / 1024;
    if (kind == STEP_COMPILE) {
        usage->compile_us += event->wall_us;
    } else {
        usage->run_us += event->wall_us;
        usage->cpu_us += event->cpu_us;
        if (peak_kb > result->peak_memory_kb)
            result->peak_memory_kb = peak_kb;
    }
    result->compile_ms = usage->compile_us / 1000;
    result->run_ms = usage->run_us / 1000;
    result->cpu_ms = usage->cpu_us / 1000;
}

static void set_text(char **text, bool *truncated, struct capture *capture)
{
    autobuf struct buf clean = BUF_INIT;
    *truncated = capture_text(capture, &clean);
    free(*text);
    *text = clean.size > 0 ? buf_steal(&clean, NULL) : NULL;
}

void slot_result_set_output(struct result *result, struct slot_step *step, const struct sandbox_event *event)
{
    set_text(&result->out, &result->out_truncated, &step->out);
    set_text(&result->err, &result->err_truncated, &step->err);
    result->has_exit_code = event->exited;
    result->exit_code = event->exited ? event->exit_code : 0;
    result->signal_number = event->exited ? 0 : event->signal_number;
}

bool slot_result_task_fits(const struct task *task, const struct sandbox_file *files, size_t count,
                           struct buf *text)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += (int64_t)((files[i].size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES);
    const struct limits *limits = &task->limits;
    bool over_disk = bytes > limits->disk_bytes;
    if (!over_disk && bytes < limits->memory_bytes)
        return true;
    buf_printf(text, "the task's files need %lld KB, more than limits.%s allows (%lld KB)",
               (long long)(bytes / 1024), over_disk ? "disk_mb" : "memory_mb",
               (long long)((over_disk ? limits->disk_bytes : limits->memory_bytes) / 1024));
    return false;
}
