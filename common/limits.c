#include "common/limits.h"

#include <math.h>

#define SECOND ((int64_t)1000)
#define KIB    ((int64_t)1024)
#define MIB    ((int64_t)1024 * 1024)
#define DAY    (24 * 60 * 60 * SECOND)

/* A kept output above 4 MiB could, escaped in JSON (6 bytes for a control character, two streams), outgrow
 * the largest message. */
#define OUTPUT_HIGHEST (4096 * KIB)

const struct limit_key limit_keys[LIMIT_KEY_COUNT] = {
    {"wall_s", offsetof(struct limits, wall_ms), SECOND, true, 60 * SECOND, 30 * SECOND, 300 * SECOND, DAY},
    {"task_wall_s", offsetof(struct limits, task_wall_ms), SECOND, true, 0, 0, 900 * SECOND, DAY},
    {"cpu_s", offsetof(struct limits, cpu_ms), SECOND, true, 0, 0, 1200 * SECOND, 64 * DAY},
    {"memory_mb", offsetof(struct limits, memory_bytes), MIB, false, 2048 * MIB, 512 * MIB, 4096 * MIB,
     1024 * 1024 * MIB},
    {"processes", offsetof(struct limits, processes), 1, false, 128, 64, 512, 65536},
    {"output_kb", offsetof(struct limits, output_bytes), KIB, false, 256 * KIB, 64 * KIB, OUTPUT_HIGHEST,
     OUTPUT_HIGHEST},
    {"disk_mb", offsetof(struct limits, disk_bytes), MIB, false, 256 * MIB, 64 * MIB, 1024 * MIB,
     1024 * 1024 * MIB},
    {"compile_wall_s", offsetof(struct limits, compile_wall_ms), SECOND, true, 30 * SECOND, 30 * SECOND,
     120 * SECOND, DAY},
};

int64_t limits_get(const struct limits *limits, const struct limit_key *key)
{
    return *(const int64_t *)((const char *)limits + key->offset);
}

void limits_set(struct limits *limits, const struct limit_key *key, int64_t value)
{
    *(int64_t *)((char *)limits + key->offset) = value;
}

int64_t limits_from_unit(const struct limit_key *key, double value)
{
    double scaled = round(value * (double)key->unit);
    if (!isfinite(value) || scaled < 1)
        return 0;
    /* 2^63 is exact as a double; INT64_MAX is not. */
    return scaled >= 0x1p63 ? INT64_MAX : (int64_t)scaled;
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void limits_resolve(const struct limits *defaults, const struct limits *maximum, enum task_profile profile,
                    const struct limits *asked, struct limits *resolved)
{
    for (size_t i = 0; i < LIMIT_KEY_COUNT; i++) {
        const struct limit_key *key = &limit_keys[i];
        int64_t value = limits_get(asked, key);
        if (value == 0) {
            value = limits_get(defaults, key);
            if (profile == PROFILE_STRICT && key->strict > 0)
                value = lesser(value, key->strict);
        }
        limits_set(resolved, key, value);
    }
    int64_t wall_ms = resolved->wall_ms;
    int64_t cpu_ms = greater(1, profile == PROFILE_STRICT ? wall_ms / 2 : wall_ms * 2);
    if (resolved->cpu_ms == 0)
        resolved->cpu_ms = lesser(cpu_ms, maximum->cpu_ms);
    else if (asked->cpu_ms == 0 && profile == PROFILE_STRICT)
        resolved->cpu_ms = lesser(cpu_ms, resolved->cpu_ms);
    if (resolved->task_wall_ms == 0)
        resolved->task_wall_ms = lesser(5 * wall_ms, maximum->task_wall_ms);
}
