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
    if (state->database_trouble != NULL) {
        buf_append_text(out, ",\"database_trouble\":");
        text_append_json(out, state->database_trouble, strlen(state->database_trouble));
    }
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

static void verdicts(struct buf *out, const struct stats *stats)
{
    family(out, "assay_collector_verdicts_total", "counter", "Verdicts committed, by status and reason.");
    for (int status = 0; status < STATUS_COUNT; status++)
        for (int reason = 0; reason < REASON_COUNT; reason++)
            if (stats->stored[status][reason] > 0)
                buf_printf(out, "assay_collector_verdicts_total{status=\"%s\",reason=\"%s\"} %lld\n",
                           status_name((enum status)status), reason_name((enum reason)reason),
                           (long long)stats->stored[status][reason]);
}

void pages_metrics(const struct pages_state *state, struct buf *out)
{
    const struct stats *s = state->stats;
    single(out, "assay_collector_broker_up", "gauge", "1 while the broker is connected.", state->broker_up);
    single(out, "assay_collector_database_up", "gauge", "1 while the database is connected.",
           state->database_up);
    single(out, "assay_collector_database_trouble", "gauge",
           "1 while a statement is tried again and again; /status says why.",
           state->database_trouble != NULL);
    single(out, "assay_collector_held_messages", "gauge", "Messages taken and not acknowledged yet.",
           (int64_t)state->held);
    single(out, "assay_collector_results_total", "counter", "Results taken from the queue.", s->results);
    verdicts(out, s);
    single(out, "assay_collector_rows_inserted_total", "counter", "Rows inserted.", s->inserted);
    single(out, "assay_collector_rows_replaced_total", "counter", "Rows that a real verdict replaced.",
           s->replaced);
    single(out, "assay_collector_duplicates_total", "counter", "Verdicts that were stored already.",
           s->duplicates);
    single(out, "assay_collector_rows_refused_total", "counter", "Rows that the database refused.",
           s->refused);
    single(out, "assay_collector_unreadable_total", "counter", "Messages that are no result.", s->unreadable);
    single(out, "assay_collector_batches_total", "counter", "Batches sent to the database.", s->batches);
    histogram_print(&s->commit, "assay_collector_commit_seconds", "Time from sending a batch to its commit.",
                    out);
    histogram_print(&s->queued, "assay_collector_task_queued_seconds",
                    "Time that stored tasks waited between publishing and their start.", out);
    histogram_print(&s->run, "assay_collector_task_run_seconds",
                    "Time of stored tasks in their slots: set-up, compile, run.", out);
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
