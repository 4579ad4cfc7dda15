#include "producer/store.h"

#include <string.h>

#define TIME(column) "to_char(e." column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

/* Two halves: a function of PostgreSQL takes 100 arguments at most. */
const char store_result_json[] =
    "(jsonb_strip_nulls(jsonb_build_object("
    "'task_id', e.task_id, 'job_id', e.job_id, 'runtime', e.runtime, 'labels', e.labels,"
    "'reconstruction_id', e.reconstruction_id, 'status', e.status, 'reason', e.reason,"
    "'passed', e.passed, 'failed', e.failed, 'skipped', e.skipped, 'total', e.total,"
    "'errors', e.errors, 'tests', e.tests, 'tests_truncated', e.tests_truncated,"
    "'stdout', e.stdout, 'stderr', e.stderr, 'stdout_truncated', e.stdout_truncated,"
    "'stderr_truncated', e.stderr_truncated, 'exit_code', e.exit_code, 'signal', e.signal,"
    "'timing_ms', jsonb_build_object('queued', e.queued_ms, 'setup', e.setup_ms, 'compile', e.compile_ms,"
    "'run', e.run_ms), 'cpu_ms', e.cpu_ms, 'peak_memory_kb', e.peak_memory_kb, 'coverage', e.coverage,"
    "'cached', e.cached, 'worker', e.worker, 'attempt', e.attempt, 'sandbox', e.sandbox,"
    "'started_at', " TIME("started_at") ", 'finished_at', " TIME(
        "finished_at") "))"
                       " || jsonb_build_object('test_pass_rate', e.test_pass_rate))";

struct pg *store_open(const struct producer_config *config, struct err *err)
{
    if (!producer_config_need_pg(config, err))
        return NULL;
    struct pg *pg = pg_open(config->pg_url, "assay-producer", (int)config->connect_timeout_s, err);
    if (pg != NULL)
        pg_set_patience(pg, config->statement_timeout_s * 1000);
    return pg;
}

struct pg_result *store_query(struct pg *pg, const char *sql, int param_count, const char *const *params,
                              struct err *err)
{
    struct pg_result *result = pg_query(pg, sql, param_count, params, err);
    if (result == NULL && strcmp(pg_sqlstate(pg), "42P01") == 0) /* undefined_table */
        err_wrap(err, "the database has no schema of Assay, or an older one; run assay-collector migrate");
    return result;
}

bool store_check_job(struct pg *pg, const char *job_id, struct err *err)
{
    const char *params[] = {job_id};
    struct pg_result *result = store_query(pg,
                                           "SELECT EXISTS (SELECT FROM jobs WHERE job_id = $1) OR "
                                           "EXISTS (SELECT FROM executions WHERE job_id = $1)",
                                           1, params, err);
    if (result == NULL)
        return false;
    const char *known = pg_value(result, 0, 0);
    bool good = known != NULL && known[0] == 't';
    pg_result_free(result);
    return good ||
           err_set(
               err, ERR_INPUT,
               "the database knows no job '%s'; assay-producer status lists the latest jobs (a job appears "
               "once the collector has taken its first message)",
               job_id);
}
