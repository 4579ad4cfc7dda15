#include "worker/sandbox/confine.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/landlock.h"
#include "worker/sandbox/privileges.h"
#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/syscall_filter.h"

#define FIRST_FREE_FD 64 /* descriptors are moved above here before they take their final places */

/* The memory limit must end the program, not the init that tells of it. */
static bool prefer_for_the_oom_killer(int proc, struct err *err)
{
    /* Only a dumpable process owns its files in /proc; nothing else of the task runs now, and exec decides
     * anew. */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "PR_SET_DUMPABLE");
    autofd int fd = openat(proc, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "1000", 4) != 4)
        return err_set_errno(err, ERR_INFRA, "write oom_score_adj");
    return true;
}

/* The task init waits for SIGCHLD by a descriptor. No signal is ignored: slot_init_main saw to it, for all
 * that come from it. */
static bool unblock_signals(struct err *err)
{
    sigset_t none;

    (void)sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) != 0)
        return err_set_errno(err, ERR_INFRA, "unblock the signals");
    return true;
}

/* Closes what is not the step's, but for `handback`. */
static bool close_others(int handback, struct err *err)
{
    unsigned first = WIRE_STEP_FDS;

    if (handback >= 0) {
        if (dup3(handback, CONFINE_HANDBACK_FD, O_CLOEXEC) < 0)
            return err_set_errno(err, ERR_INFRA, "place the descriptor of what is handed back");
        first = CONFINE_HANDBACK_FD + 1;
    }
    if (close_range(first, ~0U, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "close the server's descriptors");
    return true;
}

/* Puts the step's descriptors in their places. With CLOSE_RANGE_CLOEXEC everything else closes at exec, with
 * 0 now. */
static bool place_descriptors(const struct confinement *confinement, unsigned close_flags, struct err *err)
{
    int moved[WIRE_STEP_FDS], handback = -1;

    if (close_flags == 0 && confinement->handback >= 0 &&
        (handback = fcntl(confinement->handback, F_DUPFD_CLOEXEC, FIRST_FREE_FD)) < 0)
        return err_set_errno(err, ERR_INFRA, "move the descriptor of what is handed back");
    for (int i = 0; i < WIRE_STEP_FDS; i++) {
        bool is_absent = confinement->fds[i] < 0;
        /* Opened for this step alone: one that the next task had too would keep flags and locks for it. */
        autofd int null = is_absent && i <= STDERR_FILENO ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
        int from = is_absent ? null : confinement->fds[i];
        moved[i] = from < 0 ? -1 : fcntl(from, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
        if (moved[i] < 0 && (!is_absent || i <= STDERR_FILENO))
            return err_set_errno(err, ERR_INFRA, "move descriptor %d", i);
    }
    if (close_range(0, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        return err_set_errno(err, ERR_INFRA, "mark the descriptors");
    for (int i = 0; i < WIRE_STEP_FDS; i++) {
        if (moved[i] >= 0 && dup2(moved[i], i) < 0)
            return err_set_errno(err, ERR_INFRA, "place descriptor %d", i);
        if (moved[i] < 0 && close_flags == 0)
            (void)close(i);
    }
    return close_flags != 0 || close_others(handback, err);
}

static bool begin(const struct confinement *confinement, struct err *err)
{
    (void)setsid();
    (void)umask(0022);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "PR_SET_PDEATHSIG");
    if (chdir(SANDBOX_WORK_DIR) != 0)
        return err_set_errno(err, ERR_INFRA, "enter %s", SANDBOX_WORK_DIR);
    return prefer_for_the_oom_killer(confinement->proc, err);
}

bool confine_for_exec(const struct confinement *confinement, struct err *err)
{
    return begin(confinement, err) && unblock_signals(err) &&
           (confinement->landlock < 0 || landlock_enforce(confinement->landlock, err)) &&
           place_descriptors(confinement, CLOSE_RANGE_CLOEXEC, err) &&
           rlimits_apply(&confinement->limits, err);
}

bool confine_fork(const struct confinement *confinement, struct err *err)
{
    pid_t init = confinement->container_init;

    return begin(confinement, err) && (init != 0 || privileges_drop(err)) &&
           (confinement->landlock < 0 || landlock_enforce(confinement->landlock, err)) &&
           (init != 0 ? syscall_filter_shield(init, err) : syscall_filter_complete(false, err)) &&
           place_descriptors(confinement, 0, err) && rlimits_apply(&confinement->limits, err);
}
