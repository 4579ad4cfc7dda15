#include "worker/sandbox/step.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/landlock.h"
#include "worker/sandbox/sandbox.h"

#define FIRST_FREE_FD 64 /* descriptors are moved above here before they take their final places */
#define DEFAULT_PATH  "/usr/local/bin:/usr/bin:/bin"

static const char *const path_folders[] = {"/usr/local/bin", "/usr/bin", "/bin"};
/* The name of the user, because a container's /etc/passwd does not know the slot's uid. */
static const char *const default_variables[] = {"HOME=" SANDBOX_WORK_DIR, "TMPDIR=/tmp", "PATH=" DEFAULT_PATH,
                                                "USER=assay", "LOGNAME=assay"};

/* What the child says over a pipe that exec closes. */
struct report {
    int exec_errno; /* exec failed */
    struct err err; /* or something before it */
};

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

static bool default_signals(struct err *err)
{
    sigset_t none;

    for (int signal_number = 1; signal_number < NSIG; signal_number++) {
        if (signal_number != SIGKILL && signal_number != SIGSTOP)
            (void)signal(signal_number, SIG_DFL);
    }
    (void)sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) != 0)
        return err_set_errno(err, ERR_INFRA, "unblock the signals");
    return true;
}

/* Puts the step's descriptors in their places; everything else closes at exec. */
static bool place_descriptors(const struct step_plan *plan, struct err *err)
{
    int moved[WIRE_STEP_FDS];

    for (int i = 0; i < WIRE_STEP_FDS; i++) {
        int from = plan->fds[i];
        if (from < 0 && i <= STDERR_FILENO)
            from = plan->null;
        moved[i] = from < 0 ? -1 : fcntl(from, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
        if (from >= 0 && moved[i] < 0)
            return err_set_errno(err, ERR_INFRA, "move descriptor %d", i);
    }
    if (close_range(0, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        return err_set_errno(err, ERR_INFRA, "mark the descriptors");
    for (int i = 0; i < WIRE_STEP_FDS; i++)
        if (moved[i] >= 0 && dup2(moved[i], i) < 0)
            return err_set_errno(err, ERR_INFRA, "place descriptor %d", i);
    return true;
}

static bool has_variable(const char *const *environment, const char *variable)
{
    size_t name = (size_t)(strchr(variable, '=') - variable) + 1;

    for (size_t i = 0; environment[i] != NULL; i++)
        if (strncmp(environment[i], variable, name) == 0)
            return true;
    return false;
}

static const char **full_environment(const char *const *given)
{
    size_t count = 0;

    while (given[count] != NULL)
        count++;
    const char **environment = calloc(count + ARRAY_SIZE(default_variables) + 1, sizeof(*environment));
    if (environment == NULL)
        return NULL;
    memcpy(environment, given, count * sizeof(*given));
    for (size_t i = 0; i < ARRAY_SIZE(default_variables); i++)
        if (!has_variable(given, default_variables[i]))
            environment[count++] = default_variables[i];
    return environment;
}

/* Returns only when the command could not be started: the errno. */
static int execute(const struct step_plan *plan, const char **environment)
{
    char *const *argv = (char *const *)(uintptr_t)plan->argv;
    char *const *variables = (char *const *)(uintptr_t)environment;
    char path[4096];

    if (strchr(plan->argv[0], '/') != NULL) {
        (void)execve(plan->argv[0], argv, variables);
        return errno;
    }
    int failure = ENOENT;
    for (size_t i = 0; i < ARRAY_SIZE(path_folders); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", path_folders[i], plan->argv[0]);
        (void)execve(path, argv, variables);
        if (errno != ENOENT)
            failure = errno;
    }
    return failure;
}

static bool confine(const struct step_plan *plan, struct err *err)
{
    (void)setsid();
    (void)umask(0022);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "PR_SET_PDEATHSIG");
    if (chdir(SANDBOX_WORK_DIR) != 0)
        return err_set_errno(err, ERR_INFRA, "enter %s", SANDBOX_WORK_DIR);
    return prefer_for_the_oom_killer(plan->proc, err) && default_signals(err) &&
           (plan->landlock < 0 || landlock_enforce(plan->landlock, err)) && place_descriptors(plan, err) &&
           rlimits_apply(&plan->limits, err);
}

static _Noreturn void child(const struct step_plan *plan, int report_pipe)
{
    struct report report = {.exec_errno = 0};
    const char **environment = full_environment(plan->environment);

    if (environment == NULL)
        err_set(&report.err, ERR_NO_MEMORY, "no memory for the environment");
    else if (confine(plan, &report.err))
        report.exec_errno = execute(plan, environment);
    ssize_t written = write(report_pipe, &report, sizeof(report));
    _exit(written == (ssize_t)sizeof(report) ? 127 : 126);
}

enum step_start step_start(const struct step_plan *plan, pid_t *pid, int *exec_errno, struct err *err)
{
    struct report report;
    int ends[2];
    ssize_t got;

    *pid = 0;
    *exec_errno = 0;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        err_set_errno(err, ERR_INFRA, "start a step: pipe");
        return STEP_BROKEN;
    }
    autofd int read_end = ends[0];
    int write_end = fcntl(ends[1], F_DUPFD_CLOEXEC, FIRST_FREE_FD); /* out of the way of 0 to 4 */
    close_fd(&ends[1]);
    pid_t forked = write_end < 0 ? -1 : fork();
    if (forked == 0)
        child(plan, write_end);
    int failure = errno;
    close_fd(&write_end);
    if (forked < 0) {
        errno = failure;
        err_set_errno(err, ERR_INFRA, "start a step: fork");
        return STEP_BROKEN;
    }
    *pid = forked;
    do
        got = read(read_end, &report, sizeof(report));
    while (got < 0 && errno == EINTR);
    /* Nothing: exec closed the pipe, or the process was killed before it; both show in its status. */
    if (got != (ssize_t)sizeof(report))
        return STEP_STARTED;
    if (report.exec_errno != 0) {
        *exec_errno = report.exec_errno;
        return STEP_NOT_EXECUTED;
    }
    if (err != NULL)
        *err = report.err;
    err_wrap(err, "start a step");
    return STEP_BROKEN;
}
