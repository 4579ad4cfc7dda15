#include "collector/config.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_keys.h"
#include "common/instance_name.h"
#include "common/mem.h"

#define FIELD(member) offsetof(struct collector_config, member)
#define MIB           (INT64_C(1024) * 1024)

static const struct config_key keys[] = {
    {.key = "amqp_url",
     .type = CONFIG_STRING,
     .offset = FIELD(amqp_url),
     .default_text = "",
     .secret = true,
     .documentation =
         "The broker: amqp://user:password@host:port/vhost, or amqps://...?cacertfile=FILE (TLS); a cluster: "
         "host:port,host:port. Needed by run."},
    {.key = "reply_amqp_url",
     .type = CONFIG_STRING,
     .offset = FIELD(reply_amqp_url),
     .default_text = "",
     .secret = true,
     .documentation =
         "The same broker under a user that may write to the default exchange alone: the verdicts of "
         "dead tasks are answered to their reply_to over it. Empty: they are not."},
    {.key = "pg_url",
     .type = CONFIG_STRING,
     .offset = FIELD(pg_url),
     .default_text = "",
     .secret = true,
     .documentation =
         "The database: postgresql://user:password@host:port/database, as the role that owns the "
         "tables; with TLS ...?sslmode=verify-full&sslrootcert=FILE."},
    {.key = "statement_timeout_s",
     .type = CONFIG_INTEGER,
     .offset = FIELD(statement_timeout_s),
     .default_text = "120",
     .minimum = 1,
     .maximum = 86400,
     .environment = "ASSAY_COLLECTOR_STATEMENT_TIMEOUT_S",
     .documentation =
         "Seconds that a statement may take in the database; then it is ended and sent again, over another "
         "connection when the server does not answer at all."},
    {.key = "name",
     .type = CONFIG_STRING,
     .offset = FIELD(name),
     .default_text = "",
     .environment = "ASSAY_COLLECTOR_NAME",
     .documentation =
         "The collector's name, in its own queues and in logs; 1 to 100 of A-Za-z0-9._:/-. Empty: "
         "<host>-<process id>."},
    {.key = "prefetch",
     .type = CONFIG_INTEGER,
     .offset = FIELD(prefetch),
     .default_text = "2000",
     .minimum = 1,
     .maximum = 65535,
     .environment = "ASSAY_COLLECTOR_PREFETCH",
     .documentation = "Unacknowledged messages taken from each queue at most. "
                      "Several times batch.rows lets the next batch fill while one commits."},
    {.key = "held_bytes_max",
     .type = CONFIG_INTEGER,
     .offset = FIELD(held_bytes_max),
     .default_text = "268435456",
     .minimum = 65536,
     .maximum = 65536 * MIB,
     .environment = "ASSAY_COLLECTOR_HELD_BYTES_MAX",
     .documentation = "Bytes of results held in memory, and of dead messages likewise, from which on no more "
                      "are taken until "
                      "half of them are stored. What the broker has sent by then, prefetch messages at most, "
                      "still comes."},
    CONFIG_KEY_HEARTBEAT_S(FIELD(heartbeat_s), "ASSAY_COLLECTOR_HEARTBEAT_S"),
    CONFIG_KEY_CONFIRM_TIMEOUT_S(FIELD(confirm_timeout_s), "ASSAY_COLLECTOR_CONFIRM_TIMEOUT_S"),
    {.key = "drain_s",
     .type = CONFIG_INTEGER,
     .offset = FIELD(drain_s),
     .default_text = "20",
     .minimum = 0,
     .maximum = 3600,
     .environment = "ASSAY_COLLECTOR_DRAIN_S",
     .documentation =
         "Seconds that what is held gets to be stored after SIGTERM; then it goes back to the queue."},
    {.key = "batch.rows",
     .type = CONFIG_INTEGER,
     .offset = FIELD(batch_rows),
     .default_text = "500",
     .minimum = 1,
     .maximum = 10000,
     .documentation = "Rows in one transaction at most."},
    {.key = "batch.bytes",
     .type = CONFIG_INTEGER,
     .offset = FIELD(batch_bytes),
     .default_text = "8388608",
     .minimum = 1024,
     .maximum = 256 * MIB,
     .documentation = "Bytes of messages in one transaction, about: the one that reaches it is still taken."},
    {.key = "batch.age_ms",
     .type = CONFIG_INTEGER,
     .offset = FIELD(batch_age_ms),
     .default_text = "100",
     .minimum = 0,
     .maximum = 60000,
     .documentation = "Milliseconds that the first row of a batch waits for more at most."},
    {.key = "retention_days",
     .type = CONFIG_INTEGER,
     .offset = FIELD(retention_days),
     .default_text = "30",
     .minimum = 0,
     .maximum = 36500,
     .documentation = "Days that verdicts are kept. 0: for ever."},
    {.key = "retention.batch",
     .type = CONFIG_INTEGER,
     .offset = FIELD(retention_batch),
     .default_text = "1000",
     .minimum = 1,
     .maximum = 100000,
     .documentation = "Verdicts deleted in one transaction, so that storing goes on between."},
    {.key = "retention.interval_s",
     .type = CONFIG_INTEGER,
     .offset = FIELD(retention_interval_s),
     .default_text = "3600",
     .minimum = 1,
     .maximum = 7 * 86400,
     .documentation = "Seconds between two looks for verdicts that are too old."},
    {.key = "http.listen",
     .type = CONFIG_STRING,
     .offset = FIELD(http_listen),
     .default_text = "",
     .environment = "ASSAY_COLLECTOR_HTTP_LISTEN",
     .documentation =
         "ADDRESS:PORT for /healthz, /readyz, /status and /metrics, e.g. 127.0.0.1:9102. Empty: no "
         "listener."},
    CONFIG_KEY_LOG_LEVEL(FIELD(log_level)),
};

const struct config_table collector_config_table = {keys, ARRAY_SIZE(keys), "assay-collector"};

bool collector_config_load(struct collector_config *config, const char *file, struct err *err)
{
    *config = (struct collector_config){0};
    if (!config_load(&collector_config_table, file, config, err))
        return false;
    if (!instance_name_complete(&config->name, "ASSAY_COLLECTOR_NAME", "collector", err)) {
        collector_config_free(config);
        return false;
    }
    return true;
}

void collector_config_free(struct collector_config *config)
{
    config_free(&collector_config_table, config);
}
