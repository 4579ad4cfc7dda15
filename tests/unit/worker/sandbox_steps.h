/*
 * What tests of the sandbox share: one is opened for each test, tasks are begun and ended, steps run with
 * their output captured. Real sandboxes, on the machine as it is: a limit that only a cgroup can set is
 * skipped by name where there is none.
 */
#ifndef ASSAY_TESTS_UNIT_WORKER_SANDBOX_STEPS_H
#define ASSAY_TESTS_UNIT_WORKER_SANDBOX_STEPS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "worker/sandbox/sandbox.h"

#define MB          ((int64_t)1 << 20)
#define DEADLINE_MS 60000

static const char *const optional[] = {"cgroup_memory", "cgroup_cpu", NULL};

struct outcome {
    struct sandbox_event event;
    char out[65536];
    char error[65536];
};

static inline struct sandbox *open_sandbox(void)
{
    const struct sandbox_options options = {.slot = 7,
                                            .harness_dir = ASSAY_SOURCE_DIR "/worker/harness",
                                            .allow_missing = optional,
                                            .scratch_bytes_max = 1024 * MB};
    struct err err = ERR_INIT;
    struct sandbox *sandbox = sandbox_open(&options, &err);

    if (sandbox == NULL)
        fail_msg("%s", err.text);
    return sandbox;
}

static inline int open_it(void **state)
{
    *state = open_sandbox();
    return 0;
}

static inline int close_it(void **state)
{
    sandbox_close(*state);
    return 0;
}

static inline struct sandbox_event wait_for(struct sandbox *sandbox)
{
    struct sandbox_event event;
    int64_t deadline_ms = clock_ms() + DEADLINE_MS;

    while (!sandbox_receive(sandbox, &event)) {
        struct pollfd polled = {sandbox_fd(sandbox), POLLIN, 0};
        assert_true(clock_ms() < deadline_ms);
        (void)poll(&polled, 1, 1000);
    }
    return event;
}

static inline void expect_event(struct sandbox *sandbox, enum sandbox_event_kind kind)
{
    struct sandbox_event event = wait_for(sandbox);

    if (event.kind == SANDBOX_FAILED && kind != SANDBOX_FAILED)
        fail_msg("%s", event.err.text);
    assert_int_equal(event.kind, kind);
}

static inline void begin_with(struct sandbox *sandbox, const struct sandbox_task *task)
{
    struct err err = ERR_INIT;

    if (!sandbox_task_begin(sandbox, task, &err))
        fail_msg("%s", err.text);
    expect_event(sandbox, SANDBOX_TASK_READY);
}

static inline void begin(struct sandbox *sandbox)
{
    const struct sandbox_task task = {.memory_bytes = 512 * MB, .processes = 32, .disk_bytes = 64 * MB};

    begin_with(sandbox, &task);
}

static inline void end(struct sandbox *sandbox)
{
    struct err err = ERR_INIT;

    if (!sandbox_task_end(sandbox, &err))
        fail_msg("%s", err.text);
    expect_event(sandbox, SANDBOX_TASK_ENDED);
}

static inline size_t drain(int fd, char *text, size_t size, size_t used)
{
    ssize_t got = used < size - 1 ? read(fd, text + used, size - 1 - used) : 0;

    if (got > 0)
        used += (size_t)got;
    text[used] = '\0';
    return used;
}

/* Runs a step with its output captured, killing it after kill_ms (0 = never). The sandbox may fail. */
static inline void try_step(struct sandbox *sandbox, struct sandbox_step *step, int64_t kill_ms,
                            struct outcome *outcome)
{
    struct err err = ERR_INIT;
    int out[2], error[2];
    size_t out_used = 0, error_used = 0;
    int64_t started_ms = clock_ms();
    bool killed = false;

    assert_int_equal(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(pipe2(error, O_CLOEXEC | O_NONBLOCK), 0);
    (void)fcntl(out[1], F_SETFL, 0);
    (void)fcntl(error[1], F_SETFL, 0);
    step->stdout_fd = out[1];
    step->stderr_fd = error[1];
    if (!sandbox_run(sandbox, step, &err))
        fail_msg("%s", err.text);
    (void)close(out[1]);
    (void)close(error[1]);
    while (!sandbox_receive(sandbox, &outcome->event)) {
        struct pollfd polled[] = {
            {sandbox_fd(sandbox), POLLIN, 0}, {out[0], POLLIN, 0}, {error[0], POLLIN, 0}};
        assert_true(clock_ms() - started_ms < DEADLINE_MS);
        (void)poll(polled, 3, 20);
        out_used = drain(out[0], outcome->out, sizeof(outcome->out), out_used);
        error_used = drain(error[0], outcome->error, sizeof(outcome->error), error_used);
        if (kill_ms > 0 && !killed && clock_ms() - started_ms >= kill_ms) {
            sandbox_kill(sandbox, kill_ms);
            killed = true;
        }
    }
    (void)drain(out[0], outcome->out, sizeof(outcome->out), out_used);
    (void)drain(error[0], outcome->error, sizeof(outcome->error), error_used);
    (void)close(out[0]);
    (void)close(error[0]);
}

static inline void run_step(struct sandbox *sandbox, struct sandbox_step *step, int64_t kill_ms,
                            struct outcome *outcome)
{
    try_step(sandbox, step, kill_ms, outcome);
    if (outcome->event.kind == SANDBOX_FAILED)
        fail_msg("%s", outcome->event.err.text);
    assert_int_equal(outcome->event.kind, SANDBOX_STEP_EXITED);
}

static inline struct sandbox_step step_of(const char *const *argv)
{
    return (struct sandbox_step){.argv = argv,
                                 .stdin_fd = -1,
                                 .stdout_fd = -1,
                                 .stderr_fd = -1,
                                 .report_fd = -1,
                                 .control_fd = -1,
                                 .cpu_ms = 20000,
                                 .file_size_bytes = 64 * MB,
                                 .open_files = 256};
}

static inline void run_argv(struct sandbox *sandbox, const char *const *argv, struct outcome *outcome)
{
    struct sandbox_step step = step_of(argv);

    run_step(sandbox, &step, 0, outcome);
}

static inline void run_shell(struct sandbox *sandbox, const char *script, struct outcome *outcome)
{
    const char *const argv[] = {"bash", "-c", script, NULL};

    run_argv(sandbox, argv, outcome);
}

static inline bool is_in_force(const struct sandbox *sandbox, const char *part)
{
    for (const char *const *name = sandbox_mechanisms(sandbox); *name != NULL; name++)
        if (strstr(*name, part) != NULL)
            return true;
    return false;
}

/* Skips the rest of the test by name where the machine has no such cgroup. */
static inline void need(const struct sandbox *sandbox, const char *controller)
{
    char suffix[32];

    (void)snprintf(suffix, sizeof(suffix), "_%s", controller);
    for (const char *const *name = sandbox_mechanisms(sandbox); *name != NULL; name++)
        if (strncmp(*name, "cgroup_v", 8) == 0 && strcmp(*name + strlen(*name) - strlen(suffix), suffix) == 0)
            return;
    print_message("skipped: cgroup_%s is not there\n", controller);
    skip();
}

#endif
