#include "worker/sandbox/rlimits.h"

#include <stddef.h>
#include <sys/resource.h>

#include "common/mem.h"

#define STACK_BYTES   ((rlim_t)8 << 20)
#define LOCKED_BYTES  ((rlim_t)1 << 20)
#define MQUEUE_BYTES  ((rlim_t)64 << 10)
#define SIGNALS_QUEUE ((rlim_t)1024)

struct setting {
    int resource;
    const char *name;
    rlim_t soft, hard;
};

static bool apply(const struct setting *setting, struct err *err)
{
    struct rlimit limit;

    if (getrlimit((__rlimit_resource_t)setting->resource, &limit) != 0)
        return err_set_errno(err, ERR_INFRA, "rlimits: read %s", setting->name);
    if (setting->hard < limit.rlim_max)
        limit.rlim_max = setting->hard;
    limit.rlim_cur = setting->soft < limit.rlim_max ? setting->soft : limit.rlim_max;
    if (setrlimit((__rlimit_resource_t)setting->resource, &limit) != 0)
        return err_set_errno(err, ERR_INFRA, "rlimits: set %s", setting->name);
    return true;
}

static rlim_t bounded(int64_t value)
{
    return value > 0 ? (rlim_t)value : RLIM_INFINITY;
}

bool rlimits_apply_stack(struct err *err)
{
    const struct setting stack = {RLIMIT_STACK, "RLIMIT_STACK", STACK_BYTES, RLIM_INFINITY};

    return apply(&stack, err);
}

bool rlimits_apply(const struct rlimits *limits, struct err *err)
{
    rlim_t cpu_s = limits->cpu_ms > 0 ? (rlim_t)((limits->cpu_ms + 999) / 1000) : RLIM_INFINITY;
    rlim_t cpu_hard_s = limits->cpu_ms > 0 ? cpu_s + 1 : RLIM_INFINITY;
    rlim_t memory = bounded(limits->address_space_bytes), size = bounded(limits->file_size_bytes);
    rlim_t files = bounded(limits->open_files), processes = bounded(limits->processes);
    const struct setting settings[] = {
        {RLIMIT_CORE, "RLIMIT_CORE", 0, 0},
        {RLIMIT_CPU, "RLIMIT_CPU", cpu_s, cpu_hard_s},
        {RLIMIT_AS, "RLIMIT_AS", memory, memory},
        {RLIMIT_FSIZE, "RLIMIT_FSIZE", size, size},
        {RLIMIT_NOFILE, "RLIMIT_NOFILE", files, files},
        {RLIMIT_NPROC, "RLIMIT_NPROC", processes, processes},
        {RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK", LOCKED_BYTES, LOCKED_BYTES},
        {RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE", MQUEUE_BYTES, MQUEUE_BYTES},
        {RLIMIT_SIGPENDING, "RLIMIT_SIGPENDING", SIGNALS_QUEUE, SIGNALS_QUEUE},
        {RLIMIT_RTPRIO, "RLIMIT_RTPRIO", 0, 0},
        {RLIMIT_NICE, "RLIMIT_NICE", 0, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
        if (!apply(&settings[i], err))
            return false;
    return rlimits_apply_stack(err);
}
