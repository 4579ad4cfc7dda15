/* Nothing of the machine's can be read that is not shown, nothing written outside the workspace. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/probe/probe.h"
#include "worker/probe/worker_process.h"

static void try_reading(const char *name, const char *path)
{
    char content[16];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, content, sizeof(content));

    if (size < 0)
        tell_held(name, errno);
    else
        tell_broken(name, "%s can be read", path);
    if (fd >= 0)
        (void)close(fd);
}

static void try_writing(const char *name, const char *folder)
{
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/assay-probe-%d", folder, (int)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        tell_held(name, errno);
        return;
    }
    tell_broken(name, "a file could be made in %s", folder);
    (void)close(fd);
    (void)unlink(path);
}

static int is_workspace(const char *name)
{
    return strcmp(name, "work") == 0 || strcmp(name, "tmp") == 0;
}

/* Every folder of / but the workspace, and some deeper ones. */
static void write_outside(const struct target *target)
{
    static const char *const deeper[] = {"/assay/harness", "/usr/bin",   "/usr/local",
                                         "/var/tmp",       "/proc/self", "/proc/sys/kernel"};
    char path[300];
    DIR *root = opendir("/");

    (void)target;
    if (root == NULL)
        tell_held("write_outside", errno); /* each folder below is tried all the same */
    for (struct dirent *entry; root != NULL && (entry = readdir(root)) != NULL;) {
        if (strcmp(entry->d_name, "..") == 0 || is_workspace(entry->d_name))
            continue;
        (void)snprintf(path, sizeof(path), "/%s", entry->d_name);
        try_writing("write_outside", path);
    }
    if (root != NULL)
        (void)closedir(root);
    for (size_t i = 0; i < sizeof(deeper) / sizeof(deeper[0]); i++)
        try_writing("write_outside", deeper[i]);
}

static void change_what_is_shown(const struct target *target)
{
    static const char *const files[] = {"/bin/sh", "/usr/bin/env", "/etc/passwd", "/proc/sys/kernel/hostname",
                                        "/proc/sysrq-trigger"};

    (void)target;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        int fd = open(files[i], O_WRONLY | O_CLOEXEC);
        if (fd >= 0)
            tell_broken("change_what_is_shown", "%s can be opened for writing", files[i]);
        else
            tell_held("change_what_is_shown", errno);
    }
}

static void change_root(const struct target *target)
{
    (void)target;
    if (chmod("/", 0777) == 0)
        tell_broken("change_root", "the mode of / could be changed");
    else
        tell_held("change_root", errno);
}

static void worker_file(const struct target *target, const char *name, const char *file)
{
    char path[64], content[16];

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)target->worker, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        tell_held(name, errno);
    else if (!is_the_worker(target))
        tell_held(name, ESRCH); /* a process of the task has this number */
    else if (read(fd, content, sizeof(content)) < 0 && errno != EIO) /* EIO: page 0 of mem is not mapped */
        tell_held(name, errno);
    else
        tell_broken(name, "%s of the worker can be opened", file);
}

static void worker_environ(const struct target *target)
{
    worker_file(target, "worker_environ", "environ");
}

static void worker_mem(const struct target *target)
{
    worker_file(target, "worker_mem", "mem");
}

void probe_filesystem(const struct target *target)
{
    try_reading("read_shadow", "/etc/shadow");
    if (target->config[0] != '\0')
        try_reading("read_config", target->config);
    if (target->canary[0] != '\0')
        try_reading("read_outside", target->canary);
    in_child("worker_environ", worker_environ, target);
    in_child("worker_mem", worker_mem, target);
    in_child("write_outside", write_outside, target);
    in_child("change_what_is_shown", change_what_is_shown, target);
    in_child("change_root", change_root, target);
}
