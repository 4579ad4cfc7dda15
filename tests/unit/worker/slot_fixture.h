/*
 * What tests of the slot share: one slot for a test program, against the real sandbox; skipped by name where
 * none can be opened, unless ASSAY_REQUIRE names "sandbox" or "all".
 */
#ifndef ASSAY_TESTS_UNIT_WORKER_SLOT_FIXTURE_H
#define ASSAY_TESTS_UNIT_WORKER_SLOT_FIXTURE_H

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "worker/slot.h"

#define MB (1024 * 1024)

/* A machine may run this test as an ordinary user, who has no cgroup. */
static const char *const allow_missing[] = {"cgroup_memory", "cgroup_cpu", "landlock", NULL};

struct fixture {
    struct loop *loop;
    struct slot *slot; /* NULL: no sandbox here */
    char why[1200];
    bool done;
    enum slot_end end;
    struct result *result;
    struct err err;
};

static inline void on_done(void *context, struct slot *slot, enum slot_end end, struct result *result,
                           const struct err *err)
{
    struct fixture *fixture = context;
    assert_ptr_equal(slot, fixture->slot);
    assert_false(fixture->done);
    fixture->done = true;
    fixture->end = end;
    fixture->result = result;
    fixture->err = *err;
}

static inline int set_up_with(void **state, const struct runtimes *runtimes, bool park)
{
    static struct fixture fixture;
    struct err err = ERR_INIT;
    struct slot_options options = {.number = 1,
                                   .harness_dir = ASSAY_SOURCE_DIR "/worker/harness",
                                   .runtimes = runtimes,
                                   .allow_missing = allow_missing,
                                   .warm = {.park = park}};
    fixture.loop = loop_open(&err);
    if (fixture.loop == NULL)
        return -1;
    fixture.slot = slot_open(fixture.loop, &options, on_done, &fixture, &err);
    if (fixture.slot == NULL) {
        const char *required = getenv("ASSAY_REQUIRE");
        (void)snprintf(fixture.why, sizeof(fixture.why), "no sandbox here: %s", err.text);
        print_message("%s\n", fixture.why);
        if (required != NULL && (strstr(required, "sandbox") != NULL || strcmp(required, "all") == 0))
            return -1;
    }
    *state = &fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    slot_close(fixture->slot);
    loop_close(fixture->loop);
    return 0;
}

static inline struct fixture *begin(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->slot == NULL)
        skip();
    fixture->done = false;
    return fixture;
}

static inline void wait_done(struct fixture *fixture)
{
    int64_t deadline_ms = clock_ms() + 30000;
    while (!fixture->done) {
        struct err err = ERR_INIT;
        if (!loop_step(fixture->loop, 100, &err))
            fail_msg("%s", err.text);
        if (clock_ms() > deadline_ms)
            fail_msg("no verdict within 30 s");
    }
    assert_true(slot_is_idle(fixture->slot));
}

static inline struct task make_task(const struct runtime *runtime)
{
    return (struct task){
        .task_id = "t",
        .job_id = "j",
        .runtime = runtime,
        .limits = {.wall_ms = 5000,
                   .task_wall_ms = 20000,
                   .cpu_ms = 10000,
                   .memory_bytes = 256 * MB,
                   .processes = 32,
                   .output_bytes = 4096,
                   .disk_bytes = 16 * MB,
                   .compile_wall_ms = 5000},
    };
}

static inline struct blob text_blob(const char *text)
{
    return (struct blob){text, strlen(text)};
}

/* Runs the task and returns its verdict; fails when there is none. */
static inline struct result *run(struct fixture *fixture, const struct task *task)
{
    fixture->done = false;
    slot_run(fixture->slot, task);
    assert_false(fixture->done);
    wait_done(fixture);
    if (fixture->end != SLOT_VERDICT)
        fail_msg("no verdict: %d %s", fixture->end, fixture->err.text);
    return fixture->result;
}

/* The first child of this process: the sandbox's. */
static inline pid_t find_child(void)
{
    char path[64];
    long child = 0;
    (void)snprintf(path, sizeof(path), "/proc/self/task/%ld/children", (long)getpid());
    FILE *file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%ld", &child) != 1)
        child = 0;
    if (file != NULL)
        (void)fclose(file);
    return (pid_t)child;
}

static inline size_t count_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count;
}

/* The beginning of a suite in shell that reports two tests, a and b. */
#define HARNESS                                                                                              \
    "read -r c <&4; k=${c#*secret\\\":\\\"}; k=${k%%\\\"*}; exec 4<&-;"                                      \
    "say() { printf '{\"k\":\"%s\",\"t\":%s}\\n' \"$k\" \"$1\" >&3; }\n"                                     \
    "say '\"plan\",\"tests\":[\"a\",\"b\"]'\n"
#define SAY_PASSED(name) "say '\"test\",\"name\":\"" name "\",\"outcome\":\"passed\",\"ms\":1'\n"
#define SAY_DONE         "say '\"done\"'\n"

#endif
