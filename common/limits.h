/*
 * The limits of a task: one table of their names, units and built-in values, used for runtimes.cfg and for
 * task messages alike, and the rule by which a task's limits are resolved (docs/runtimes.md). Pure.
 */
#ifndef ASSAY_COMMON_LIMITS_H
#define ASSAY_COMMON_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Limits of one task; 0 in a task means "not given". */
struct limits {
    int64_t wall_ms;         /* the whole suite, or each case */
    int64_t task_wall_ms;    /* the whole task, compile apart */
    int64_t cpu_ms;          /* the whole suite, or each case */
    int64_t memory_bytes;    /* the whole task where cgroups hold, else each process */
    int64_t processes;       /* processes and threads */
    int64_t output_bytes;    /* kept of each of stdout and stderr; 16 times that kills */
    int64_t disk_bytes;      /* the workspace */
    int64_t compile_wall_ms; /* each compile command */
};

/* Values are in the unit of struct limits (ms, bytes, count). */
struct limit_key {
    const char *name;        /* "wall_s", as in messages and in runtimes.cfg */
    size_t offset;           /* in struct limits */
    int64_t unit;            /* what one of the named unit is: 1000 (ms a second), 1 MiB, ... */
    bool fractional;         /* takes a fraction (seconds) */
    int64_t standard;        /* the standard profile's default; 0 = follows wall_ms (limits_resolve) */
    int64_t strict;          /* the strict profile's */
    int64_t maximum;         /* what a task may ask for unless runtimes.cfg says otherwise */
    int64_t highest_maximum; /* what runtimes.cfg may say */
};

#define LIMIT_KEY_COUNT 8
extern const struct limit_key limit_keys[LIMIT_KEY_COUNT];

enum task_profile { PROFILE_STANDARD, PROFILE_STRICT };

int64_t limits_get(const struct limits *limits, const struct limit_key *key);
void limits_set(struct limits *limits, const struct limit_key *key, int64_t value);
/* `value` of the named unit (seconds, MiB) in the unit of struct limits, rounded; 0 when it is not a finite
 * number of at least one millisecond, byte or piece; INT64_MAX when it is beyond that. */
int64_t limits_from_unit(const struct limit_key *key, double value);

/*
 * Fills every member of `resolved` (> 0): what the task asks for; else the default, under the strict profile
 * at most the strict profile's. cpu_ms follows the resolved wall_ms (2 CPUs; strict: half a CPU),
 * task_wall_ms is 5 times it; both at most the maximum. `asked` must be within `maximum` already, and so must
 * `defaults`.
 */
void limits_resolve(const struct limits *defaults, const struct limits *maximum, enum task_profile profile,
                    const struct limits *asked, struct limits *resolved);

#endif
