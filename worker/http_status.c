#include "worker/http_status.h"

#include <inttypes.h>

static void append_string(struct buf *out, const char *text)
{
    buf_append_char(out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            buf_printf(out, "\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            buf_printf(out, "\\u%04x", (unsigned)*c);
        else
            buf_append_char(out, *c);
    }
    buf_append_char(out, '"');
}

static const char *boolean(bool value)
{
    return value ? "true" : "false";
}

bool http_status_ready(const struct worker_picture *picture)
{
    const struct delivery_state *delivery = &picture->delivery;
    return delivery->connected && picture->runner.healthy && !delivery->draining && !delivery->blocked &&
           delivery->held == 0;
}

static void append_tasks(const struct stats *stats, struct buf *out)
{
    const char *comma = "";
    for (int status = 0; status < STATUS_COUNT; status++) {
        for (int reason = 0; reason < REASON_COUNT; reason++) {
            if (stats->tasks[status][reason] == 0)
                continue;
            buf_printf(out, "%s\"%s/%s\":%" PRIu64, comma, status_name((enum status)status),
                       reason_name((enum reason)reason), stats->tasks[status][reason]);
            comma = ",";
        }
    }
}

void http_status_json(const struct worker_picture *picture, struct buf *out)
{
    const struct delivery_state *delivery = &picture->delivery;
    const struct runner_state *runner = &picture->runner;
    buf_append_text(out, "{\"worker\":");
    append_string(out, picture->name);
    buf_printf(out, ",\"version\":\"%s\",\"uptime_s\":%" PRId64, ASSAY_VERSION, picture->uptime_ms / 1000);
    buf_printf(out, ",\"ready\":%s,\"connected\":%s,\"consuming\":%s,\"blocked\":%s,\"draining\":%s",
               boolean(http_status_ready(picture)), boolean(delivery->connected),
               boolean(delivery->consuming), boolean(delivery->blocked), boolean(delivery->draining));
    buf_printf(out, ",\"slots\":%u,\"busy\":%u,\"prefetch\":%u,\"intake\":\"%s\"", runner->slots,
               runner->busy, (unsigned)delivery->prefetch, delivery->cautious ? "cautious" : "eager");
    buf_printf(out, ",\"waiting\":%zu,\"running\":%zu", delivery->waiting, delivery->running);
    buf_printf(out, ",\"results\":{\"unpublished\":%zu,\"unconfirmed\":%zu,\"held\":%zu}",
               delivery->unpublished, delivery->unconfirmed, delivery->held);
    buf_append_text(out, ",\"runtimes\":[");
    for (size_t i = 0; i < picture->served_count; i++) {
        buf_append_text(out, i > 0 ? "," : "");
        append_string(out, picture->served[i]->name);
    }
    buf_append_text(out, "],\"tasks\":{");
    append_tasks(picture->stats, out);
    buf_printf(out, "},\"infra_faults\":%" PRIu64 ",\"healthy\":%s,\"trouble\":", runner->infra_faults,
               boolean(runner->healthy));
    append_string(out, runner->trouble);
    buf_append_text(out, "}\n");
}

static void append_gauge(struct buf *out, const char *name, const char *help, uint64_t value)
{
    buf_printf(out, "# HELP assay_worker_%s %s\n# TYPE assay_worker_%s gauge\nassay_worker_%s %" PRIu64 "\n",
               name, help, name, name, value);
}

void http_status_metrics(const struct worker_picture *picture, struct buf *out)
{
    const struct delivery_state *delivery = &picture->delivery;
    const struct runner_state *runner = &picture->runner;
    stats_print_metrics(picture->stats, out);
    append_gauge(out, "slots", "Slots in all.", runner->slots);
    append_gauge(out, "slots_busy", "Slots that run a task.", runner->busy);
    append_gauge(out, "connected", "1 while the broker connection is up.", delivery->connected);
    append_gauge(out, "consuming", "1 while subscribed to the task queues.", delivery->consuming);
    append_gauge(out, "blocked", "1 while the broker blocks publishers.", delivery->blocked);
    append_gauge(out, "healthy", "0 after an infra fault, until the self-test passes.", runner->healthy);
    append_gauge(out, "tasks_waiting", "Tasks taken from the queues that wait for a slot.",
                 delivery->waiting);
    append_gauge(out, "results_unpublished", "Results that wait for the connection.", delivery->unpublished);
    append_gauge(out, "results_unconfirmed", "Results published and not confirmed.", delivery->unconfirmed);
    append_gauge(out, "results_held", "Results that the broker refused, to be published again.",
                 delivery->held);
    buf_printf(out,
               "# HELP assay_worker_infra_faults_total Runs that the machinery spoilt.\n"
               "# TYPE assay_worker_infra_faults_total counter\n"
               "assay_worker_infra_faults_total %" PRIu64 "\n",
               runner->infra_faults);
}
