#include "worker/self_attack_slot.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "worker/decoys.h"
#include "worker/sandbox/sandbox.h"

#define STEP_WITHIN_MS   20000 /* on a machine that is busy otherwise; alone a step takes milliseconds */
#define SILENT_WITHIN_MS 5000  /* after the step's end nobody holds its report any more */
#define REPORT_BYTES_MAX ((size_t)64 << 10)
#define WORDS_MAX        24

#define MEMORY_MB  32
#define DISK_MB    8
#define FILE_MB    2
#define PROCESSES  16
#define OPEN_FILES 40
#define CPU_MS     50

/* How a step went. */
struct step_outcome {
    struct sandbox_event event;
    struct buf report;
    bool silent; /* all ends of the report are closed */
};

static bool is_missing(const struct attack *attack, const char *name)
{
    for (const char *const *at = sandbox_mechanisms(attack->sandbox); *at != NULL; at++)
        if (strcmp(*at, name) == 0)
            return true;
    return false;
}

static void note(struct attack *attack, const char *probe, enum probe_state state, const char *detail)
{
    probe_note(&attack->findings, probe_find(probe), attack->slot, state, detail);
}

/* --- the sandbox, waited for ---------------------------------------------------------------------------- */

/* Reads what is there. False at the end of the report. */
static bool read_report(int fd, struct buf *report)
{
    char chunk[4096];
    for (;;) {
        ssize_t size = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
        if (size == 0)
            return false;
        if (size < 0)
            return errno == EAGAIN || errno == EINTR;
        if (report->size < REPORT_BYTES_MAX)
            buf_append(report, chunk, (size_t)size);
    }
}

/* Waits for an event of this kind, reading the report meanwhile (`report_fd` -1 = none). */
static bool await(struct attack *attack, enum sandbox_event_kind kind, int *report_fd,
                  struct step_outcome *outcome, struct err *err)
{
    int64_t kill_at_ms = clock_ms() + STEP_WITHIN_MS;
    bool killed = false;
    for (;;) {
        if (sandbox_receive(attack->sandbox, &outcome->event)) {
            if (outcome->event.kind == kind)
                return true;
            if (outcome->event.kind == SANDBOX_SERVER)
                continue;
            if (outcome->event.kind == SANDBOX_FAILED && err != NULL)
                *err = outcome->event.err;
            return outcome->event.kind == SANDBOX_FAILED
                       ? false
                       : err_set(err, ERR_INTERNAL, "the sandbox told of %d instead of %d",
                                 (int)outcome->event.kind, (int)kind);
        }
        int64_t left_ms = kill_at_ms - clock_ms();
        if (left_ms <= 0 && (killed || kind != SANDBOX_STEP_EXITED))
            return err_set(err, ERR_INFRA, "the sandbox did not answer within %d s", STEP_WITHIN_MS / 1000);
        if (left_ms <= 0) {
            killed = true;
            sandbox_kill(attack->sandbox, 0);
            kill_at_ms += STEP_WITHIN_MS;
            continue;
        }
        struct pollfd polled[] = {{sandbox_fd(attack->sandbox), POLLIN, 0}, {*report_fd, POLLIN, 0}};
        if (poll(polled, 2, (int)left_ms) < 0 && errno != EINTR)
            return err_set_errno(err, ERR_INFRA, "poll");
        if (*report_fd >= 0 && polled[1].revents != 0 && !read_report(*report_fd, &outcome->report)) {
            outcome->silent = true;
            close_fd(report_fd);
        }
    }
}

/* After the end of a step everything of it is dead, so that its report ends. */
static void await_silence(int *report_fd, struct step_outcome *outcome)
{
    int64_t until_ms = clock_ms() + SILENT_WITHIN_MS;
    while (!outcome->silent) {
        int64_t left_ms = until_ms - clock_ms();
        struct pollfd polled = {*report_fd, POLLIN, 0};
        if (left_ms <= 0)
            return;
        if (poll(&polled, 1, (int)left_ms) > 0)
            outcome->silent = !read_report(*report_fd, &outcome->report);
    }
}

