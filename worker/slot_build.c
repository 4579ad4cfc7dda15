#include "worker/slot_build.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/mem.h"
#include "worker/build_key.h"
#include "worker/sandbox/wire.h"

#define HARNESS "{harness}"

/* Paths of the machine that programs see may hold anything, and change: nothing of them is in a key. */
static bool may_keep(const struct slot *slot)
{
    return slot->options.builds != NULL && slot->read_only_paths[0] == NULL;
}

/* A file that was replaced, or is gone, makes another text. */
static void identify(const struct slot *slot, struct buf *text)
{
    char *const *path = slot->task->runtime->compiler;
    for (; path != NULL && *path != NULL; path++) {
        struct stat status = {.st_size = 0};
        autobuf struct buf place = BUF_INIT;
        bool of_harness = strncmp(*path, HARNESS, strlen(HARNESS)) == 0;
        buf_append_text(&place, of_harness ? slot->options.harness_dir : "");
        buf_append_text(&place, of_harness ? *path + strlen(HARNESS) : *path);
        text->failed |= place.failed;
        int found = stat(buf_text(&place), &status);
        buf_printf(text, "%d %ju %ju %jd %jd.%09ld %jd.%09ld\n", found, (uintmax_t)status.st_dev,
                   (uintmax_t)status.st_ino, (intmax_t)status.st_size, (intmax_t)status.st_mtim.tv_sec,
                   status.st_mtim.tv_nsec, (intmax_t)status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
    }
}

static size_t outputs_of(const struct plan_step *step)
{
    size_t count = 0;
    while (step->kind == STEP_COMPILE && step->compile->outputs != NULL &&
           step->compile->outputs[count] != NULL)
        count++;
    return count;
}

/* The phase's compile steps: from its first one to behind the last. */
static size_t first_of(const struct plan *plan, size_t step)
{
    while (step > 0 && plan->steps[step - 1].phase == plan->steps[step].phase)
        step--;
    return step;
}

static size_t end_of(const struct plan *plan, size_t step)
{
    while (step < plan->count && plan->steps[step].kind == STEP_COMPILE)
        step++;
    return step;
}

/* A file of the task in the place of an output: the compiler would replace it, or fail. */
static bool is_in_the_way(const struct sandbox_file *files, size_t count, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < count; i++)
        if (strncmp(files[i].path, name, length) == 0 &&
            (files[i].path[length] == '\0' || files[i].path[length] == '/'))
            return true;
    return false;
}

static bool append(const struct slot *slot, struct sandbox_file **files, size_t *count,
                   const struct sandbox_file *kept, size_t kept_count)
{
    autobuf struct buf ignored = BUF_INIT;
    for (size_t i = 0; i < kept_count; i++)
        if (is_in_the_way(*files, *count, kept[i].path))
            return false;
    struct sandbox_file *all = realloc(*files, (*count + kept_count) * sizeof(*all));
    if (all == NULL)
        return false;
    *files = all;
    memcpy(all + *count, kept, kept_count * sizeof(*all));
    if (!slot_result_task_fits(slot->task, all, *count + kept_count, &ignored))
        return false;
    *count += kept_count;
    return true;
}

void slot_build_reuse(struct slot *slot, struct sandbox_file **files, size_t *count)
{
    size_t first = slot->next, end = end_of(&slot->plan, first);
    autobuf struct buf compiler = BUF_INIT;
    struct build_key key;
    if (!may_keep(slot) || first == end)
        return;
    identify(slot, &compiler);
    for (size_t i = end; i > first; i--) {
        size_t kept_count = 0;
        if (outputs_of(&slot->plan.steps[i - 1]) == 0 ||
            !build_key_make(slot->task, slot->plan.steps + first, i - first, *files, *count, &compiler, &key))
            continue;
        const struct sandbox_file *kept = build_cache_find(slot->options.builds, &key, &kept_count);
        if (kept == NULL || !append(slot, files, count, kept, kept_count))
            continue;
        slot->next = i;
        slot->result->cached |= i == end;
        return;
    }
}

const char *const *slot_build_outputs(const struct slot *slot)
{
    const struct plan_step *step = &slot->plan.steps[slot->next];
    return may_keep(slot) && outputs_of(step) > 0 ? (const char *const *)step->compile->outputs : NULL;
}

void slot_build_keep(struct slot *slot, int blob)
{
    const struct plan_step *step = &slot->plan.steps[slot->next];
    size_t first = first_of(&slot->plan, slot->next), wanted = outputs_of(step), count = 0, file_count;
    struct sandbox_file made[RUNTIME_OUTPUTS_MAX];
    struct wire_view view;
    struct wire_file file;
    autobuf struct buf compiler = BUF_INIT;
    struct build_key key;
    autofree struct sandbox_file *files = plan_files(&slot->plan, step->phase, &file_count);
    identify(slot, &compiler);
    if (!may_keep(slot) || files == NULL ||
        !build_key_make(slot->task, slot->plan.steps + first, slot->next + 1 - first, files, file_count,
                        &compiler, &key) ||
        !wire_view_open(&view, blob, NULL))
        return;
    for (; count < wanted && wire_view_file(&view, &file) &&
           strcmp(file.path, step->compile->outputs[count]) == 0;
         count++)
        made[count] = (struct sandbox_file){
            .path = file.path, .executable = file.executable, .data = file.data, .size = file.size};
    if (count == wanted)
        build_cache_put(slot->options.builds, &key, made, count);
    wire_view_close(&view);
}
