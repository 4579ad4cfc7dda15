"""Faults of RabbitMQ and PostgreSQL."""
import signal
import urllib.error
import urllib.parse

import psycopg2


def broker_restarted(campaign, _rng):
    campaign.site.servers.restart_broker()
    return ""


def broker_killed(campaign, _rng):
    campaign.site.servers.stop_broker(signal.SIGKILL)
    campaign.site.servers.up()
    return ""


def database_restarted(campaign, _rng):
    campaign.site.servers.restart_database()
    return ""


def database_crashed(campaign, _rng):
    campaign.site.servers.stop_database(signal.SIGQUIT)
    campaign.site.servers.up()
    return ""


def broker_memory_alarm(campaign, rng):
    servers = campaign.site.servers
    servers.rabbitmqctl("set_vm_memory_high_watermark", "0.000001")
    campaign.later(campaign.lasting(rng), "memory alarm over", lambda: servers.rabbitmqctl("set_vm_memory_high_watermark", "0.4"))
    return ""


def broker_disk_alarm(campaign, rng):
    servers = campaign.site.servers
    servers.rabbitmqctl("set_disk_free_limit", "1000000GB")
    campaign.later(campaign.lasting(rng), "disk alarm over", lambda: servers.rabbitmqctl("set_disk_free_limit", "50MB"))
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


def sessions_ended(campaign, _rng):
    return _end_sessions(campaign.site)


def _end_sessions(site):
    return site.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                      " AND usename <> 'postgres'")


def database_read_only(campaign, rng):
    site = campaign.site
    site.servers.superuser(f"ALTER DATABASE {site.database} SET default_transaction_read_only = on")
    _end_sessions(site)

    def over():
        site.servers.superuser(f"ALTER DATABASE {site.database} RESET default_transaction_read_only")
        _end_sessions(site)
    campaign.later(campaign.lasting(rng), "read-only over", over)
    return ""


def database_refuses_connections(campaign, rng):
    site = campaign.site
    site.servers.superuser("ALTER ROLE assay_collector CONNECTION LIMIT 0")
    _end_sessions(site)
    campaign.later(campaign.lasting(rng), "connections again", lambda: site.servers.superuser("ALTER ROLE assay_collector CONNECTION LIMIT -1"))
    return ""


def database_out_of_connections(campaign, rng):
    """Others have taken all of max_connections but the superuser's."""
    site = campaign.site
    _end_sessions(site)
    taken = []
    try:
        while True:
            taken.append(psycopg2.connect(site.servers.pg_url("assay_producer", "postgres")))
    except psycopg2.OperationalError:
        pass

    def over():
        for connection in taken:
            connection.close()
    campaign.later(campaign.lasting(rng), "connections given back", over)
    return len(taken)


def database_disk_full(campaign, rng):
    """Of the tablespace that holds the rows; one transaction finds it, the others wait behind."""
    disk = campaign.fleet.tablespace.disk
    disk.fill()
    campaign.later(campaign.lasting(rng), "tablespace has space again", disk.free)
    return ""


def table_locked(campaign, rng):
    connection = psycopg2.connect(campaign.site.pg_url("postgres"))
    try:
        connection.cursor().execute("SET lock_timeout = '2s'; LOCK TABLE executions")
    except psycopg2.errors.LockNotAvailable:
        connection.close()  # an earlier one still holds it
        return None
    campaign.later(campaign.lasting(rng), "lock released", connection.close)
    return ""


RESTARTS = [(2, broker_restarted), (2, broker_killed), (2, database_restarted), (2, database_crashed)]
ALARMS = [(2, broker_memory_alarm), (2, broker_disk_alarm), (4, connections_closed)]
DATABASE = [(4, sessions_ended), (3, database_read_only), (3, database_refuses_connections), (2, database_out_of_connections), (4, table_locked)]
