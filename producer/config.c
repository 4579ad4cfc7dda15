#include "producer/config.h"

#include "common/config_keys.h"
#include "common/mem.h"
#include "common/paths.h"

#define AT(member) offsetof(struct producer_config, member)

static const struct config_key keys[] = {
    {"amqp_url", CONFIG_STRING, AT(amqp_url), "", 0, 0, NULL, NULL, true,
     "The broker: amqp://user:password@host:port/vhost, or amqps://...?cacertfile=FILE (TLS); a cluster: "
     "host:port,host:port."},
    {"heartbeat_s", CONFIG_INTEGER, AT(heartbeat_s), "30", 1, 600, NULL, "ASSAY_PRODUCER_HEARTBEAT_S", false,
     "AMQP heartbeat in seconds; a dead connection is noticed within two of them."},
    CONFIG_KEY_CONFIRM_TIMEOUT_S(AT(confirm_timeout_s), "ASSAY_PRODUCER_CONFIRM_TIMEOUT_S"),
    {"connect_timeout_s", CONFIG_INTEGER, AT(connect_timeout_s), "10", 1, 300, NULL,
     "ASSAY_PRODUCER_CONNECT_TIMEOUT_S", false,
     "Seconds until a connection attempt counts as failed (broker and database)."},
    {"statement_timeout_s", CONFIG_INTEGER, AT(statement_timeout_s), "60", 1, 3600, NULL,
     "ASSAY_PRODUCER_STATEMENT_TIMEOUT_S", false,
     "Seconds that the database may take to answer a statement; then it counts as unreachable."},
    {"pg_url", CONFIG_STRING, AT(pg_url), "", 0, 0, NULL, NULL, true,
     "The database: a postgresql:// URL or a key=value string. For pending, results, show, rerun, and job "
     "progress in status."},
    {"management_url", CONFIG_STRING, AT(management_url), "", 0, 0, NULL, NULL, true,
     "RabbitMQ's management API for status, e.g. http://127.0.0.1:15672. Empty: depth and consumers are "
     "asked over AMQP, without rates."},
    {"management_user", CONFIG_STRING, AT(management_user), "", 0, 0, NULL, NULL, false,
     "User of the management API (tag monitoring). Empty: the one in management_url."},
    {"management_password", CONFIG_STRING, AT(management_password), "", 0, 0, NULL, NULL, true,
     "Password of the management API."},
    {"management_ca_file", CONFIG_STRING, AT(management_ca_file), "", 0, 0, NULL, NULL, false,
     "The authority (PEM) that signed the certificate of an https management_url. Empty: the system's "
     "authorities."},
    {"runtimes_file", CONFIG_STRING, AT(runtimes_file), "", 0, 0, NULL, "ASSAY_RUNTIMES_FILE", false,
     "The runtimes that tasks may name. Empty: conf/runtimes.cfg as shipped."},
    {"publish.window", CONFIG_INTEGER, AT(window), "100", 1, 10000, NULL, NULL, false,
     "Messages that may be unconfirmed at a time."},
    {"wait.expires_s", CONFIG_INTEGER, AT(wait_expires_s), "3600", 10, 604800, NULL, NULL, false,
     "How long the queue of a waiting producer outlives its connection, in seconds."},
    {"suite.root", CONFIG_STRING, AT(suite_root), "", 0, 0, NULL, NULL, false,
     "Where relative paths in applications.test_suite_path start. Empty: the working directory."},
    {"suite.max_bytes", CONFIG_INTEGER, AT(suite_max_bytes), "1048576", 1, 33554432, NULL, NULL, false,
     "A test suite (file or download) larger than this is refused."},
    {"suite.timeout_s", CONFIG_INTEGER, AT(suite_timeout_s), "10", 1, 30, NULL, NULL, false,
     "A download of a test suite that takes longer is refused."},
    {"pending.claim_lease_s", CONFIG_INTEGER, AT(claim_lease_s), "60", 5, 3600, NULL, NULL, false,
     "Rows that a producer claimed and did not publish come free after this many seconds; a living producer "
     "renews its claims."},
    {"pending.published_lease_s", CONFIG_INTEGER, AT(published_lease_s), "86400", 10, 2592000, NULL, NULL,
     false, "A published row that has no result after this many seconds is published again."},
    {"pending.poll_s", CONFIG_INTEGER, AT(poll_s), "10", 1, 3600, NULL, NULL, false,
     "pending --follow looks for rows this often, apart from notifications."},
    {"http.listen", CONFIG_STRING, AT(http_listen), "", 0, 0, NULL, "ASSAY_PRODUCER_HTTP_LISTEN", false,
     "ADDRESS:PORT where pending --follow serves /healthz, /readyz, /status and /metrics. Empty: no "
     "listener."},
    CONFIG_KEY_LOG_LEVEL(AT(log_level)),
};

const struct config_table producer_config_table = {keys, ARRAY_SIZE(keys), "assay-producer"};

bool producer_config_need_amqp(const struct producer_config *config, struct err *err)
{
    if (config->amqp_url[0] != '\0')
        return true;
    return err_set(err, ERR_CONFIG,
                   "no broker is configured: set ASSAY_AMQP_URL (or amqp_url in a --config file), or start a "
                   "local one with compose/local up");
}

bool producer_config_need_pg(const struct producer_config *config, struct err *err)
{
    if (config->pg_url[0] != '\0')
        return true;
    return err_set(err, ERR_CONFIG,
                   "no database is configured: set ASSAY_PG_URL (or pg_url in a --config file), or start a "
                   "local one with compose/local up");
}

struct runtimes *producer_config_runtimes(const struct producer_config *config, struct err *err)
{
    if (config->runtimes_file[0] != '\0')
        return runtimes_load(config->runtimes_file, err);
    autofree char *path = paths_find("conf/runtimes.cfg", err);
    if (path == NULL)
        return NULL;
    return runtimes_load(path, err);
}
