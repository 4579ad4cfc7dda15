/*
 * assay-worker: runs tasks in sandboxes and tells their verdicts.
 *
 * Theory of operation
 *
 * Processes. The worker is one process with one thread and one epoll loop. Each slot has a slot init, forked
 * before anything else is opened, and each task a task init under it (worker/sandbox/sandbox.h). Programs run
 * there, under a user id of their own; the worker executes no byte of a task and follows no path that a task
 * can write.
 *
 * Order. Configuration and runtimes are read; the slots are opened; the worker attacks its own sandboxes
 * (self_attack.h) and goes on only when every layer has held; each runtime's self-test runs in a slot, and
 * only runtimes that pass are served. Then, and only with no failure so far, the broker is connected
 * (service.h), a file is run (--local, local.h), or the findings are printed (--check, check.h).
 *
 * The way of a task: a delivery enters the ledger (ledger.h), waits in the dispatch list (dispatch.h), runs
 * in a slot (runner.h, slot.h), and its result is published; the broker's confirm of the result is what lets
 * the task be acknowledged. At every moment a task is thus either in its queue or in the ledger of a live
 * worker, and killing the worker puts it back into the queue. How much is taken from the queues is the
 * intake's decision (intake.h), so that no task waits here behind a long one while another worker idles.
 *
 * Descriptors. All are CLOEXEC. The broker connection and the reply connection (replies.h) have different
 * users: whoever may answer a reply_to may write to every queue.
 *
 * Faults. The program's own faults are verdicts. The machinery's are tried again in another slot, three times
 * at most; meanwhile the worker consumes nothing until its self-test passes. A lost connection stops no task:
 * results wait for the next one. SIGTERM drains, a second one ends at once.
 */
#include <signal.h>
#include <stdio.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/message/json_memory.h"
#include "common/paths.h"
#include "common/runtimes.h"
#include "worker/check.h"
#include "worker/config.h"
#include "worker/local.h"
#include "worker/options.h"
#include "worker/runner.h"
#include "worker/self_attack.h"
#include "worker/selftest.h"
#include "worker/service.h"

#define EXIT_NOT_ALL_PASSED 1

/* All that a run needs, opened in this order. */
struct machine {
    struct worker_config config;
    struct runtimes *runtimes;
    struct loop *loop;
    struct runner *runner;
    bool stopped; /* by a signal, before anything was served */
};

static bool machine_open(struct machine *machine, enum worker_mode mode, struct err *err)
{
    const struct worker_config *config = &machine->config;
    machine->runtimes = runtimes_load(config->runtimes_file, err);
    if (machine->runtimes == NULL)
        return false;
    machine->loop = loop_open(err);
    if (machine->loop == NULL)
        return false;
    struct runner_options options = {.worker = config->name,
                                     .slots = (unsigned)config->slots,
                                     .runtimes = machine->runtimes,
                                     .harness_dir = config->harness_dir,
                                     .sandbox_setting = config->sandbox_setting,
                                     .allow_missing = (const char *const *)config->allow_missing.items,
                                     .read_only_paths = (const char *const *)config->read_only_paths.items,
                                     .uid_base = config->uid_base,
                                     .compile_cache_bytes = config->compile_cache_mb << 20,
                                     .warm = {.enabled = config->warm_enabled,
                                              .fast_path = config->warm_fast_path,
                                              .keep_suites = config->warm_keep_suites,
                                              .park = config->warm_park,
                                              .at_once = mode == MODE_CHECK,
                                              .runtimes = &config->runtimes,
                                              .tasks_max = config->warm_tasks_max,
                                              .growth_bytes = config->warm_growth_mb << 20}};
    machine->runner = runner_open(machine->loop, &options, err);
    return machine->runner != NULL;
}

static void machine_close(struct machine *machine)
{
    runner_close(machine->runner);
    loop_close(machine->loop);
    runtimes_free(machine->runtimes);
}

static bool check_machine(struct machine *machine, const struct worker_command_line *command_line,
                          int *exit_status, struct err *err)
{
    struct self_tests tests = {.items = NULL};
    struct probe_findings findings;
    bool ok = self_attack(machine->runner, command_line->config_file, &findings, err) &&
              self_tests_run(&tests, machine->loop, machine->runner, machine->runtimes,
                             &machine->config.runtimes, NULL, err);
    if (ok) {
        struct check check = {.findings = &findings,
                              .mechanisms = runner_mechanisms(machine->runner),
                              .runner = machine->runner,
                              .tests = &tests};
        if (!command_line->json)
            check_print_text(&check, stdout);
        else if (!check_print_json(&check, stdout))
            ok = err_set(err, ERR_NO_MEMORY, "no memory to print the findings");
        *exit_status = check_passed(&check) ? 0 : EXIT_NOT_ALL_PASSED;
    }
    self_tests_free(&tests);
    return ok;
}

