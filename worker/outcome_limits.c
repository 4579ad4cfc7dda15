#include "worker/outcome_limits.h"

#include <regex.h>
#include <signal.h>
#include <string.h>

struct buf *outcome_set(struct finding *finding, enum status status, enum reason reason, const char *subject)
{
    finding->status = status;
    finding->reason = reason;
    buf_reset(&finding->text);
    if (subject != NULL)
        buf_printf(&finding->text, "%s: ", subject);
    return &finding->text;
}

bool outcome_matches(const char *pattern, const char *text, size_t size)
{
    regex_t regex;
    if (pattern == NULL || text == NULL || size == 0 ||
        regcomp(&regex, pattern, REG_EXTENDED | REG_NEWLINE) != 0)
        return false;
    /* REG_STARTEND: the text is bytes with a length and may hold NUL. */
    regmatch_t match = {.rm_so = 0, .rm_eo = (regoff_t)size};
    bool found = regexec(&regex, text, 1, &match, REG_STARTEND) == 0;
    regfree(&regex);
    return found;
}

static bool over_cpu(const struct step_facts *facts, int64_t cpu_ms)
{
    if (facts->cpu_us > cpu_ms * 1000)
        return true;
    if (facts->exited || facts->stop != STOP_NONE)
        return false;
    /* RLIMIT_CPU counts in whole seconds and in the kernel's ticks: a process that it kills may be found
     * short of the limit by what was used, by more than a tenth on a busy machine. SIGXCPU says who killed.
     */
    return (facts->signal_number == SIGXCPU && facts->cpu_us >= cpu_ms * 500) ||
           (facts->signal_number == SIGKILL && facts->cpu_us >= cpu_ms * 900);
}

static bool ran_out_of_memory(const struct task *task, const struct step_facts *facts,
                              const struct limit_view *view)
{
    if (facts->oom_kills > 0)
        return true;
    if (!view->failed || facts->stop == STOP_WALL || facts->stop == STOP_TASK_WALL)
        return false;
    const char *pattern = task->runtime->memory_pattern;
    return outcome_matches(pattern, facts->err_tail, facts->err_tail_size) ||
           (view->said != NULL && outcome_matches(pattern, view->said, strlen(view->said)));
}

bool outcome_limit(const struct task *task, const struct step_facts *facts, const struct limit_view *view,
                   struct finding *finding)
{
    const struct limits *limits = &task->limits;
    bool on_files = !facts->exited && facts->signal_number == SIGXFSZ;
    const char *subject = view->subject;

    if (facts->stop == STOP_OUTPUT) {
        buf_printf(outcome_set(finding, STATUS_FAIL, REASON_OUTPUT, subject), "wrote more than %zu KB to %s",
                   facts->flooded_bytes / 1024, facts->flooded);
    } else if (ran_out_of_memory(task, facts, view)) {
        buf_printf(outcome_set(finding, STATUS_FAIL, REASON_MEMORY, subject),
                   "ran out of memory (limit %lld MB)", (long long)(limits->memory_bytes / (1024 * 1024)));
    } else if (facts->process_denials > 0 && view->failed) {
        buf_printf(outcome_set(finding, STATUS_FAIL, REASON_PROCESSES, subject),
                   "tried to have more than %lld processes and threads", (long long)limits->processes);
    } else if ((facts->disk_full && view->failed) || on_files) {
        buf_printf(outcome_set(finding, STATUS_FAIL, REASON_DISK, subject),
                   "filled its disk space of %lld MB", (long long)(limits->disk_bytes / (1024 * 1024)));
    } else if (facts->stop == STOP_WALL) {
        buf_printf(outcome_set(finding, STATUS_TIMEOUT, REASON_WALL_TIME, subject),
                   "stopped at the wall time limit of %.3g s", (double)view->wall_ms / 1000);
    } else if (facts->stop == STOP_TASK_WALL) {
        outcome_no_time(task, subject, finding);
    } else if (over_cpu(facts, view->cpu_ms)) {
        buf_printf(outcome_set(finding, STATUS_TIMEOUT, REASON_CPU_TIME, subject),
                   "used more than the CPU time limit of %.3g s", (double)view->cpu_ms / 1000);
    } else {
        return false;
    }
    return true;
}

void outcome_no_time(const struct task *task, const char *subject, struct finding *finding)
{
    buf_printf(outcome_set(finding, STATUS_TIMEOUT, REASON_WALL_TIME, subject),
               "the whole task's wall time limit of %.3g s was used up",
               (double)task->limits.task_wall_ms / 1000);
    finding->task_time = true;
}
