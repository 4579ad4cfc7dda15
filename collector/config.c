#include "collector/config.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/text.h"

#define NAME_MAX_BYTES 100

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
    {.key = "heartbeat_s",
     .type = CONFIG_INTEGER,
     .offset = FIELD(heartbeat_s),
     .default_text = "20",
     .minimum = 0,
     .maximum = 600,
     .environment = "ASSAY_COLLECTOR_HEARTBEAT_S",
     .documentation = "AMQP heartbeat in seconds: a dead connection is noticed within two of them. 0: off."},
    {.key = "confirm_timeout_s",
     .type = CONFIG_INTEGER,
     .offset = FIELD(confirm_timeout_s),
     .default_text = "60",
     .minimum = 1,
     .maximum = 86400,
     .environment = "ASSAY_COLLECTOR_CONFIRM_TIMEOUT_S",
     .documentation =
         "Seconds that the broker may take to confirm a message; then it is published again over a new "
         "connection."},
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
    {.key = "log.level",
     .type = CONFIG_CHOICE,
     .offset = FIELD(log_level),
     .default_text = "info",
     .choices = "debug|info|warn|error",
     .documentation = "The least level that is logged on standard error."},
};

const struct config_table collector_config_table = {keys, ARRAY_SIZE(keys), "assay-collector"};

/* The host's name may hold what a queue's may not. */
static char *default_name(void)
{
    char host[64] = "";
    char name[NAME_MAX_BYTES + 1];
    if (gethostname(host, sizeof(host) - 1) != 0 || !text_is_id(host, strlen(host)))
        (void)snprintf(host, sizeof(host), "collector");
    (void)snprintf(name, sizeof(name), "%s-%ld", host, (long)getpid());
    return strdup(name);
}

static bool complete(struct collector_config *config, struct err *err)
{
    if (config->name[0] == '\0') {
        char *name = default_name();
        if (name == NULL)
            return err_set(err, ERR_NO_MEMORY, "out of memory");
        free(config->name);
        config->name = name;
    }
    size_t length = strlen(config->name);
    if (length > NAME_MAX_BYTES || !text_is_id(config->name, length))
        return err_set(err, ERR_CONFIG,
                       "name (ASSAY_COLLECTOR_NAME) \"%.120s\": want 1 to %d of A-Za-z0-9._:/-", config->name,
                       NAME_MAX_BYTES);
    enum log_level level;
    if (log_level_parse(config->log_level, &level))
        log_set_level(level);
    return true;
}

bool collector_config_load(struct collector_config *config, const char *file, struct err *err)
{
    *config = (struct collector_config){0};
    if (!config_load(&collector_config_table, file, config, err))
        return false;
    if (!complete(config, err)) {
        collector_config_free(config);
        return false;
    }
    return true;
}

void collector_config_free(struct collector_config *config)
{
    config_free(&collector_config_table, config);
}
