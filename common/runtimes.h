/*
 * Runtimes as configured in conf/runtimes.cfg: adding a language takes a stanza, no C. libconfig is read
 * through config_file.c alone. Strings live as long as the registry.
 *
 * Placeholders in commands: {program} {suite} the file names, {harness} the folder of harnesses inside the
 * sandbox.
 */
#ifndef ASSAY_COMMON_RUNTIMES_H
#define ASSAY_COMMON_RUNTIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/limits.h"

struct command {
    char **argv; /* NULL-terminated */
    size_t argc;
};

/* Whose fault a failing compile command is. */
enum blame { BLAME_PROGRAM, BLAME_SUITE };

#define RUNTIME_OUTPUTS_MAX 8 /* of one step */

struct compile_step {
    struct command command;
    enum blame blame;
    /* With BLAME_PROGRAM on a command that reads the suite: output that matches this POSIX extended regular
     * expression puts the blame on the suite all the same (a suite that does not parse). NULL = none. */
    char *suite_fault_pattern;
    /* Files that it makes in the workspace, all that is needed of this step and those before it;
     * NULL-terminated, plain names. What a success made may be used again for equal inputs
     * (worker/build_cache.h). Empty = not. */
    char **outputs;
    bool after_failure; /* a check of what the run shows as well: only once a case exited with a failure */
    bool reads_task;    /* false: nothing of the task's files goes into the outputs */
};

enum suite_protocol {
    SUITE_NONE,   /* this runtime has cases only */
    SUITE_REPORT, /* the harness reports each test over the report descriptor (docs/harness.md) */
    SUITE_TOKEN,  /* a suite of one test that must hand over a completion token on it */
};

struct runtime {
    char *name;                         /* "python" */
    char *description;                  /* "Python 3 (pytest)" */
    char *program_file;                 /* where implementation_code goes: "implementation.py" */
    char *suite_file;                   /* where test_suite_code goes, NULL without suites */
    struct compile_step *compile_cases; /* before the cases */
    size_t compile_cases_count;
    struct compile_step *compile_suite; /* before the suite */
    size_t compile_suite_count;
    struct command run_case; /* one case; the case's args are appended */
    struct command run_suite;
    enum suite_protocol suite_protocol;
    bool coverage;             /* takes "coverage": true */
    char **environment;        /* NULL-terminated NAME=value, all that the program sees */
    char **read_only_paths;    /* NULL-terminated; shown read-only in the sandbox (a shared volume, an
                                  interpreter) */
    struct command warm_suite; /* a warm server, whose forks run the suite instead of run_suite
                                  (docs/harness.md); argc 0 = none */
    bool warm_case;            /* cases run in forks of an interpreter that run_case started */
    bool park_suite;           /* run_suite may be started before its task is there */
    char **compiler;           /* NULL-terminated; files whose change makes earlier outputs useless */
    char **preload;            /* NULL-terminated modules that the warm server imports */
    /* Exit codes and stderr patterns by which a runtime says that it ran out of memory (node: 134). */
    char *memory_pattern;     /* POSIX extended regular expression on the tail of stderr, NULL = none */
    bool address_space_limit; /* memory_bytes also as RLIMIT_AS of each process (not for runtimes that reserve
                                 much, such as node) */
    struct limits defaults;   /* of the standard profile, adjusted by the stanza; cpu_ms and task_wall_ms 0:
                                 they follow wall_ms (limits_resolve). A task's own are task.limits */
    struct limits maximum;    /* what a task may ask for */
    struct limits minimum;    /* and what it must leave the runtime itself to start with; 0 = no bound */
    char *self_test;          /* a task (JSON text) that must pass before the runtime is advertised */
};

struct runtimes {
    struct runtime *items;
    size_t count;
};

/* Reads a runtimes.cfg. Errors name file and line, the rule and the allowed values. */
struct runtimes *runtimes_load(const char *file, struct err *err);
void runtimes_free(struct runtimes *runtimes); /* NULL is fine */
/* NULL when unknown. */
const struct runtime *runtimes_find(const struct runtimes *runtimes, const char *name);
/* "bash, c, cpp, node, python": for error messages. Valid as long as the registry. */
const char *runtimes_names(const struct runtimes *runtimes);

#endif
