#include "producer/pages.h"

#include <inttypes.h>
#include <string.h>

#include "common/text.h"

bool pages_ready(const struct pages_state *state)
{
    return state->broker_up && state->database_up;
}

void pages_status(const struct pages_state *state, struct buf *out)
{
    buf_append_text(out, "{\"program\":\"assay-producer\",\"version\":\"" ASSAY_VERSION "\",\"job\":");
    text_append_json(out, state->job_id, strlen(state->job_id));
    buf_printf(out,
               ",\"broker\":%s,\"database\":%s,\"confirmed\":%" PRId64 ",\"returned\":%" PRId64
               ",\"refused\":%" PRId64 "}",
               state->broker_up ? "true" : "false", state->database_up ? "true" : "false", state->confirmed,
               state->returned, state->refused);
}

static void single(struct buf *out, const char *name, const char *type, const char *help, int64_t value)
{
    buf_printf(out,
               "# HELP assay_producer_%s %s\n# TYPE assay_producer_%s %s\nassay_producer_%s %" PRId64 "\n",
               name, help, name, type, name, value);
}

void pages_metrics(const struct pages_state *state, struct buf *out)
{
    single(out, "broker_up", "gauge", "1 while the broker is connected.", state->broker_up);
    single(out, "database_up", "gauge", "1 while the database is connected.", state->database_up);
    single(out, "tasks_confirmed_total", "counter", "Tasks that the broker has confirmed.", state->confirmed);
    single(out, "tasks_returned_total", "counter", "Tasks that no queue took.", state->returned);
    single(out, "rows_refused_total", "counter", "Rows that could not become a task.", state->refused);
}
