#include "worker/sandbox/step.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"
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

static bool has_variable(const char *const *environment, const char *variable)
{
    size_t name = (size_t)(strchr(variable, '=') - variable) + 1;

    for (size_t i = 0; environment[i] != NULL; i++)
        if (strncmp(environment[i], variable, name) == 0)
            return true;
    return false;
}

const char **step_environment(const char *const *given)
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

static _Noreturn void child(const struct step_plan *plan, int report_pipe)
{
    struct report report = {.exec_errno = 0};
    const char **environment = step_environment(plan->environment);

    if (environment == NULL)
        err_set(&report.err, ERR_NO_MEMORY, "no memory for the environment");
    else if (confine_for_exec(&plan->confinement, &report.err))
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
