#include "common/message/task_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"

#define PAGE_SIZE_BYTES 4096 /* what a file takes at least of the workspace, a tmpfs */

/* {"base64": "..."} */
static bool read_base64(const struct reader *files, const char *name, const json_t *value, struct task *task,
                        struct blob *content, struct err *err)
{
    static const char *const fields[] = {"base64", NULL};
    struct reader reader;
    struct blob text = {NULL, 0};
    if (!reader_enter(&reader, files, name, value, err) || !reader_check_fields(&reader, fields, err) ||
        !reader_text(&reader, "base64", &text, err))
        return false;
    if (text.data == NULL)
        return reader_error(files, name, err, "must be text or {\"base64\": \"...\"}, is an empty object");
    unsigned char *decoded = NULL;
    size_t size = 0;
    if (!base64_decode(text.data, text.size, &decoded, &size))
        return reader_error(files, name, err,
                            "is not base64 (RFC 4648: A-Z a-z 0-9 + /, padded with =, no white space)");
    char *kept = task_allocate(task, size + 1, 1, err);
    if (kept != NULL && size > 0)
        memcpy(kept, decoded, size);
    free(decoded);
    content->data = kept;
    content->size = size;
    return kept != NULL;
}

static bool read_file(const struct reader *files, const char *path, const json_t *value, struct task *task,
                      struct task_file *file, struct err *err)
{
    char name[READER_QUOTE_SIZE + 4], quoted[READER_QUOTE_SIZE];
    (void)snprintf(name, sizeof(name), "'%s'", reader_quote(path, strlen(path), quoted));
    const char *problem = text_path_problem(path, strlen(path));
    if (problem != NULL)
        return reader_error(files, name, err, "%s; a path must be relative and stay inside the workspace",
                            problem);
    file->path = path;
    if (json_is_object(value))
        return read_base64(files, name, value, task, &file->content, err);
    if (!json_is_string(value))
        return reader_error(files, name, err, "must be text or {\"base64\": \"...\"}, is %s",
                            reader_type_name(value));
    return reader_text_value(files, name, value, &file->content, err);
}

/* The files of one field; of `files` only those that `winners` (test_files, may be NULL) does not have. */
static bool read_group(const struct reader *root, const char *field, const json_t *group,
                       const json_t *winners, struct task *task, struct err *err)
{
    struct reader reader;
    const char *path;
    json_t *value;
    if (group == NULL)
        return true;
    if (!reader_enter(&reader, root, field, group, err))
        return false;
    (void)snprintf(reader.where, sizeof(reader.where), "%s: ", field);
    json_object_foreach((json_t *)group, path, value)
    {
        struct task_file *file = &task->files[task->file_count];
        *file = (struct task_file){.trusted = strcmp(field, "test_files") == 0};
        if (!read_file(&reader, path, value, task, file, err))
            return false;
        if (winners == NULL || json_object_get(winners, path) == NULL)
            task->file_count++;
    }
    return true;
}

/* --- collisions --------------------------------------------------------------------------------------- */

/* Byte order with '/' before everything else: what lies in the folder "a" comes right behind the file "a". */
static int compare_paths(const void *a, const void *b)
{
    const unsigned char *x = *(const unsigned char *const *)a, *y = *(const unsigned char *const *)b;
    while (*x != '\0' && *x == *y) {
        x++;
        y++;
    }
    int left = *x == '/' ? 1 : *x + (*x != '\0');
    int right = *y == '/' ? 1 : *y + (*y != '\0');
    return left - right;
}

static bool check_neighbours(const char *const *paths, size_t count, struct err *err)
{
    for (size_t i = 1; i < count; i++) {
        size_t size = strlen(paths[i - 1]);
        char quoted[READER_QUOTE_SIZE], other[READER_QUOTE_SIZE];
        if (strncmp(paths[i - 1], paths[i], size) != 0 || paths[i][size] != '/')
            continue;
        return err_set(err, ERR_INPUT, "files: '%s' is a file, and '%s' needs a folder of that name",
                       reader_quote(paths[i - 1], size, quoted),
                       reader_quote(paths[i], strlen(paths[i]), other));
    }
    return true;
}

