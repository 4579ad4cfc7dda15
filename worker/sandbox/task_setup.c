/* The task init's own set-up: its namespaces and limits, then the task's files. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/landlock.h"
#include "worker/sandbox/mechanisms.h"
#include "worker/sandbox/privileges.h"
#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/syscall_filter.h"
#include "worker/sandbox/task_init_internal.h"
#include "worker/sandbox/workspace.h"

#define OOM_SCORE "500" /* before the slot init's 0, after the program's 1000 */

static bool build_landlock(struct task *task, struct err *err)
{
    const struct task_setup *setup = task->setup;

    if (setup->landlock == NULL) /* the operator does without */
        return true;
    task->landlock = landlock_build(setup->landlock, &task->mechanisms, err);
    bool has_scopes = (task->mechanisms & MECHANISM_BIT(MECHANISM_LANDLOCK_SCOPES)) != 0;
    if (task->landlock >= 0 && (setup->container_uid == 0 || has_scopes || setup->no_landlock))
        return true;
    if (task->landlock >= 0)
        return err_set(
            err, ERR_CONFIG,
            "landlock_scopes: this kernel has none (Linux 6.12), so programs of a container could kill "
            "the task's init, which has their uid; name landlock in sandbox.allow_missing to do "
            "without");
    if (setup->no_landlock)
        err_clear(err);
    return setup->no_landlock;
}

/* The score first, while /proc/self is still root's own; what setresuid clears afterwards. */
static bool become_in_container(const struct task *task, struct err *err)
{
    uid_t uid = task->setup->container_uid;

    if (!privileges_become_for_good(uid, uid, 0, err))
        return false;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "set up the task's init");
    return true;
}

static bool confine_in_container(struct task *task, struct err *err)
{
    task->mechanisms |= MECHANISM_BIT(MECHANISM_OWN_UID) | MECHANISM_BIT(MECHANISM_TMPFS) |
                        MECHANISM_BIT(MECHANISM_READ_ONLY_ROOT);
    return become_in_container(task, err) && build_landlock(task, err) &&
           syscall_filter_shield(getpid(), err) && syscall_filter_complete(false, err);
}

static bool confine_in_namespaces(struct task *task, struct err *err)
{
    task->mechanisms |= MECHANISM_BIT(MECHANISM_PID_NAMESPACE) | MECHANISM_BIT(MECHANISM_MOUNT_NAMESPACE) |
                        MECHANISM_BIT(MECHANISM_IPC_NAMESPACE) | MECHANISM_BIT(MECHANISM_TMPFS);
    return privileges_map_self(TASK_UID, 0, 0, err) && workspace_mount(task->setup->begin.disk_bytes, err) &&
           build_landlock(task, err) && privileges_drop(err) && syscall_filter_complete(false, err);
}

static bool confine(struct task *task, struct err *err)
{
    const struct task_setup *setup = task->setup;
    sigset_t signals;

    /* The slot init's memory was not dumpable, and this is its copy: /proc/self would be root's. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "set up the task's init");
    (void)prctl(PR_SET_NAME, "task-init", 0, 0, 0);
    autofd int score = openat(setup->proc, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score < 0 || write(score, OOM_SCORE, strlen(OOM_SCORE)) != (ssize_t)strlen(OOM_SCORE))
        return err_set_errno(err, ERR_INFRA, "write oom_score_adj");
    if (!(setup->container_uid != 0 ? confine_in_container(task, err) : confine_in_namespaces(task, err)))
        return false;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "PR_SET_DUMPABLE");
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
        return err_set_errno(err, ERR_INFRA, "block SIGCHLD");
    task->child_signal = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (task->child_signal < 0)
        return err_set_errno(err, ERR_INFRA, "signalfd");
    task->mechanisms |= MECHANISM_BIT(MECHANISM_NO_CAPABILITIES) | MECHANISM_BIT(MECHANISM_NO_NEW_PRIVS) |
                        MECHANISM_BIT(MECHANISM_SECCOMP) | MECHANISM_BIT(MECHANISM_RLIMITS);
    return true;
}

bool task_write_files(const struct task_setup *setup, int blob, uint32_t count, struct err *err)
{
    struct wire_view view;

    if (blob < 0)
        return true;
    bool written = wire_view_open(&view, blob, err) && workspace_write(SANDBOX_WORK_DIR, &view, count, err);
    wire_view_close(&view);
    if (written && setup->container_uid != 0 && workspace_exceeds(setup->begin.disk_bytes)) {
        errno = ENOSPC;
        return err_set_errno(err, ERR_INFRA, "write the task's files");
    }
    return written;
}

bool task_set_up(struct task *task, struct err *err)
{
    return confine(task, err) &&
           task_write_files(task->setup, task->setup->files, task->setup->begin.blob_items, err);
}
