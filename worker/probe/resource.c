/* The limits of a task: each mode takes more than it may. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "worker/probe/probe.h"

#define MIB              ((size_t)1 << 20)
#define KILLED_WITHIN_MS 2000

static void open_files(const struct target *target)
{
    long opened = 0;

    while (opened < 4 * target->open_files && dup(0) >= 0)
        opened++;
    if (opened < target->open_files)
        tell_held("open_files", errno);
    else
        tell_broken("open_files", "%ld descriptors where %ld are allowed", opened, target->open_files);
}

/* Writes until it is refused or `most` MiB are there; the MiB written. */
static long fill(const char *path, long most, int *error)
{
    static char block[MIB];
    long written = 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    *error = fd < 0 ? errno : 0;
    memset(block, 'x', sizeof(block));
    while (fd >= 0 && *error == 0 && written < most) {
        ssize_t size = write(fd, block, sizeof(block));
        if (size == (ssize_t)sizeof(block))
            written++;
        else if (size < 0)
            *error = errno; /* a short write is followed by a refused one */
    }
    if (fd >= 0)
        (void)close(fd);
    return written;
}

static void file_size(const struct target *target)
{
    int error;

    (void)signal(SIGXFSZ, SIG_IGN);
    long written = fill("/work/large", 2 * target->file_mb, &error);
    if (written <= target->file_mb && error != 0)
        tell_held("file_size", error);
    else
        tell_broken("file_size", "a file of %ld MiB where %ld are allowed", written, target->file_mb);
    (void)unlink("/work/large");
}

/* All three writable places are under one limit. */
static void disk(const struct target *target)
{
    static const char *const folders[] = {"/work", "/tmp", "/dev/shm"};
    char path[64];
    long written = 0;
    int error = 0;

    (void)signal(SIGXFSZ, SIG_IGN);
    for (int i = 0; i < 3 * (target->disk_mb / target->file_mb + 1); i++) {
        (void)snprintf(path, sizeof(path), "%s/fill-%d", folders[i % 3], i);
        written += fill(path, target->file_mb, &error);
    }
    if (written <= target->disk_mb && error != 0)
        tell_held("disk", error);
    else
        tell_broken("disk", "%ld MiB of files where %ld are allowed", written, target->disk_mb);
    for (int i = 0; i < 3 * (target->disk_mb / target->file_mb + 1); i++) {
        (void)snprintf(path, sizeof(path), "%s/fill-%d", folders[i % 3], i);
        (void)unlink(path);
    }
}

void probe_limits(const struct target *target)
{
    in_child("open_files", open_files, target);
    in_child("file_size", file_size, target);
    in_child("disk", disk, target);
}

void probe_processes(const struct target *target)
{
    long forked = 0;
    pid_t pid = 1;

    while (forked < 4 * target->processes && (pid = fork()) > 0)
        forked++;
    if (pid == 0) {
        (void)pause();
        _exit(0);
    }
    if (pid < 0 && forked < target->processes)
        tell_held("processes", errno);
    else
        tell_broken("processes", "%ld forks where %ld processes are allowed", forked, target->processes);
    /* The task's init kills what was forked. */
}

void probe_cpu(const struct target *target)
{
    struct timespec used;

    (void)target;
    do
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    while (used.tv_sec < 2);
    tell_broken("cpu_time", "2 s of CPU time were used");
}

/* Touches every page. */
static int take_memory(size_t bytes)
{
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return errno;
    for (size_t at = 0; at < bytes; at += 4096)
        ((volatile char *)memory)[at] = 1;
    return 0;
}

void probe_memory(const struct target *target)
{
    const struct timespec within = {.tv_sec = KILLED_WITHIN_MS / 1000};
    int error = take_memory(2 * (size_t)target->memory_mb * MIB);

    if (error != 0) {
        tell_held("memory", error);
        return;
    }
    /* Where no control group limits a task its memory is looked at from time to time (MEMORY_WATCH_MS), on a
     * busy machine somewhat late. */
    (void)nanosleep(&within, NULL);
    tell_broken("memory", "%ld MiB where %ld are allowed", 2 * target->memory_mb, target->memory_mb);
}

/* Whether a child ends within a moment, for the same reason. */
static bool one_is_killed(void)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    int status = 0;

    for (int i = 0; i < KILLED_WITHIN_MS / 10; i++) {
        if (waitpid(-1, &status, WNOHANG) > 0)
            return true;
        (void)nanosleep(&pause, NULL);
    }
    return false;
}

/* Three processes, each within the limit and all together twice beyond it. */
void probe_task_memory(const struct target *target)
{
    size_t share = (size_t)target->memory_mb * MIB * 2 / 3;
    int stopped = 0;

    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            int error = take_memory(share);
            if (error == 0)
                (void)raise(SIGSTOP); /* keeps it until the step ends */
            _exit(error == 0 ? 0 : 1);
        }
        if (pid < 0) {
            tell_broken("task_memory", "could not be tried: fork: %s", strerrorname_np(errno));
            return;
        }
    }
    for (int i = 0; i < 3; i++) {
        int status = 0;
        (void)waitpid(-1, &status, WUNTRACED);
        stopped += WIFSTOPPED(status);
    }
    if (stopped < 3 || one_is_killed())
        tell_held_by("task_memory", "SIGKILL");
    else
        tell_broken("task_memory", "three processes hold %ld MiB where %ld are allowed",
                    2 * target->memory_mb, target->memory_mb);
}
