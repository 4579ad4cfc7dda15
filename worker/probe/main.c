/* The modes of assay-probe, and how it tells. */
#include "worker/probe/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPORT_FD 3 /* SANDBOX_REPORT_FD */

static void write_line(const char *line, int size)
{
    if (size > 0 && write(REPORT_FD, line, (size_t)size) != size)
        _exit(3); /* the worker misses the line, which counts as broken */
}

void tell_held_by(const char *name, const char *what)
{
    char line[256];
    int size = snprintf(line, sizeof(line), "%s held %s\n", name, what);

    write_line(line, size < (int)sizeof(line) ? size : 0);
}

void tell_held(const char *name, int error)
{
    const char *text = strerrorname_np(error);

    tell_held_by(name, text != NULL ? text : "an unknown errno");
}

void tell_broken(const char *name, const char *format, ...)
{
    char what[160], line[256];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    for (char *at = what; *at != '\0'; at++)
        if ((unsigned char)*at < ' ')
            *at = '?';
    int size = snprintf(line, sizeof(line), "%s broken %s\n", name, what);
    write_line(line, size < (int)sizeof(line) ? size : 0);
}

void tell_refusal(const char *name, long result)
{
    static const int refusals[] = {EPERM, EACCES, ENOSYS, EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT};

    for (size_t i = 0; result < 0 && i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (errno == refusals[i]) {
            tell_held(name, errno);
            return;
        }
    }
    if (result < 0)
        tell_broken(name, "let in: it failed only later, with %s", strerrorname_np(errno));
    else
        tell_broken(name, "let in: it answered %ld", result);
}

void in_child(const char *name, probe_fn *probe, const struct target *target)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        probe(target);
        _exit(0);
    }
    if (pid < 0) {
        tell_broken(name, "could not be tried: fork: %s", strerrorname_np(errno));
        return;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        tell_held_by(name, "SIGSYS");
    else if (WIFSIGNALED(status))
        tell_broken(name, "could not be tried to the end: SIG%s", sigabbrev_np(WTERMSIG(status)));
}

static const struct {
    const char *name;
    probe_fn *run;
} modes[] = {
    {"network", probe_network},
    {"filesystem", probe_filesystem},
    {"privilege", probe_privilege},
    {"limits", probe_limits},
    {"processes", probe_processes},
    {"cpu", probe_cpu},
    {"memory", probe_memory},
    {"task_memory", probe_task_memory},
    {"leave", leave_traces},
    {"find", find_traces},
    {"linger", linger},
};

static void take_word(struct target *target, const char *word)
{
    const struct {
        const char *key;
        long *number;
        const char **text;
    } keys[] = {
        {"processes=", &target->processes, NULL}, {"memory_mb=", &target->memory_mb, NULL},
        {"disk_mb=", &target->disk_mb, NULL},     {"open_files=", &target->open_files, NULL},
        {"file_mb=", &target->file_mb, NULL},     {"abstract=", NULL, &target->abstract},
        {"config=", NULL, &target->config},       {"canary=", NULL, &target->canary},
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        size_t size = strlen(keys[i].key);
        if (strncmp(word, keys[i].key, size) != 0)
            continue;
        if (keys[i].number != NULL)
            *keys[i].number = strtol(word + size, NULL, 10);
        else
            *keys[i].text = word + size;
    }
    if (strncmp(word, "worker=", 7) == 0)
        target->worker = (pid_t)strtol(word + 7, NULL, 10);
    else if (strncmp(word, "started=", 8) == 0)
        target->worker_started = strtoull(word + 8, NULL, 10);
    else if (strncmp(word, "tcp=", 4) == 0)
        target->tcp_port = (int)strtol(word + 4, NULL, 10);
}

int main(int argc, char **argv)
{
    struct target target = {.abstract = "", .config = "", .canary = ""};

    for (int i = 2; i < argc; i++)
        take_word(&target, argv[i]);
    for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(argv[1], modes[i].name) == 0) {
            modes[i].run(&target);
            return 0;
        }
    }
    (void)fprintf(stderr, "assay-probe is started by assay-worker, inside its sandbox\n");
    return 2;
}