/* The program's and the suite's text go into files of the runtime's names; nothing else may be there. */
static bool check_reserved(const struct task *task, struct err *err)
{
    const struct runtime *runtime = task->runtime;
    bool has_program = task->implementation_code.data != NULL;
    for (size_t i = 0; i < task->file_count; i++) {
        const struct task_file *file = &task->files[i];
        const char *field = file->trusted ? "test_files" : "files";
        if (strcmp(file->path, runtime->program_file) == 0) {
            if (has_program)
                return err_set(err, ERR_INPUT,
                               "%s: '%s' collides with implementation_code, which is written there", field,
                               file->path);
            if (file->trusted)
                return err_set(err, ERR_INPUT,
                               "test_files: '%s' is the program's file; give it as implementation_code or "
                               "in files",
                               file->path);
            has_program = true;
        }
        if (task->test_suite_code.data != NULL && strcmp(file->path, runtime->suite_file) == 0)
            return err_set(err, ERR_INPUT, "%s: '%s' collides with test_suite_code, which is written there",
                           field, file->path);
    }
    return has_program ||
           err_set(err, ERR_INPUT,
                   "there is no program: give implementation_code, or files with '%s' (runtime %s)",
                   runtime->program_file, runtime->name);
}

static bool check_folders(struct task *task, struct err *err)
{
    const char **paths = calloc(task->file_count + 2, sizeof(*paths));
    size_t count = 0;
    if (paths == NULL)
        return err_set(err, ERR_NO_MEMORY, "not enough memory for the files of a task");
    for (; count < task->file_count; count++)
        paths[count] = task->files[count].path;
    if (task->implementation_code.data != NULL)
        paths[count++] = task->runtime->program_file;
    if (task->test_suite_code.data != NULL)
        paths[count++] = task->runtime->suite_file;
    qsort(paths, count, sizeof(*paths), compare_paths);
    bool ok = check_neighbours(paths, count, err);
    free(paths);
    return ok;
}

static int64_t disk_use(size_t size)
{
    size_t pages = size / PAGE_SIZE_BYTES + 1;
    return (int64_t)(pages * PAGE_SIZE_BYTES);
}

/* A task that cannot be laid out is the publisher's mistake; without this it would look like ours. */
static bool check_size(const struct task *task, struct err *err)
{
    int64_t total = disk_use(task->implementation_code.size) + disk_use(task->test_suite_code.size);
    for (size_t i = 0; i < task->file_count; i++)
        total += disk_use(task->files[i].content.size);
    if (total <= task->limits.disk_bytes)
        return true;
    return err_set(err, ERR_INPUT,
                   "the task's files take %lld KiB of the workspace, more than limits.disk_mb %lld; ask for "
                   "more or send less",
                   (long long)(total >> 10), (long long)(task->limits.disk_bytes >> 20));
}

bool task_read_files(const struct reader *root, struct task *task, struct err *err)
{
    const json_t *files = NULL, *test_files = NULL;
    if (!reader_object(root, "files", TASK_FILES_MAX, &files, err) ||
        !reader_object(root, "test_files", TASK_FILES_MAX, &test_files, err))
        return false;
    size_t count = (files != NULL ? json_object_size(files) : 0) +
                   (test_files != NULL ? json_object_size(test_files) : 0);
    if (count > TASK_FILES_MAX)
        return err_set(err, ERR_INPUT,
                       "files and test_files hold %zu entries together, at most %d are allowed", count,
                       TASK_FILES_MAX);
    task->files = task_allocate(task, count + 1, sizeof(*task->files), err);
    return task->files != NULL && read_group(root, "files", files, test_files, task, err) &&
           read_group(root, "test_files", test_files, NULL, task, err) && check_reserved(task, err) &&
           check_folders(task, err) && check_size(task, err);
}
