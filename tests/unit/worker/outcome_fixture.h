/* What tests of outcomes share: a task, the facts of a step of it, and what its finding has to be. */
#ifndef ASSAY_TESTS_UNIT_WORKER_OUTCOME_FIXTURE_H
#define ASSAY_TESTS_UNIT_WORKER_OUTCOME_FIXTURE_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/outcome.h"

static char *run_words[] = {(char *)"./program", NULL};

static struct runtime runtime = {
    .name = (char *)"python",
    .run_case = {run_words, 1},
    .suite_protocol = SUITE_REPORT,
    .memory_pattern = (char *)"^MemoryError|heap out of memory",
};

static inline struct task make_task(void)
{
    return (struct task){
        .runtime = &runtime,
        .limits = {.wall_ms = 2000,
                   .task_wall_ms = 5000,
                   .cpu_ms = 1000,
                   .memory_bytes = 64 << 20,
                   .processes = 8,
                   .output_bytes = 1024,
                   .disk_bytes = 16 << 20,
                   .compile_wall_ms = 3000},
    };
}

/* How the process ended; what is not said is a clean exit 0. */
struct end {
    enum step_stop stop;
    int exit_code, signal_number, start_errno;
    int64_t cpu_ms, oom_kills, process_denials;
    bool disk_full;
    const char *stderr_text;
};

static inline struct step_facts make_facts(const struct end *end)
{
    bool killed = end->stop != STOP_NONE;
    return (struct step_facts){
        .stop = end->stop,
        .flooded = "stdout",
        .flooded_bytes = 16384,
        .exited = end->signal_number == 0 && !killed,
        .exit_code = end->exit_code,
        .signal_number = end->signal_number != 0 ? end->signal_number
                         : killed                ? SIGKILL
                                                 : 0,
        .start_errno = end->start_errno,
        .cpu_us = end->cpu_ms * 1000,
        .oom_kills = end->oom_kills,
        .process_denials = end->process_denials,
        .disk_full = end->disk_full,
        .err_tail = end->stderr_text,
        .err_tail_size = end->stderr_text != NULL ? strlen(end->stderr_text) : 0,
    };
}

static inline void check(const char *label, struct finding *finding, enum status status, enum reason reason,
                         const char *text)
{
    if (finding->status != status || finding->reason != reason)
        fail_msg("%s: %s/%s: %s", label, status_name(finding->status), reason_name(finding->reason),
                 buf_text(&finding->text));
    if (text != NULL && strstr(buf_text(&finding->text), "b: b: ") != NULL)
        fail_msg("%s: the name twice: %s", label, buf_text(&finding->text));
    if (text == NULL ? finding->text.size != 0 : strstr(buf_text(&finding->text), text) == NULL)
        fail_msg("%s: \"%s\" lacks \"%s\"", label, buf_text(&finding->text), text);
    buf_free(&finding->text);
}

#endif
