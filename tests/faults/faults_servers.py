"""Faults of RabbitMQ and PostgreSQL."""
import signal
import urllib.error
import urllib.parse

import psycopg2


def _down_and_up(name, stop):
    def fault(campaign, _rng):
        stop(campaign.site.servers)
        campaign.site.servers.up()
        return ""
    fault.__name__ = name
    return fault


def _lasting(name, begin, end, over):
    """`begin`(site), and `end`(site) after a while, which the schedule calls `over`."""
    def fault(campaign, rng):
        begin(campaign.site)
        campaign.later(campaign.lasting(rng), over, lambda: end(campaign.site))
        return ""
    fault.__name__ = name
    return fault


def _setting(command, value):
    """A limit of the broker's, set while it runs."""
    return lambda site: site.servers.rabbitmqctl(command, value)


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


def _altered(statement):
    """A statement of the superuser's, which sessions that are open would not notice."""
    def do(site):
        site.servers.superuser(statement.format(database=site.database))
        _end_sessions(site)
    return do


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


RESTARTS = [
    (2, _down_and_up("broker_restarted", lambda servers: servers.stop_broker())),
    (2, _down_and_up("broker_killed", lambda servers: servers.stop_broker(signal.SIGKILL))),
    (2, _down_and_up("database_restarted", lambda servers: servers.stop_database())),
    (2, _down_and_up("database_crashed", lambda servers: servers.stop_database(signal.SIGQUIT))),
]
ALARMS = [
    (2, _lasting("broker_memory_alarm", _setting("set_vm_memory_high_watermark", "0.000001"), _setting("set_vm_memory_high_watermark", "0.4"),
                 "memory alarm over")),
    (2, _lasting("broker_disk_alarm", _setting("set_disk_free_limit", "1000000GB"), _setting("set_disk_free_limit", "50MB"), "disk alarm over")),
    (4, connections_closed),
]
DATABASE = [
    (4, sessions_ended),
    (3, _lasting("database_read_only", _altered("ALTER DATABASE {database} SET default_transaction_read_only = on"),
                 _altered("ALTER DATABASE {database} RESET default_transaction_read_only"), "read-only over")),
    (3, _lasting("database_refuses_connections", _altered("ALTER ROLE assay_collector CONNECTION LIMIT 0"),
                 lambda site: site.servers.superuser("ALTER ROLE assay_collector CONNECTION LIMIT -1"), "connections again")),
    (2, database_out_of_connections),
    (4, table_locked),
]
