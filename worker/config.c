#include "worker/config.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_keys.h"
#include "common/instance_name.h"
#include "common/mem.h"
#include "common/paths.h"

#define SLOTS_MAX 256

#define FIELD(member) offsetof(struct worker_config, member)

static const struct config_key keys[] = {
    {.key = "amqp_url",
     .type = CONFIG_STRING,
     .offset = FIELD(amqp_url),
     .default_text = "",
     .secret = true,
     .documentation =
         "The broker: amqp://user:password@host:port/vhost, or amqps://...?cacertfile=FILE (TLS); a "
         "cluster: host:port,host:port. "
         "Not needed for --check and --local."},
    {.key = "reply_amqp_url",
     .type = CONFIG_STRING,
     .offset = FIELD(reply_amqp_url),
     .default_text = "",
     .secret = true,
     .documentation = "The same broker under a user that may write to the default exchange alone: answers to "
                      "reply_to go over it. Empty: reply_to is not served."},
    {.key = "name",
     .type = CONFIG_STRING,
     .offset = FIELD(name),
     .default_text = "",
     .environment = "ASSAY_WORKER_NAME",
     .documentation =
         "The worker's name in results, logs and the table of workers; 1 to 100 of A-Za-z0-9._:/-. "
         "Empty: <host>-<process id>."},
    {.key = "slots",
     .type = CONFIG_INTEGER,
     .offset = FIELD(slots),
     .default_text = "1",
     .minimum = 1,
     .maximum = SLOTS_MAX,
     .environment = "ASSAY_WORKER_SLOTS",
     .documentation =
         "How many tasks run side by side. One in a container; up to the cores on a bare machine."},
    {.key = "runtimes",
     .type = CONFIG_STRING_LIST,
     .offset = FIELD(runtimes),
     .default_text = "",
     .environment = "ASSAY_WORKER_RUNTIMES",
     .documentation = "The runtimes to serve, of those in runtimes_file. Empty: all whose self-test passes."},
    {.key = "runtimes_file",
     .type = CONFIG_STRING,
     .offset = FIELD(runtimes_file),
     .default_text = "",
     .documentation =
         "The stanzas of the runtimes. Empty: the conf/runtimes.cfg that came with the program."},
    {.key = "harness_dir",
     .type = CONFIG_STRING,
     .offset = FIELD(harness_dir),
     .default_text = "",
     .documentation = "The folder of harnesses. Empty: the one that came with the program."},
    {.key = "prefetch",
     .type = CONFIG_INTEGER,
     .offset = FIELD(prefetch),
     .default_text = "0",
     .minimum = 0,
     .maximum = 1000,
     .environment = "ASSAY_WORKER_PREFETCH",
     .documentation =
         "Unacknowledged tasks taken from each queue at most. 0: adaptive, the slots and a small "
         "look-ahead, a larger one while tasks are short. prefetch x the longest task allowed / slots must "
         "stay under "
         "consumer_timeout_s."},
    {.key = "drain_s",
     .type = CONFIG_INTEGER,
     .offset = FIELD(drain_s),
     .default_text = "60",
     .minimum = 0,
     .maximum = 86400,
     .environment = "ASSAY_WORKER_DRAIN_S",
     .documentation =
         "Seconds that running tasks get to finish after SIGTERM; then they go back to the queue."},
    CONFIG_KEY_HEARTBEAT_S(FIELD(heartbeat_s), "ASSAY_WORKER_HEARTBEAT_S"),
    CONFIG_KEY_CONFIRM_TIMEOUT_S(FIELD(confirm_timeout_s), "ASSAY_WORKER_CONFIRM_TIMEOUT_S"),
    {.key = "consumer_timeout_s",
     .type = CONFIG_INTEGER,
     .offset = FIELD(consumer_timeout_s),
     .default_text = "10800",
     .minimum = 60,
     .maximum = 30 * 86400,
     .environment = "ASSAY_WORKER_CONSUMER_TIMEOUT_S",
     .documentation =
         "The broker's consumer_timeout in seconds: 10800 in the conf/broker/rabbitmq.conf shipped, "
         "1800 in a RabbitMQ that was not configured."},
    {.key = "delivery_limit",
     .type = CONFIG_INTEGER,
     .offset = FIELD(delivery_limit),
     .default_text = "50",
     .minimum = 4,
     .maximum = 1000000,
     .environment = "ASSAY_WORKER_DELIVERY_LIMIT",
     .documentation =
         "The broker's delivery-limit on task queues: 50 in the definitions shipped. A task that has "
         "come back half as often may be what kills workers: it runs alone, so that no other dies "
         "with it."},
    {.key = "uid_base",
     .type = CONFIG_INTEGER,
     .offset = FIELD(uid_base),
     .default_text = "300000",
     .minimum = 1000,
     .maximum = 2000000000,
     .environment = "ASSAY_WORKER_UID_BASE",
     .documentation =
         "As root, the programs of slot n run under user id uid_base + n. Workers of one machine "
         "need ranges that do not overlap."},
    {.key = "sandbox.setting",
     .type = CONFIG_STRING,
     .offset = FIELD(sandbox_setting),
     .default_text = "auto",
     .environment = "ASSAY_SANDBOX_SETTING",
     .documentation =
         "What holds programs in: namespaces, container (the one that the worker is in; one slot), or auto: "
         "container when the worker is root in one with exactly the capabilities of "
         "compose/executor.yaml, namespaces otherwise. What cannot be set up keeps the worker from "
         "starting."},
    {.key = "sandbox.allow_missing",
     .type = CONFIG_STRING_LIST,
     .offset = FIELD(allow_missing),
     .default_text = "",
     .documentation =
         "Sandbox mechanisms that may be absent on this machine; any other that is absent keeps the "
         "worker from starting. --check lists the names."},
    {.key = "sandbox.read_only_paths",
     .type = CONFIG_STRING_LIST,
     .offset = FIELD(read_only_paths),
     .default_text = "",
     .environment = "ASSAY_SANDBOX_READ_ONLY_PATHS",
     .documentation =
         "Paths that every program sees read-only at the same place, such as a volume of shared data; each "
         "beside those of its runtime's stanza."},
    {.key = "compile_cache_mb",
     .type = CONFIG_INTEGER,
     .offset = FIELD(compile_cache_mb),
     .default_text = "2",
     .minimum = 0,
     .maximum = 4096,
     .environment = "ASSAY_WORKER_COMPILE_CACHE_MB",
     .documentation =
         "Megabytes of memory for what compilers made, to be used again for equal tasks of the same job "
         "(docs/runtimes.md). 0: each task is compiled."},
    {.key = "warm.enabled",
     .type = CONFIG_BOOL,
     .offset = FIELD(warm_enabled),
     .default_text = "true",
     .environment = "ASSAY_WARM_ENABLED",
     .documentation =
         "Suites of runtimes with a warm_suite, and cases of those with warm_case, run in a fork of a server "
         "that has started the language once, in the same sandbox. false: each starts cold. A server that "
         "cannot start is logged, and its steps start cold."},
    {.key = "warm.fast_path",
     .type = CONFIG_BOOL,
     .offset = FIELD(warm_fast_path),
     .default_text = "true",
     .environment = "ASSAY_WARM_FAST_PATH",
     .documentation =
         "A warm server's fork runs a suite without its framework where the suite's text shows that this is "
         "the same; what does not pass is run again under the framework. false: always under the framework."},
    {.key = "warm.keep_suites",
     .type = CONFIG_BOOL,
     .offset = FIELD(warm_keep_suites),
     .default_text = "true",
     .environment = "ASSAY_WARM_KEEP_SUITES",
     .documentation =
         "A warm server keeps what its harness made of a suite's text (the list of its tests, the compiled "
         "suite), for further tasks with the same suite. false: each task makes it anew."},
    {.key = "warm.park",
     .type = CONFIG_BOOL,
     .offset = FIELD(warm_park),
     .default_text = "true",
     .environment = "ASSAY_WARM_PARK",
     .documentation =
         "A slot with nothing to do makes the next task's sandbox ahead, with the limits of the last one. "
         "After two tasks alike whose suite starts cold it also starts that process, where the runtime's "
         "stanza has park_suite, and keeps it waiting. false: each sandbox is made when its task comes."},
    {.key = "warm.tasks_max",
     .type = CONFIG_INTEGER,
     .offset = FIELD(warm_tasks_max),
     .default_text = "10000",
     .minimum = 0,
     .maximum = 1000000000,
     .environment = "ASSAY_WARM_TASKS_MAX",
     .documentation = "Suites or cases after which a warm server is started anew. 0: never for that reason."},
    {.key = "warm.growth_mb",
     .type = CONFIG_INTEGER,
     .offset = FIELD(warm_growth_mb),
     .default_text = "64",
     .minimum = 0,
     .maximum = 1000000,
     .environment = "ASSAY_WARM_GROWTH_MB",
     .documentation = "Megabytes by which a warm server may grow before it is started anew. 0: any."},
    {.key = "http.listen",
     .type = CONFIG_STRING,
     .offset = FIELD(http_listen),
     .default_text = "",
     .documentation =
         "Address for /healthz, /readyz, /status and /metrics, such as 127.0.0.1:9101. Empty: none."},
    CONFIG_KEY_LOG_LEVEL(FIELD(log_level)),
};

