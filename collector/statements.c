#include "collector/statements.h"

#include <string.h>

#include "collector/row.h"

#define REPLACEABLE "('undeliverable', 'cancelled', 'expired', 'infra')"

/*
 * The form was chosen by measurement (tests/bench/insert_forms.c; rows with 2 KiB of tests, 500 a batch):
 * arrays and unnest are as fast as a multi-row VALUES list, within a tenth of COPY into a staging table, and
 * need neither a text that grows with the batch nor several round trips. In binary form they are faster than
 * any of those.
 *
 * The replaceable reasons all have the status error, so that a replacement takes one from `errors`.
 * Of several verdicts for one reconstruction in a batch the last one with a rate fills it; one without a rate
 * only frees the claim. The join with `filled` keeps an unknown id, or one deleted meanwhile, from costing
 * the verdict its row.
 */
static const char after_insert[] =
    " ON CONFLICT (job_id, task_id) DO UPDATE SET %s, stored_at = now(), replaced_at = now()"
    "   WHERE e.reason IN " REPLACEABLE " AND EXCLUDED.reason NOT IN " REPLACEABLE
    " RETURNING id, job_id, task_id, status, reason, test_pass_rate, run_ms, reconstruction_id,"
    "   replaced_at IS NULL AS fresh,"
    "   CASE WHEN reconstruction_id IS NOT NULL AND test_pass_rate IS NOT NULL THEN"
    "     jsonb_build_object('status', status, 'test_pass_rate', test_pass_rate, 'passed', passed, 'failed', "
    "failed,"
    "       'errors', errors, 'stdout', COALESCE(stdout, ''), 'stderr', COALESCE(stderr, '')) END AS results"
    "), counted AS ("
    " INSERT INTO jobs AS j (job_id, done, passed, failed, timed_out, errors, first_result_at, "
    "last_result_at)"
    " SELECT job_id, count(*) FILTER (WHERE fresh), count(*) FILTER (WHERE status = 'pass'),"
    "   count(*) FILTER (WHERE status = 'fail'), count(*) FILTER (WHERE status = 'timeout'),"
    "   count(*) FILTER (WHERE status = 'error') - count(*) FILTER (WHERE NOT fresh), now(), now()"
    " FROM stored GROUP BY job_id ORDER BY job_id"
    " ON CONFLICT (job_id) DO UPDATE SET done = j.done + EXCLUDED.done, passed = j.passed + EXCLUDED.passed,"
    "   failed = j.failed + EXCLUDED.failed, timed_out = j.timed_out + EXCLUDED.timed_out,"
    "   errors = j.errors + EXCLUDED.errors, last_result_at = EXCLUDED.last_result_at,"
    "   first_result_at = COALESCE(j.first_result_at, EXCLUDED.first_result_at),"
    "   state = CASE WHEN j.state = 'open' AND j.done + EXCLUDED.done >= j.total THEN 'complete' ELSE "
    "j.state END,"
    "   completed_at = CASE WHEN j.done + EXCLUDED.done >= j.total THEN COALESCE(j.completed_at, now()) END"
    "), verdicts AS ("
    " SELECT DISTINCT ON (reconstruction_id) reconstruction_id, results, test_pass_rate, run_ms / 1000.0 AS "
    "seconds"
    " FROM stored WHERE reconstruction_id IS NOT NULL"
    " ORDER BY reconstruction_id, test_pass_rate IS NULL, id DESC"
    "), filled AS ("
    " UPDATE reconstructions r SET test_results = COALESCE(v.results, r.test_results),"
    "   test_pass_rate = COALESCE(v.test_pass_rate, r.test_pass_rate),"
    "   execution_time = CASE WHEN v.results IS NULL THEN r.execution_time ELSE v.seconds END,"
    "   claimed_by = NULL, claimed_until = NULL"
    " FROM verdicts v WHERE r.id = v.reconstruction_id RETURNING r.id, r.requirement_id"
    "), signalled AS ("
    " INSERT INTO training_signals (requirement_id, reconstruction_id, signal_type, signal_value, details)"
    " SELECT f.requirement_id, f.id, 'reconstruction_success', s.test_pass_rate,"
    "   jsonb_build_object('job_id', s.job_id, 'task_id', s.task_id, 'status', s.status, 'reason', s.reason)"
    " FROM stored s JOIN filled f ON f.id = s.reconstruction_id WHERE s.test_pass_rate IS NOT NULL"
    ") SELECT count(*) FILTER (WHERE fresh), count(*) FILTER (WHERE NOT fresh),"
    "   (SELECT string_agg(DISTINCT s.reconstruction_id::text, ', ') FROM stored s"
    "    WHERE s.reconstruction_id IS NOT NULL"
    "      AND NOT EXISTS (SELECT FROM filled f WHERE f.id = s.reconstruction_id))"
    " FROM stored";