static bool begin(struct attack *attack, struct err *err)
{
    struct sandbox_file file = {
        .path = ATTACK_PROGRAM, .data = attack->program->data, .size = attack->program->size};
    struct sandbox_task task = {.files = &file,
                                .file_count = 1,
                                .memory_bytes = (int64_t)MEMORY_MB << 20,
                                .processes = PROCESSES,
                                .disk_bytes = (int64_t)DISK_MB << 20};
    struct step_outcome outcome = {.silent = false};
    int none = -1;
    return sandbox_task_begin(attack->sandbox, &task, err) &&
           await(attack, SANDBOX_TASK_READY, &none, &outcome, err);
}

static bool end(struct attack *attack, struct err *err)
{
    struct step_outcome outcome = {.silent = false};
    int none = -1;
    return sandbox_task_end(attack->sandbox, err) && await(attack, SANDBOX_TASK_ENDED, &none, &outcome, err);
}

/* --- a step --------------------------------------------------------------------------------------------- */

struct words {
    const char *argv[WORDS_MAX];
    size_t count;
    char texts[WORDS_MAX][PATH_MAX + 16];
};

static void add_word(struct words *words, const char *key, const char *value)
{
    char *text = words->texts[words->count];
    (void)snprintf(text, sizeof words->texts[0], "%s%s", key, value);
    words->argv[words->count++] = text;
    words->argv[words->count] = NULL;
}

static void add_number(struct words *words, const char *key, unsigned long long value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", value);
    add_word(words, key, text);
}

/* The program lies among the task's files, which are not executable. */
static void make_words(const struct attack *attack, const char *mode, struct words *words)
{
    words->count = 0;
    add_word(words, "/bin/sh", "");
    add_word(words, "-c", "");
    add_word(words, "chmod 755 " ATTACK_PROGRAM " && exec ./" ATTACK_PROGRAM " \"$@\"", "");
    add_word(words, ATTACK_PROGRAM, "");
    add_word(words, mode, "");
    add_number(words, "worker=", (unsigned long long)getpid());
    add_number(words, "started=", attack->decoys->worker_started);
    add_number(words, "tcp=", (unsigned long long)attack->decoys->port);
    add_word(words, "abstract=", attack->decoys->abstract_name);
    add_word(words, "config=", attack->config_file);
    add_word(words, "canary=", attack->decoys->canary);
    add_number(words, "processes=", PROCESSES);
    add_number(words, "memory_mb=", MEMORY_MB);
    add_number(words, "disk_mb=", DISK_MB);
    add_number(words, "open_files=", OPEN_FILES);
    add_number(words, "file_mb=", FILE_MB);
}

static void note_ending(struct attack *attack, const char *mode, const struct sandbox_event *event)
{
    if (event->exec_failed)
        (void)snprintf(attack->ending, sizeof attack->ending, "the step %s was not started: %s", mode,
                       strerrordesc_np(event->exec_errno));
    else if (!event->exited)
        (void)snprintf(attack->ending, sizeof attack->ending, "the step %s was ended by SIG%s", mode,
                       sigabbrev_np(event->signal_number));
    else if (event->exit_code != 0)
        (void)snprintf(attack->ending, sizeof attack->ending, "the step %s exited with %d", mode,
                       event->exit_code);
}

