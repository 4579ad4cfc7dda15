"""What each database role may do, and what not: real statements, each in a transaction that is rolled back."""
import psycopg2
import psycopg2.errors
import pytest

READS = {"executions", "jobs", "job_parts", "workers", "worker_states", "dead_letters", "applications", "requirements", "reconstructions"}


@pytest.fixture(scope="module")
def connections(fleet):
    """By role; `collector` owns the tables."""
    made = {}
    for role in ("assay_producer", "assay_collector", "postgres"):
        query = "?sslmode=require" if role != "postgres" else ""
        made[role] = psycopg2.connect(fleet.servers.pg_url(role, "assay") + query)
    yield made
    for connection in made.values():
        connection.close()


def allowed(connection, statement):
    """True when the server lets it happen, or fails it for another reason than permission; False when it refuses."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        return True
    except psycopg2.errors.InsufficientPrivilege:
        return False
    except psycopg2.Error as error:
        assert error.pgcode is not None, error
        return True
    finally:
        connection.rollback()


def tables(connections):
    with connections["postgres"].cursor() as cursor:
        cursor.execute("SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                       "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'v', 'p')")
        names = {row[0] for row in cursor.fetchall()}
    connections["postgres"].rollback()
    assert READS < names
    return names


def test_the_producer_reads_verdicts_and_claims_rows_and_nothing_else(connections):
    producer = connections["assay_producer"]
    may = set()
    for name in tables(connections):
        with connections["postgres"].cursor() as cursor:
            cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped", (name,))
            columns = [row[0] for row in cursor.fetchall()]
        connections["postgres"].rollback()
        if name == "worker_states":  # a view: nobody writes it
            may |= {(name, "SELECT")} if allowed(producer, f"SELECT count(*) FROM {name}") else set()
            continue
        statements = {"SELECT": f"SELECT count(*) FROM {name}", "INSERT": f"INSERT INTO {name} DEFAULT VALUES",
                      "DELETE": f"DELETE FROM {name}", "TRUNCATE": f"TRUNCATE {name}", "DROP": f"DROP TABLE {name}",
                      "TRIGGER": f"CREATE TRIGGER t BEFORE INSERT ON {name} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
                      **{f"UPDATE {column}": f'UPDATE {name} SET "{column}" = NULL' for column in columns}}
        may |= {(name, what) for what, statement in statements.items() if allowed(producer, statement)}
    expected = {(name, "SELECT") for name in READS} | {("reconstructions", "UPDATE claimed_by"), ("reconstructions", "UPDATE claimed_until"),
                                                       ("dead_letters", "UPDATE requeued_at"), ("dead_letters", "DELETE")}
    assert may == expected, {"beyond": may - expected, "missing": expected - may}


BEYOND_BOTH = {
    "other roles' passwords": "SELECT rolpassword FROM pg_authid",
    "a role": "CREATE ROLE mine SUPERUSER LOGIN",
    "a database": "SELECT pg_database_size('template1'); ALTER DATABASE template1 RENAME TO mine",
    "the server's files": "SELECT pg_read_file('/etc/passwd')",
    "a program on the server": "COPY (SELECT 1) TO PROGRAM 'cat'",
    "a file on the server": "COPY (SELECT 1) TO '/tmp/assay-mine'",
    "another language": "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/lib/x86_64-linux-gnu/libc.so.6', 'abs'",
    "the server's settings": "SET session_preload_libraries = 'x'",
    "its own rights": "ALTER ROLE CURRENT_USER SUPERUSER",
    "to become the administrator": "SET ROLE postgres",
    "others' sessions": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres' LIMIT 1",
}


@pytest.mark.parametrize("what", BEYOND_BOTH)
def test_neither_role_reaches(connections, what):
    for role in ("assay_producer", "assay_collector"):
        assert not allowed(connections[role], BEYOND_BOTH[what]), f"{role}: {what}"


@pytest.mark.parametrize("statement", ["CREATE TABLE mine (i int)", "CREATE SCHEMA mine", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                                       "ALTER TABLE executions ADD COLUMN mine int", "ALTER DATABASE assay SET search_path = mine",
                                       "SET ROLE assay_collector"])
def test_the_producer_makes_nothing(connections, statement):
    assert not allowed(connections["assay_producer"], statement)


def test_the_collector_can_store_and_migrate(connections):
    """So that a refusal above is the role's, not that of a connection which may nothing at all."""
    for statement in ("INSERT INTO jobs (job_id) VALUES ('x')", "DELETE FROM executions", "CREATE TABLE mine (i int)"):
        assert allowed(connections["assay_collector"], statement)


def test_the_roles_reach_no_other_database(fleet):
    for role in ("assay_producer", "assay_collector"):
        with pytest.raises(psycopg2.OperationalError, match="no pg_hba.conf entry"):
            psycopg2.connect(fleet.servers.pg_url(role, "postgres") + "?sslmode=require")