/* No program of anybody's runs before every layer has held. */
static bool withstand_attack(struct machine *machine, const struct worker_command_line *command_line,
                             struct err *err)
{
    struct probe_findings findings;
    return self_attack(machine->runner, command_line->config_file, &findings, err) &&
           self_attack_held(&findings, runner_mechanisms(machine->runner), err);
}

static bool local(struct machine *machine, const char *file, int *exit_status, struct err *err)
{
    struct local_options options = {.file = file,
                                    .worker = machine->config.name,
                                    .runtimes = machine->runtimes,
                                    .runner = machine->runner,
                                    .slots = (unsigned)machine->config.slots};
    bool all_passed = false;
    if (!local_run(machine->loop, &options, &all_passed, err))
        return false;
    *exit_status = all_passed ? 0 : EXIT_NOT_ALL_PASSED;
    return true;
}

static void on_early_signal(void *context, int signal_number)
{
    struct machine *machine = context;
    (void)signal_number;
    machine->stopped = true;
}

/* Until the service takes the signals over there is nothing to drain: the worker just ends. */
static bool watch_early_signals(struct machine *machine, struct err *err)
{
    static const int signals[] = {SIGTERM, SIGINT};
    return loop_watch_signals(machine->loop, signals, ARRAY_SIZE(signals), on_early_signal, machine, err);
}

static bool test_runtimes(struct machine *machine, struct self_tests *tests, struct err *err)
{
    if (!self_tests_run(tests, machine->loop, machine->runner, machine->runtimes, &machine->config.runtimes,
                        &machine->stopped, err) ||
        !self_tests_repeat(tests, machine->loop, machine->runner, &machine->stopped, err))
        return false;
    if (machine->stopped)
        return true;
    runner_end_servers_on_demand(machine->runner); /* what comes may have no cases */
    for (size_t i = 0; i < tests->count; i++)
        if (!tests->items[i].passed)
            log_error("runtime %s is not served, its self-test did not pass: %.300s",
                      tests->items[i].runtime->name, self_test_trouble(&tests->items[i]));
    return tests->passed > 0 ||
           err_set(err, ERR_INFRA,
                   "no runtime passed its self-test, so there is nothing to serve: run assay-worker --check");
}

static bool serve(struct machine *machine, struct err *err)
{
    struct self_tests tests = {.items = NULL};
    bool ok = test_runtimes(machine, &tests, err);
    if (ok && machine->stopped) {
        log_info("ended before the self-tests were over");
    } else if (ok) {
        struct service_options options = {
            .config = &machine->config, .runtimes = machine->runtimes, .tests = &tests};
        ok = service_run(machine->loop, &options, steal_ptr(machine->runner), err);
    }
    runner_close(steal_ptr(machine->runner)); /* it may hold a test that was stopped */
    self_tests_free(&tests);
    return ok;
}

static bool run(const struct worker_command_line *command_line, struct machine *machine, int *exit_status,
                struct err *err)
{
    if (!worker_config_load(&machine->config, command_line->config_file, &command_line->overrides, err))
        return false;
    log_set_level(machine->config.log_level);
    bool ok = command_line->mode != MODE_SERVE || machine->config.amqp_url[0] != '\0' ||
              err_set(err, ERR_CONFIG,
                      "no broker: set amqp_url, ASSAY_AMQP_URL or ASSAY_AMQP_URL_FILE, or use --local FILE");
    ok = ok && machine_open(machine, command_line->mode, err);
    if (ok && command_line->mode == MODE_CHECK)
        ok = check_machine(machine, command_line, exit_status, err);
    else if (ok && command_line->mode == MODE_LOCAL)
        ok = withstand_attack(machine, command_line, err) &&
             local(machine, command_line->local_file, exit_status, err);
    else if (ok)
        ok = watch_early_signals(machine, err) && withstand_attack(machine, command_line, err) &&
             serve(machine, err);
    machine_close(machine);
    worker_config_free(&machine->config);
    return ok;
}

int main(int argc, char **argv)
{
    struct worker_command_line command_line;
    struct machine machine = {.runtimes = NULL};
    struct err err = ERR_INIT;
    int exit_status = 0;
    bool ok;

    log_open("assay-worker");
    json_memory_use();
    (void)signal(SIGPIPE, SIG_IGN);
    ok = options_parse(argc, argv, &command_line, &err);
    if (ok && command_line.mode == MODE_HELP) {
        options_print_help();
    } else if (ok && command_line.mode == MODE_VERSION) {
        (void)printf("assay-worker %s\n", ASSAY_VERSION);
    } else if (ok && command_line.mode == MODE_PRINT_CONFIG) {
        config_print_sample(&worker_config_table, stdout);
    } else if (ok) {
        paths_load_local_env();
        ok = run(&command_line, &machine, &exit_status, &err);
    }
    if (!ok) {
        log_error("%s", err.text);
        return err_exit_status(err.code);
    }
    return exit_status;
}