static bool run(struct attack *attack, const char *mode, struct step_outcome *outcome, struct err *err)
{
    static const char *const environment[] = {NULL};
    int ends[2];
    autofree struct words *words = calloc(1, sizeof *words);
    if (words == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return err_set_errno(err, ERR_INFRA, "start the probes");
    autofd int report = ends[0];
    make_words(attack, mode, words);
    struct sandbox_step step = {.argv = words->argv,
                                .environment = environment,
                                .stdin_fd = -1,
                                .stdout_fd = -1,
                                .stderr_fd = -1,
                                .report_fd = ends[1],
                                .control_fd = -1,
                                .cpu_ms = strcmp(mode, "cpu") == 0 ? CPU_MS : 0,
                                .file_size_bytes = (int64_t)FILE_MB << 20,
                                .open_files = OPEN_FILES};
    /* Without a memory cgroup each process has a limit of its own. */
    if (is_missing(attack, MECHANISM_MISSING "cgroup_memory"))
        step.address_space_bytes = (int64_t)MEMORY_MB << 20;
    bool started = sandbox_run(attack->sandbox, &step, err);
    (void)close(ends[1]);
    if (!started || !await(attack, SANDBOX_STEP_EXITED, &report, outcome, err))
        return false;
    await_silence(&report, outcome);
    note_ending(attack, mode, &outcome->event);
    char bad[200];
    if (probe_read_report(&attack->findings, attack->slot, buf_text(&outcome->report), outcome->report.size,
                          bad, sizeof bad))
        return true;
    return err_set(err, ERR_INFRA, "%s said \"%s\", which is no probe's report: install one build as a whole",
                   ATTACK_PROGRAM, bad);
}

/* What the step's end says beyond the report. */
static void judge_end(struct attack *attack, const char *mode, const struct step_outcome *outcome)
{
    const struct sandbox_event *event = &outcome->event;
    bool by_memory_limit = event->oom_kills > 0;
    if (strcmp(mode, "memory") == 0 && by_memory_limit)
        note(attack, "memory", PROBE_HELD, "SIGKILL");
    else if (strcmp(mode, "task_memory") == 0 && by_memory_limit)
        note(attack, "task_memory", PROBE_HELD, "SIGKILL");
    else if (strcmp(mode, "cpu") == 0 && event->cpu_exceeded)
        note(attack, "cpu_time", PROBE_HELD, "SIGKILL");
    else if (strcmp(mode, "limits") == 0 && event->disk_full && event->signal_number == SIGKILL)
        note(attack, "disk", PROBE_HELD, "SIGKILL");
    else if (strcmp(mode, "linger") == 0 && !outcome->silent)
        note(attack, "leave_processes", PROBE_BROKEN, "a daemon outlived its step");
    else if (strcmp(mode, "linger") == 0 && event->left_processes)
        note(attack, "leave_processes", PROBE_HELD, "SIGKILL");
}

static bool try_mode(struct attack *attack, const char *mode, struct err *err)
{
    struct step_outcome outcome = {.silent = false};
    bool ok = run(attack, mode, &outcome, err);
    if (ok)
        judge_end(attack, mode, &outcome);
    buf_free(&outcome.report);
    return ok || err_wrap(err, "probes of %s", mode);
}

/* --- the whole ------------------------------------------------------------------------------------------ */

static bool try_modes(struct attack *attack, const char *const *modes, struct err *err)
{
    if (!begin(attack, err))
        return false;
    for (; *modes != NULL; modes++)
        if (!try_mode(attack, *modes, err))
            return false;
    return end(attack, err);
}

static void note_absent(struct attack *attack)
{
    if (attack->config_file[0] == '\0')
        note(attack, "read_config", PROBE_ABSENT, "there is no configuration file");
    if (attack->decoys->canary[0] == '\0')
        note(attack, "read_outside", PROBE_ABSENT, "no folder for a canary");
    if (attack->decoys->port == 0) {
        note(attack, "tcp_connect", PROBE_ABSENT, "the machine has no loopback");
        note(attack, "udp_send", PROBE_ABSENT, "the machine has no loopback");
    }
}

bool attack_slot(struct attack *attack, struct err *err)
{
    /* "limits" last: a full workspace may end each step that follows. */
    static const char *const first[] = {"network", "filesystem", "privilege", "processes",
                                        "leave",   "linger",     "limits",    NULL};
    static const char *const second[] = {"find", "memory", NULL};
    static const char *const whole_task[] = {"task_memory", NULL};
    static const char *const cpu[] = {"cpu", NULL};
    note_absent(attack);
    if (!try_modes(attack, first, err) || !try_modes(attack, second, err))
        return false;
    /* What is missing is known not to hold; trying would cost memory and seconds. */
    if (is_missing(attack, MECHANISM_MISSING "cgroup_memory"))
        note(attack, "task_memory", PROBE_BROKEN, "not tried: each process alone is limited");
    else if (!try_modes(attack, whole_task, err))
        return false;
    if (is_missing(attack, MECHANISM_MISSING "cgroup_cpu"))
        note(attack, "cpu_time", PROBE_BROKEN, "not tried: each process alone is limited, in whole seconds");
    else if (!try_modes(attack, cpu, err))
        return false;
    const char *reached = decoys_reached(attack->decoys);
    note(attack, "reach_listeners", reached == NULL ? PROBE_HELD : PROBE_BROKEN,
         reached == NULL ? "nothing arrived" : reached);
    return true;
}
