/* The worker's configuration: one table (config.c), from which the sample file, --help and the checks come.
 */
#ifndef ASSAY_WORKER_CONFIG_H
#define ASSAY_WORKER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/err.h"

struct worker_config {
    char *amqp_url;
    char *reply_amqp_url;
    char *name; /* filled in by worker_config_load: never empty */
    int64_t slots;
    struct config_list runtimes;
    char *runtimes_file; /* likewise an absolute path or as given */
    char *harness_dir;
    int64_t prefetch;
    int64_t drain_s;
    int64_t heartbeat_s;
    int64_t confirm_timeout_s;
    int64_t consumer_timeout_s;
    int64_t delivery_limit;
    int64_t uid_base;
    char *sandbox_setting;
    struct config_list allow_missing;
    struct config_list read_only_paths;
    int64_t compile_cache_mb;
    bool warm_enabled;
    bool warm_fast_path;
    bool warm_keep_suites;
    bool warm_park;
    int64_t warm_tasks_max;
    int64_t warm_growth_mb;
    char *http_listen;
    char *log_level;
};

extern const struct config_table worker_config_table;

/* What the command line says over the file; NULL and 0 = nothing. */
struct worker_overrides {
    const char *name;
    int64_t slots;
};

/* Defaults, file, environment, command line; then finds the runtimes file and the harnesses and makes the
 * name. On failure nothing is to be freed. */
bool worker_config_load(struct worker_config *config, const char *file,
                        const struct worker_overrides *overrides, struct err *err);
void worker_config_free(struct worker_config *config);

#endif
