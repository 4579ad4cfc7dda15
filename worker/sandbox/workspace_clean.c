#include "worker/sandbox/workspace_clean.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "worker/sandbox/workspace.h"

#define KILL_WITHIN_MS 10000
#define KILL_WAIT_NS   1000000
#define NAME_SIZE      64

/* --- processes --- */

/* proc_pid_status(5): "Uid:\treal\teffective\t..." */
static bool is_of_uid(int proc, const char *pid, uid_t uid)
{
    char path[NAME_SIZE], text[2048];

    (void)snprintf(path, sizeof(path), "%.20s/status", pid);
    autofd int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (size <= 0)
        return false; /* it is gone */
    text[size] = '\0';
    const char *line = strstr(text, "\nUid:");
    return line != NULL && strtoul(line + strlen("\nUid:"), NULL, 10) == uid;
}

/* Is there a process of this uid besides the caller? Zombies count. */
static bool has_processes(uid_t uid, bool *answer, struct err *err)
{
    DIR *stream = opendir("/proc");

    *answer = false;
    if (stream == NULL)
        return err_set_errno(err, ERR_INFRA, "own_uid: list /proc");
    for (struct dirent *entry = readdir(stream); entry != NULL && !*answer; entry = readdir(stream))
        *answer = isdigit((unsigned char)entry->d_name[0]) && atol(entry->d_name) != (long)getpid() &&
                  is_of_uid(dirfd(stream), entry->d_name, uid);
    (void)closedir(stream);
    return true;
}

static bool kill_processes(uid_t uid, struct err *err)
{
    const struct timespec moment = {0, KILL_WAIT_NS};
    int64_t deadline_ms = clock_ms() + KILL_WITHIN_MS;
    bool any;

    for (;;) {
        (void)kill(-1, SIGKILL);
        if (!has_processes(uid, &any, err))
            return false;
        if (!any)
            return true;
        if (clock_ms() >= deadline_ms)
            return err_set(err, ERR_INFRA, "own_uid: processes of uid %u do not die", (unsigned)uid);
        (void)nanosleep(&moment, NULL);
    }
}

/* --- files --- */

/* Folders inside `folder` move up beside it, so that no depth can exhaust names or descriptors; everything
 * else in it goes. */
static bool empty_folder(int top, int folder, unsigned long *moved)
{
    int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
    char name[NAME_SIZE];
    bool fine = true;

    if (stream == NULL) {
        close_fd(&copy);
        return false;
    }
    for (struct dirent *entry = readdir(stream); entry != NULL && fine; entry = readdir(stream)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(folder, entry->d_name, 0) == 0)
            continue;
        if (unlinkat(folder, entry->d_name, AT_REMOVEDIR) == 0)
            continue;
        /* A folder that is not empty: its owner may move it only where it may write it. */
        (void)fchmodat(folder, entry->d_name, 0700, 0);
        do
            (void)snprintf(name, sizeof(name), ".assay-clean-%lu", (*moved)++);
        while (renameat2(folder, entry->d_name, top, name, RENAME_NOREPLACE) != 0 && errno == EEXIST);
        fine = faccessat(folder, entry->d_name, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
    }
    (void)closedir(stream);
    return fine;
}

static bool remove_entry(int top, const char *name, unsigned long *moved)
{
    if (unlinkat(top, name, 0) == 0 || unlinkat(top, name, AT_REMOVEDIR) == 0)
        return true;
    if (fchmodat(top, name, 0700, 0) != 0)
        return false;
    autofd int folder = openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return folder >= 0 && empty_folder(top, folder, moved) && unlinkat(top, name, AT_REMOVEDIR) == 0;
}

/* One pass over a place: *found tells whether something of the uid was there. */
static bool remove_entries(const char *place, uid_t uid, bool *found, unsigned long *moved, struct err *err)
{
    DIR *stream = opendir(place);
    bool fine = true;

    *found = false;
    if (stream == NULL)
        return err_set_errno(err, ERR_INFRA, "tmpfs: list %s", place);
    for (struct dirent *entry = readdir(stream); entry != NULL && fine; entry = readdir(stream)) {
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(dirfd(stream), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 || status.st_uid != uid)
            continue;
        *found = true;
        fine = remove_entry(dirfd(stream), entry->d_name, moved);
        if (!fine)
            err_set_errno(err, ERR_INFRA, "tmpfs: remove what a task left in %s", place);
    }
    (void)closedir(stream);
    return fine;
}

bool workspace_clean(uid_t uid, struct err *err)
{
    unsigned long moved = 0;
    bool found;

    if (uid == 0 || getuid() != uid || geteuid() != uid)
        return err_set(err, ERR_INTERNAL, "clean the workspace: only as the slot's own uid");
    if (!kill_processes(uid, err))
        return false;
    for (size_t i = 0; workspace_places[i] != NULL; i++) {
        do
            if (!remove_entries(workspace_places[i], uid, &found, &moved, err))
                return false;
        while (found);
    }
    return true;
}
