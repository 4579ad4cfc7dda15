#include "worker/sandbox/memory_watch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/sandbox/servers.h"

static int64_t number_of(const char *text, const char *key)
{
    size_t size = strlen(key);

    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, size) == 0 && line[size] == ' ')
            return strtoll(line + size, NULL, 10);
    }
    return 0;
}

/* Without the servers'. "rss" is v1's word, "anon" v2's; tmpfs and shared memory are "shmem" in both. */
static int64_t used_bytes(const struct memory_watch *watch)
{
    char text[8192];

    ssize_t size = watch->stat >= 0 ? pread(watch->stat, text, sizeof(text) - 1, 0) : -1;
    if (size <= 0)
        return 0;
    text[size] = '\0';
    return number_of(text, "rss") + number_of(text, "anon") + number_of(text, "shmem") -
           servers_memory(watch->servers);
}

void memory_watch_begin(struct memory_watch *watch, int64_t maximum_bytes, int64_t worker_bytes)
{
    watch->start_bytes = used_bytes(watch);
    watch->worker_bytes = worker_bytes;
    watch->maximum_bytes = maximum_bytes;
    watch->peak_bytes = 0;
    watch->exceeded = false;
}

void memory_watch_files(struct memory_watch *watch, int64_t worker_bytes)
{
    if (worker_bytes > 0 && watch->worker_bytes > 0)
        watch->start_bytes += worker_bytes - watch->worker_bytes;
    watch->worker_bytes = worker_bytes;
}

void memory_watch_ready(struct memory_watch *watch)
{
    int64_t more = used_bytes(watch) - watch->start_bytes;

    if (watch->inits_bytes == 0)
        watch->inits_bytes = more > 0 ? more : 1;
}

bool memory_watch_look(struct memory_watch *watch)
{
    int64_t task_bytes = used_bytes(watch) - watch->start_bytes - watch->inits_bytes;

    if (task_bytes > watch->peak_bytes)
        watch->peak_bytes = task_bytes;
    if (watch->maximum_bytes > 0 && task_bytes > watch->maximum_bytes)
        watch->exceeded = true;
    return watch->exceeded;
}