const struct config_table worker_config_table = {
    .keys = keys, .count = ARRAY_SIZE(keys), .program = "assay-worker"};

static bool find_if_empty(char **path, const char *shipped, struct err *err)
{
    if ((*path)[0] != '\0')
        return true;
    char *found = paths_find(shipped, err);
    if (found == NULL)
        return false;
    free(*path);
    *path = found;
    return true;
}

static bool override(struct worker_config *config, const struct worker_overrides *overrides, struct err *err)
{
    if (overrides->name != NULL) {
        char *name = strdup(overrides->name);
        if (name == NULL)
            return err_set(err, ERR_NO_MEMORY, "cannot copy the name");
        free(config->name);
        config->name = name;
    }
    if (overrides->slots > SLOTS_MAX)
        return err_set(err, ERR_USAGE, "--slots: allowed are 1 to %d", SLOTS_MAX);
    if (overrides->slots > 0)
        config->slots = overrides->slots;
    return true;
}

bool worker_config_load(struct worker_config *config, const char *file,
                        const struct worker_overrides *overrides, struct err *err)
{
    memset(config, 0, sizeof *config);
    if (!config_load(&worker_config_table, file, config, err))
        return false;
    if (override(config, overrides, err) &&
        instance_name_complete(&config->name, "ASSAY_WORKER_NAME", "worker", err) &&
        find_if_empty(&config->runtimes_file, "conf/runtimes.cfg", err) &&
        find_if_empty(&config->harness_dir, "worker/harness", err))
        return true;
    worker_config_free(config);
    return false;
}

void worker_config_free(struct worker_config *config)
{
    config_free(&worker_config_table, config);
}
