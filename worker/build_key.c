#include "worker/build_key.h"

#include <inttypes.h>
#include <string.h>

#include "common/mem.h"

/* Not a wall: a text can be put together so that it shows none of them. What that gains is a copy of what an
 * equal task of the same job made, with that moment's time or random numbers in it (docs/runtimes.md). */
static const char *const fleeting[] = {"__TIME__", "__DATE__", "__TIMESTAMP__", "incbin", "/proc", "/dev/"};

static bool is_fleeting(const struct sandbox_file *file)
{
    for (size_t i = 0; i < ARRAY_SIZE(fleeting); i++)
        if (file->size > 0 && memmem(file->data, file->size, fleeting[i], strlen(fleeting[i])) != NULL)
            return true;
    return false;
}

/* With its end, so that no two lists of words give one text. */
static void add(struct buf *text, const char *word)
{
    buf_append(text, word, strlen(word) + 1);
}

static void add_all(struct buf *text, char *const *words)
{
    for (; words != NULL && *words != NULL; words++)
        add(text, *words);
    add(text, "");
}

static void add_limits(struct buf *text, const struct limits *limits)
{
    buf_printf(text, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, limits->memory_bytes, limits->disk_bytes,
               limits->processes, limits->compile_wall_ms);
    add(text, "");
}

/* Which files are the suite's: a command may be told. */
static void add_test_files(struct buf *text, const struct task *task)
{
    for (size_t i = 0; i < task->file_count; i++)
        if (task->files[i].trusted)
            add(text, task->files[i].path);
    add(text, "");
}

/* Looking at each byte of more than this would keep the other slots waiting. */
#define FILES_BYTES_MAX ((size_t)1 << 20)

static bool add_files(struct buf *text, const struct sandbox_file *files, size_t count)
{
    unsigned char digest[DIGEST_SIZE];
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += files[i].size;
    if (bytes > FILES_BYTES_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (is_fleeting(&files[i]))
            return false;
        digest_sha256(files[i].data, files[i].size, digest);
        add(text, files[i].path);
        buf_append(text, digest, sizeof(digest));
    }
    return true;
}

bool build_key_make(const struct task *task, const struct plan_step *steps, size_t step_count,
                    const struct sandbox_file *files, size_t file_count, const struct buf *compiler,
                    struct build_key *key)
{
    const struct runtime *runtime = task->runtime;
    autobuf struct buf text = BUF_INIT;
    bool reads_task = false;
    add(&text, runtime->name);
    add(&text, runtime->program_file);
    add(&text, runtime->suite_file != NULL ? runtime->suite_file : "");
    add_all(&text, runtime->environment);
    for (size_t i = 0; i < step_count; i++) {
        add_all(&text, steps[i].compile->command.argv);
        reads_task |= steps[i].compile->reads_task;
    }
    add_all(&text, steps[step_count - 1].compile->outputs);
    buf_append(&text, compiler->data, compiler->size);
    if (reads_task) {
        add(&text, task->job_id);
        add_limits(&text, &task->limits);
        add_test_files(&text, task);
        if (strcmp(task->job_id, BUILD_SELF_TEST_JOB) == 0 || !add_files(&text, files, file_count))
            return false;
    }
    if (text.failed || compiler->failed)
        return false;
    digest_sha256(text.data, text.size, key->digest);
    return true;
}
