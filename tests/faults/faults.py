"""The faults that a campaign draws from. Each does one thing and says to whom; what lasts puts its end on the campaign's list."""
import signal
import urllib.error
import urllib.parse

import psycopg2
from campaign import children, kill


def worker_killed(campaign, rng):
    return campaign.signal(rng, "worker", signal.SIGKILL)


def worker_terminated(campaign, rng):
    return campaign.signal(rng, "worker", signal.SIGTERM)


def worker_paused(campaign, rng):
    return campaign.pause(rng, "worker")


def slot_killed(campaign, rng):
    """A slot's init dies under the worker: an infra fault, tried again."""
    role = campaign.choose(rng, "worker")
    inits = children(campaign.roles[role].pid) if role else []
    return kill(rng.choice(inits)) if inits else None


def collector_killed(campaign, rng):
    return campaign.signal(rng, "collector", signal.SIGKILL)


def collector_terminated(campaign, rng):
    return campaign.signal(rng, "collector", signal.SIGTERM)


def collector_paused(campaign, rng):
    return campaign.pause(rng, "collector")


def producer_killed(campaign, rng):
    return campaign.signal(rng, "producer", signal.SIGKILL)


def producer_terminated(campaign, rng):
    return campaign.signal(rng, "producer", signal.SIGTERM)


def producer_paused(campaign, rng):
    return campaign.pause(rng, "producer")


def broker_restarted(campaign, _rng):
    campaign.site.servers.restart_broker()
    return ""


def broker_killed(campaign, _rng):
    campaign.site.servers.stop_broker(signal.SIGKILL)
    campaign.site.servers.up()
    return ""


def broker_memory_alarm(campaign, rng):
    servers = campaign.site.servers
    servers.rabbitmqctl("set_vm_memory_high_watermark", "0.000001")
    campaign.later(rng.uniform(2, 8), "memory alarm over", lambda: servers.rabbitmqctl("set_vm_memory_high_watermark", "0.4"))
    return ""


def broker_disk_alarm(campaign, rng):
    servers = campaign.site.servers
    servers.rabbitmqctl("set_disk_free_limit", "1000000GB")
    campaign.later(rng.uniform(2, 8), "disk alarm over", lambda: servers.rabbitmqctl("set_disk_free_limit", "50MB"))
    return ""


def connections_closed(campaign, _rng):
    """By the administrator, one after the other."""
    site = campaign.site
    closed = 0
    try:
        for connection in site.management("GET", "vhosts/{vhost}/connections"):
            site.management("DELETE", "connections/" + urllib.parse.quote(connection["name"], safe=""))
            closed += 1
    except (urllib.error.URLError, OSError):
        pass  # the broker may be starting
    return closed


def database_restarted(campaign, _rng):
    campaign.site.servers.restart_database()
    return ""


def database_crashed(campaign, _rng):
    campaign.site.servers.stop_database(signal.SIGQUIT)
    campaign.site.servers.up()
    return ""


def sessions_ended(campaign, _rng):
    return _end_sessions(campaign.site)


def _end_sessions(site):
    return site.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")


def database_read_only(campaign, rng):
    site = campaign.site
    site.servers.superuser(f"ALTER DATABASE {site.database} SET default_transaction_read_only = on")
    _end_sessions(site)

    def over():
        site.servers.superuser(f"ALTER DATABASE {site.database} RESET default_transaction_read_only")
        _end_sessions(site)
    campaign.later(rng.uniform(2, 8), "read-only over", over)
    return ""


def database_refuses_connections(campaign, rng):
    site = campaign.site
    site.servers.superuser("ALTER ROLE assay_collector CONNECTION LIMIT 0")
    _end_sessions(site)
    campaign.later(rng.uniform(2, 8), "connections again", lambda: site.servers.superuser("ALTER ROLE assay_collector CONNECTION LIMIT -1"))
    return ""


def table_locked(campaign, rng):
    connection = psycopg2.connect(campaign.site.pg_url("postgres"))
    try:
        connection.cursor().execute("SET lock_timeout = '2s'; LOCK TABLE executions")
    except psycopg2.errors.LockNotAvailable:
        connection.close()  # an earlier one still holds it
        return None
    campaign.later(rng.uniform(2, 10), "lock released", connection.close)
    return ""


ALL = [(6, worker_killed), (4, worker_terminated), (5, worker_paused), (6, slot_killed), (5, collector_killed), (3, collector_terminated),
       (4, collector_paused), (2, producer_killed), (1, producer_terminated), (2, producer_paused), (2, broker_restarted), (2, broker_killed),
       (2, broker_memory_alarm), (2, broker_disk_alarm), (4, connections_closed), (2, database_restarted), (2, database_crashed),
       (4, sessions_ended), (3, database_read_only), (3, database_refuses_connections), (4, table_locked)]