void statement_store_results(struct buf *out)
{
    buf_append_text(out, "WITH stored AS (INSERT INTO executions AS e (");
    row_append_names(out);
    buf_append_text(out, ") ");
    row_append_source(out);
    const char *mark = strstr(after_insert, "%s");
    buf_append(out, after_insert, (size_t)(mark - after_insert));
    row_append_assignments(out);
    buf_append_text(out, mark + 2);
}

const char statement_announce_job[] =
    "WITH part AS (INSERT INTO job_parts (job_id, part, total) VALUES ($1, $2, $3::bigint)"
    "   ON CONFLICT DO NOTHING RETURNING total)"
    " INSERT INTO jobs AS j (job_id, total, labels)"
    " VALUES ($1, COALESCE((SELECT total FROM part), 0), $4::jsonb)"
    " ON CONFLICT (job_id) DO UPDATE SET total = COALESCE(j.total, 0) + EXCLUDED.total,"
    "   labels = j.labels || EXCLUDED.labels,"
    "   state = CASE WHEN j.state = 'cancelled' THEN j.state"
    "     WHEN j.done >= COALESCE(j.total, 0) + EXCLUDED.total THEN 'complete' ELSE 'open' END,"
    "   completed_at = CASE WHEN j.done >= COALESCE(j.total, 0) + EXCLUDED.total"
    "     THEN COALESCE(j.completed_at, now()) END";

const char statement_cancel_job[] =
    "INSERT INTO jobs AS j (job_id, state, cancelled_at) VALUES ($1, 'cancelled', now())"
    " ON CONFLICT (job_id) DO UPDATE SET state = 'cancelled', cancelled_at = now() WHERE j.state = 'open'";

const char statement_resume_job[] =
    "UPDATE jobs SET state = CASE WHEN done >= total THEN 'complete' ELSE 'open' END,"
    " cancelled_at = NULL, resumed_at = now() WHERE job_id = $1 AND state = 'cancelled'";

/* A plain AMQP publisher announces no total, so that its cancelled job never completes: a week is enough. A
 * worker that was away while a cancel was lifted must learn of that as well. */
const char statement_standing_orders[] =
    "SELECT job_id, state = 'cancelled' FROM jobs WHERE (state = 'cancelled' AND completed_at IS NULL"
    "  AND cancelled_at > now() - interval '7 days')"
    " OR (state <> 'cancelled' AND resumed_at > now() - interval '7 days')"
    " ORDER BY COALESCE(cancelled_at, resumed_at) DESC LIMIT 1000";

/* A task that dies again after a requeue is the same row with a new death. */
const char statement_dead_letter[] =
    "INSERT INTO dead_letters AS d (kind, job_id, task_id, exchange, routing_key, body, properties, headers,"
    "   reason, count)"
    " VALUES ($1, $2, $3, $4, $5, $6::bytea, $7::jsonb, $8::jsonb, $9, $10::bigint)"
    " ON CONFLICT (kind, job_id, task_id, sha256(body)) DO UPDATE SET reason = EXCLUDED.reason,"
    "   headers = EXCLUDED.headers, count = EXCLUDED.count,"
    "   died_at = CASE WHEN d.requeued_at IS NULL THEN d.died_at ELSE now() END, requeued_at = NULL";

