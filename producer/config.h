/* The producer's settings. One table (config.c) gives the file's keys, the environment, --help and checks. */
#ifndef ASSAY_PRODUCER_CONFIG_H
#define ASSAY_PRODUCER_CONFIG_H

#include <stdint.h>

#include "common/config.h"
#include "common/err.h"
#include "common/runtimes.h"

struct producer_config {
    char *amqp_url;
    int64_t heartbeat_s;
    int64_t confirm_timeout_s;
    int64_t connect_timeout_s;
    int64_t statement_timeout_s; /* of the database */
    char *pg_url;
    char *management_url, *management_user, *management_password, *management_ca_file;
    char *runtimes_file;
    int64_t window;            /* unconfirmed messages at most */
    int64_t wait_expires_s;    /* how long a waiting producer's queue outlives its connection */
    char *suite_root;          /* relative test_suite_path values start here; "" = working directory */
    int64_t suite_max_bytes;   /* of one suite */
    int64_t suite_timeout_s;   /* of one download */
    int64_t claim_lease_s;     /* until a dead producer's unpublished rows come free */
    int64_t published_lease_s; /* until a published row without a result is published again */
    int64_t poll_s;            /* pending --follow: looks by itself this often */
    char *http_listen;
    char *log_level;
};

extern const struct config_table producer_config_table;

/* "no broker is configured ..." (ERR_CONFIG) when the setting is empty. */
bool producer_config_need_amqp(const struct producer_config *config, struct err *err);
bool producer_config_need_pg(const struct producer_config *config, struct err *err);
/* The configured runtimes.cfg, else the shipped one. */
struct runtimes *producer_config_runtimes(const struct producer_config *config, struct err *err);

#endif
