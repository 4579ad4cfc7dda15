/*
 * What the sandbox adds to a task: begin, one step of /bin/true and end, beside a bare fork, exec and wait of
 * the same program; and the parts alone. Prints medians and 95th percentiles in microseconds.
 *
 *     sandbox_cost [ROUNDS]
 *     sandbox_cost serve [SETTING]   a task for each line on stdin; its three parts are the answer
 * (tests/bench/isolation)
 */
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "worker/sandbox/sandbox.h"

enum part { PART_BEGIN, PART_STEP, PART_END, PART_TASK, PART_BARE, PARTS };

static const char *const part_names[PARTS] = {"begin", "step", "end", "task (all three)", "bare spawn"};

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

static void wait_for(struct sandbox *sandbox, enum sandbox_event_kind kind)
{
    struct sandbox_event event;

    while (!sandbox_receive(sandbox, &event)) {
        struct pollfd polled = {sandbox_fd(sandbox), POLLIN, 0};
        (void)poll(&polled, 1, -1);
    }
    if (event.kind != kind) {
        (void)fprintf(stderr, "event %d instead of %d: %s\n", (int)event.kind, (int)kind, event.err.text);
        exit(1);
    }
}

static void one_task(struct sandbox *sandbox, int64_t *begin_us, int64_t *step_us, int64_t *end_us)
{
    static const char *const argv[] = {"/bin/true", NULL};
    const struct sandbox_task task = {.memory_bytes = 512 << 20, .processes = 64, .disk_bytes = 64 << 20};
    const struct sandbox_step step = {.argv = argv,
                                      .stdin_fd = -1,
                                      .stdout_fd = -1,
                                      .stderr_fd = -1,
                                      .report_fd = -1,
                                      .control_fd = -1,
                                      .cpu_ms = 10000};
    struct err err = ERR_INIT;
    int64_t start = clock_us();

    if (!sandbox_task_begin(sandbox, &task, &err))
        (void)fprintf(stderr, "%s\n", err.text);
    wait_for(sandbox, SANDBOX_TASK_READY);
    int64_t begun = clock_us();
    if (!sandbox_run(sandbox, &step, &err))
        (void)fprintf(stderr, "%s\n", err.text);
    wait_for(sandbox, SANDBOX_STEP_EXITED);
    int64_t stepped = clock_us();
    if (!sandbox_task_end(sandbox, &err))
        (void)fprintf(stderr, "%s\n", err.text);
    wait_for(sandbox, SANDBOX_TASK_ENDED);
    *begin_us = begun - start;
    *step_us = stepped - begun;
    *end_us = clock_us() - stepped;
}

static int64_t bare(void)
{
    char *const argv[] = {(char *)(uintptr_t) "/bin/true", NULL}, *const none[] = {NULL};
    int64_t start = clock_us();
    pid_t pid;

    if (posix_spawn(&pid, argv[0], NULL, NULL, argv, none) == 0)
        (void)waitpid(pid, NULL, 0);
    return clock_us() - start;
}

static void serve(struct sandbox *sandbox)
{
    int64_t begin_us, step_us, end_us;

    (void)printf("open\n");
    (void)fflush(stdout);
    for (int c = getchar(); c != EOF; c = getchar()) {
        if (c != '\n')
            continue;
        one_task(sandbox, &begin_us, &step_us, &end_us);
        (void)printf("%jd %jd %jd\n", (intmax_t)begin_us, (intmax_t)step_us, (intmax_t)end_us);
        (void)fflush(stdout);
    }
}

static void measure(struct sandbox *sandbox, size_t rounds)
{
    int64_t *samples[PARTS];

    for (size_t part = 0; part < PARTS; part++)
        samples[part] = calloc(rounds + 1, sizeof(int64_t));
    for (size_t i = 0; i < rounds; i++) { /* interleaved: the machine's speed drifts */
        one_task(sandbox, &samples[PART_BEGIN][i], &samples[PART_STEP][i], &samples[PART_END][i]);
        samples[PART_TASK][i] = samples[PART_BEGIN][i] + samples[PART_STEP][i] + samples[PART_END][i];
        samples[PART_BARE][i] = bare();
    }
    for (size_t part = 0; part < PARTS; part++) {
        qsort(samples[part], rounds, sizeof(int64_t), compare);
        (void)printf("%-18s median %6jd us   p95 %6jd us\n", part_names[part],
                     (intmax_t)samples[part][rounds / 2], (intmax_t)samples[part][rounds * 95 / 100]);
        free(samples[part]);
    }
}

int main(int argc, char **argv)
{
    static const char *const optional[] = {"cgroup_memory", "cgroup_cpu", NULL};
    bool serves = argc > 1 && strcmp(argv[1], "serve") == 0;
    const struct sandbox_options options = {.slot = 1,
                                            .harness_dir = ASSAY_SOURCE_DIR "/worker/harness",
                                            .allow_missing = optional,
                                            .setting = serves && argc > 2 ? argv[2] : NULL};
    struct err err = ERR_INIT;
    int64_t start = clock_us();
    struct sandbox *sandbox = sandbox_open(&options, &err);

    if (sandbox == NULL) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    if (serves) {
        serve(sandbox);
        sandbox_close(sandbox);
        return 0;
    }
    (void)printf("open: %jd us; in force:", (intmax_t)(clock_us() - start));
    for (const char *const *name = sandbox_mechanisms(sandbox); *name != NULL; name++)
        (void)printf(" %s", *name);
    (void)printf("\n");
    measure(sandbox, argc > 1 ? strtoul(argv[1], NULL, 10) : 500);
    sandbox_close(sandbox);
    return 0;
}