const char statement_is_undeliverable[] =
    "SELECT true FROM executions WHERE job_id = $1 AND task_id = $2 AND reason = 'undeliverable'";

/* Events of one worker can reach two collectors in different order: the later one stands. */
const char statement_workers[] =
    "INSERT INTO workers AS w (worker, host, pid, version, slots, busy, consuming, runtimes, tasks_done,"
    "   tasks_error, heartbeat_s, started_at, last_seen_at, stopped_at)"
    " SELECT worker, host, pid, version, slots, busy, consuming, string_to_array(runtimes, ','), tasks_done,"
    "   tasks_error, heartbeat_s, to_timestamp(started_ms / 1000.0), seen, CASE WHEN goodbye THEN seen END"
    " FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::integer[], $6::integer[], "
    "$7::boolean[],"
    "   $8::text[], $9::bigint[], $10::bigint[], $11::integer[], $12::bigint[], $13::bigint[], "
    "$14::boolean[])"
    "   AS t (worker, host, pid, version, slots, busy, consuming, runtimes, tasks_done, tasks_error, "
    "heartbeat_s,"
    "   started_ms, age_ms, goodbye)"
    " CROSS JOIN LATERAL (SELECT now() - age_ms * interval '1 millisecond' AS seen) AS event"
    " ORDER BY worker"
    " ON CONFLICT (worker) DO UPDATE SET host = EXCLUDED.host, pid = EXCLUDED.pid, version = "
    "EXCLUDED.version,"
    "   slots = EXCLUDED.slots, busy = EXCLUDED.busy, consuming = EXCLUDED.consuming,"
    "   runtimes = EXCLUDED.runtimes, tasks_done = EXCLUDED.tasks_done, tasks_error = EXCLUDED.tasks_error,"
    "   heartbeat_s = EXCLUDED.heartbeat_s, started_at = EXCLUDED.started_at,"
    "   last_seen_at = EXCLUDED.last_seen_at, stopped_at = EXCLUDED.stopped_at"
    " WHERE w.last_seen_at <= EXCLUDED.last_seen_at";

#define OLDER "< now() - $1::integer * interval '1 day'"

/* Several collectors may clean at once: none waits for the other's rows. Jobs go after their verdicts, and
 * their parts after them. */
const struct statement_cleaning statements_cleaning[STATEMENTS_CLEANING] = {
    {"verdicts", "DELETE FROM executions WHERE id IN (SELECT id FROM executions"
                 "   WHERE stored_at " OLDER " ORDER BY stored_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED)"},
    {"dead letters",
     "DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters"
     "   WHERE GREATEST(died_at, requeued_at) " OLDER " LIMIT $2::bigint FOR UPDATE SKIP LOCKED)"},
    {"jobs",
     "DELETE FROM jobs WHERE job_id IN (SELECT job_id FROM jobs j"
     "   WHERE GREATEST(created_at, last_result_at, completed_at, cancelled_at, resumed_at) " OLDER
     "     AND NOT EXISTS (SELECT FROM executions e WHERE e.job_id = j.job_id)"
     "     AND NOT EXISTS (SELECT FROM job_parts p WHERE p.job_id = j.job_id AND NOT p.announced_at " OLDER
     ") LIMIT $2::bigint FOR UPDATE SKIP LOCKED)"},
    {"parts of jobs",
     "DELETE FROM job_parts WHERE (job_id, part) IN (SELECT job_id, part FROM job_parts p"
     "   WHERE announced_at " OLDER " AND NOT EXISTS (SELECT FROM jobs j WHERE j.job_id = p.job_id)"
     "   LIMIT $2::bigint FOR UPDATE SKIP LOCKED)"},
    {"workers", "DELETE FROM workers WHERE worker IN (SELECT worker FROM workers"
                "   WHERE last_seen_at " OLDER " LIMIT $2::bigint FOR UPDATE SKIP LOCKED)"},
};
