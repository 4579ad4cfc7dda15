#include "worker/sandbox/slot_container.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/privileges.h"
#include "worker/sandbox/root_fs.h"
#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/workspace_clean.h"

/* Without Landlock's scopes a hostile process may kill the cleaner before that kills it. */
#define CLEAN_TRIES 100

bool slot_container_set_up(const char *harness_dir, const char *const *read_only_paths, struct err *err)
{
    struct stat given, shown;

    if (stat(harness_dir, &given) != 0)
        return err_set_errno(err, ERR_CONFIG, "harness folder %s", harness_dir);
    if (stat(SANDBOX_HARNESS_DIR, &shown) != 0 || given.st_dev != shown.st_dev ||
        given.st_ino != shown.st_ino)
        return err_set(err, ERR_CONFIG,
                       "the image must show the harness folder %s as %s (a symbolic link is enough)",
                       harness_dir, SANDBOX_HARNESS_DIR);
    for (size_t i = 0; read_only_paths[i] != NULL; i++)
        if (!root_fs_check_shown(read_only_paths[i], err))
            return false;
    /* The worker's death closes the socket; to die by a signal would leave the clean-up undone. */
    if (prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "PR_SET_CHILD_SUBREAPER");
    return true;
}

pid_t slot_container_fork(int *pidfd)
{
    pid_t pid = fork();

    if (pid <= 0)
        return pid;
    *pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (*pidfd >= 0)
        return pid;
    int failure = errno;
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    errno = failure;
    return -1;
}

static _Noreturn void cleaner(uid_t uid, int report)
{
    struct err err = ERR_INIT;

    if (privileges_become_for_good(uid, uid, 0, &err) && workspace_clean(uid, &err))
        _exit(0);
    ssize_t written = write(report, &err, sizeof(err));
    _exit(written == (ssize_t)sizeof(err) ? 1 : 2);
}

/* Reaps everything until `pid` is among it. */
static int reap_until(pid_t pid)
{
    int status = 0;
    pid_t ended;

    do
        ended = waitpid(-1, &status, 0);
    while (ended != pid && (ended >= 0 || errno == EINTR));
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
    return status;
}

void slot_container_kill(uid_t uid)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(privileges_become_for_good(uid, uid, 0, NULL) && kill(-1, SIGKILL) == 0 ? 0 : 1);
    if (pid > 0)
        (void)reap_until(pid);
}

bool slot_container_clean(uid_t uid, struct err *err)
{
    struct err failure = ERR_INIT;

    for (int tries = 0; tries < CLEAN_TRIES; tries++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
            return err_set_errno(err, ERR_INFRA, "clean up after a task: pipe");
        autofd int read_end = ends[0];
        autofd int write_end = ends[1];
        pid_t pid = fork();
        if (pid == 0)
            cleaner(uid, write_end);
        if (pid < 0)
            return err_set_errno(err, ERR_INFRA, "clean up after a task: fork");
        int status = reap_until(pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            return true;
        if (WIFSIGNALED(status))
            continue;
        if (read(read_end, &failure, sizeof(failure)) == (ssize_t)sizeof(failure) && err != NULL)
            *err = failure;
        return err_wrap(err, "clean up after a task");
    }
    return err_set(err, ERR_INFRA, "clean up after a task: what cleans up is killed each time");
}
