/* The collector's configuration: one table (config.c), from which the sample file, --help and the checks
 * come. */
#ifndef ASSAY_COLLECTOR_CONFIG_H
#define ASSAY_COLLECTOR_CONFIG_H

#include <stdint.h>

#include "common/config.h"
#include "common/err.h"

struct collector_config {
    char *amqp_url;
    char *reply_amqp_url;
    char *pg_url;
    char *name; /* filled in by collector_config_load: never empty */
    int64_t prefetch;
    int64_t held_bytes_max;
    int64_t heartbeat_s;
    int64_t confirm_timeout_s;
    int64_t statement_timeout_s;
    int64_t drain_s;
    int64_t batch_rows;
    int64_t batch_bytes;
    int64_t batch_age_ms;
    int64_t retention_days;
    int64_t retention_batch;
    int64_t retention_interval_s;
    char *http_listen;
    char *log_level;
};

extern const struct config_table collector_config_table;

/* Defaults, file (NULL: none), environment. On failure nothing is to be freed. */
bool collector_config_load(struct collector_config *config, const char *file, struct err *err);
void collector_config_free(struct collector_config *config);

#endif
