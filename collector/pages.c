#include "collector/pages.h"

#include <string.h>

#include "common/clock.h"
#include "common/text.h"

static const char *yes_no(bool value)
{
    return value ? "true" : "false";
}

void pages_status(const struct pages_state *state, struct buf *out)
{
    const struct stats *s = state->stats;
    char started[RFC3339_SIZE];
    clock_rfc3339(s->started_at_ms, started);
    buf_append_text(out, "{\"program\":\"assay-collector\",\"version\":\"" ASSAY_VERSION "\",\"name\":");
    text_append_json(out, state->name, strlen(state->name));
    buf_printf(out, ",\"started_at\":\"%s\",\"broker\":%s,\"database\":%s,\"draining\":%s", started,
               yes_no(state->broker_up), yes_no(state->database_up), yes_no(state->draining));
    buf_printf(out,
               ",\"held\":%zu,\"statements_waiting\":%zu,\"database_retries\":%lld,\"broker_losses\":%lld",
               state->held, state->statements_waiting, (long long)state->database_retries,
               (long long)s->broker_losses);
    buf_printf(out,
               ",\"results\":%lld,\"batches\":%lld,\"inserted\":%lld,\"replaced\":%lld,\"duplicates\":%lld",
               (long long)s->results, (long long)s->batches, (long long)s->inserted, (long long)s->replaced,
               (long long)s->duplicates);
    buf_printf(out, ",\"refused\":%lld,\"unreadable\":%lld,\"dead_tasks\":%lld,\"dead_results\":%lld",
               (long long)s->refused, (long long)s->unreadable, (long long)s->dead_tasks,
               (long long)s->dead_results);
    buf_printf(out, ",\"jobs\":%lld,\"cancels\":%lld,\"events\":%lld,\"deleted\":%lld}", (long long)s->jobs,
               (long long)s->cancels, (long long)s->events, (long long)s->deleted);
}

static void family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(struct buf *out, const char *name, const char *type, const char *help, int64_t value)
{
    family(out, name, type, help);
    buf_printf(out, "%s %lld\n", name, (long long)value);
}

/* Prometheus, "Histograms and summaries": buckets are cumulative, in seconds. */
static void commit_histogram(struct buf *out, const struct stats *stats)
{
    static const int64_t bounds[STATS_COMMIT_BUCKETS - 1] = STATS_COMMIT_BOUNDS;
    const char *name = "assay_collector_commit_seconds";
    int64_t below = 0;
    family(out, name, "histogram", "Time from sending a batch to its commit.");
    for (int i = 0; i < STATS_COMMIT_BUCKETS; i++) {
        below += stats->commit_buckets[i];
        if (i < STATS_COMMIT_BUCKETS - 1)
            buf_printf(out, "%s_bucket{le=\"%g\"} %lld\n", name, (double)bounds[i] / 1000.0,
                       (long long)below);
        else
            buf_printf(out, "%s_bucket{le=\"+Inf\"} %lld\n", name, (long long)below);
    }
    buf_printf(out, "%s_sum %.3f\n%s_count %lld\n", name, (double)stats->commit_ms_sum / 1000.0, name,
               (long long)stats->commits);
}

void pages_metrics(const struct pages_state *state, struct buf *out)
{
    const struct stats *s = state->stats;
    single(out, "assay_collector_broker_up", "gauge", "1 while the broker is connected.", state->broker_up);
    single(out, "assay_collector_database_up", "gauge", "1 while the database is connected.",
           state->database_up);
    single(out, "assay_collector_held_messages", "gauge", "Messages taken and not acknowledged yet.",
           (int64_t)state->held);
    single(out, "assay_collector_results_total", "counter", "Results taken from the queue.", s->results);
    family(out, "assay_collector_verdicts_total", "counter", "Verdicts committed, by status.");
    for (int i = 0; i < STATUS_COUNT; i++)
        buf_printf(out, "assay_collector_verdicts_total{status=\"%s\"} %lld\n", status_name((enum status)i),
                   (long long)s->stored[i]);
    single(out, "assay_collector_rows_inserted_total", "counter", "Rows inserted.", s->inserted);
    single(out, "assay_collector_rows_replaced_total", "counter", "Rows that a real verdict replaced.",
           s->replaced);
    single(out, "assay_collector_duplicates_total", "counter", "Verdicts that were stored already.",
           s->duplicates);
    single(out, "assay_collector_rows_refused_total", "counter", "Rows that the database refused.",
           s->refused);
    single(out, "assay_collector_unreadable_total", "counter", "Messages that are no result.", s->unreadable);
    single(out, "assay_collector_batches_total", "counter", "Batches sent to the database.", s->batches);
    commit_histogram(out, s);
    single(out, "assay_collector_dead_tasks_total", "counter", "Dead tasks taken.", s->dead_tasks);
    single(out, "assay_collector_dead_results_total", "counter", "Dead results taken.", s->dead_results);
    single(out, "assay_collector_job_announcements_total", "counter", "Job announcements stored.", s->jobs);
    single(out, "assay_collector_worker_events_total", "counter", "Events of workers taken.", s->events);
    single(out, "assay_collector_rows_deleted_total", "counter", "Rows deleted by the retention.",
           s->deleted);
    single(out, "assay_collector_database_retries_total", "counter",
           "Times that the database was lost or a statement was sent again.", state->database_retries);
    single(out, "assay_collector_broker_losses_total", "counter", "Times that the broker was lost.",
           s->broker_losses);
}
