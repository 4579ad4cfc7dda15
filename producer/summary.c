#include "producer/summary.h"

#include <stdio.h>

#include "common/mem.h"
#include "producer/screen.h"
#include "producer/table.h"

void summary_add(struct summary *summary, const struct result *result)
{
    summary->counts[result->status][result->reason]++;
    summary->verdicts++;
    if (result->has_pass_rate) {
        summary->rated++;
        summary->rates += result->pass_rate;
    }
}

int64_t summary_status(const struct summary *summary, enum status status)
{
    int64_t count = 0;
    for (int reason = 0; reason < REASON_COUNT; reason++)
        count += summary->counts[status][reason];
    return count;
}

bool summary_all_pass(const struct summary *summary)
{
    return summary->missing == 0 && summary_status(summary, STATUS_PASS) == summary->verdicts;
}

static void add_row(struct table *table, const char *status, const char *reason, int64_t count, int64_t all)
{
    char tasks[32];
    char share[32];
    (void)snprintf(tasks, sizeof tasks, "%lld", (long long)count);
    (void)snprintf(share, sizeof share, "%.1f %%", all > 0 ? 100.0 * (double)count / (double)all : 0.0);
    const char *cells[] = {status, reason, tasks, share};
    (void)table_add(table, cells);
}

void summary_print(const struct summary *summary, int64_t elapsed_ms, struct buf *out)
{
    static const struct table_column columns[] = {
        {"status", false, 0}, {"reason", false, 0}, {"tasks", true, 0}, {"share", true, 0}};
    struct table *table = table_new(columns, ARRAY_SIZE(columns));
    if (table == NULL)
        return;
    int64_t all = summary->verdicts + summary->missing;
    for (int status = 0; status < STATUS_COUNT; status++) {
        for (int reason = 0; reason < REASON_COUNT; reason++) {
            int64_t count = summary->counts[status][reason];
            if (count > 0)
                add_row(table, status_name((enum status)status), reason_name((enum reason)reason), count,
                        all);
        }
    }
    if (summary->missing > 0)
        add_row(table, "(no verdict)", "", summary->missing, all);
    table_print(table, out);
    table_free(table);
    buf_printf(out, "\n%lld of %lld pass", (long long)summary_status(summary, STATUS_PASS), (long long)all);
    if (summary->rated > 0)
        buf_printf(out, ", mean test pass rate %.3f", summary->rates / (double)summary->rated);
    if (elapsed_ms >= 0) {
        buf_append_text(out, ", ");
        screen_append_duration(out, elapsed_ms);
    }
    buf_append_char(out, '\n');
}

void summary_to_json(const struct summary *summary, int64_t elapsed_ms, struct buf *out)
{
    buf_printf(out, "{\"verdicts\":%lld,\"missing\":%lld,", (long long)summary->verdicts,
               (long long)summary->missing);
    for (int status = 0; status < STATUS_COUNT; status++)
        buf_printf(out, "\"%s\":%lld,", status_name((enum status)status),
                   (long long)summary_status(summary, (enum status)status));
    buf_append_text(out, "\"reasons\":{");
    const char *comma = "";
    for (int reason = 0; reason < REASON_COUNT; reason++) {
        int64_t count = 0;
        for (int status = 0; status < STATUS_COUNT; status++)
            count += summary->counts[status][reason];
        if (count == 0)
            continue;
        buf_printf(out, "%s\"%s\":%lld", comma, reason_name((enum reason)reason), (long long)count);
        comma = ",";
    }
    buf_append_text(out, "},\"mean_test_pass_rate\":");
    if (summary->rated > 0)
        buf_printf(out, "%.6f", summary->rates / (double)summary->rated);
    else
        buf_append_text(out, "null");
    buf_printf(out, ",\"elapsed_ms\":%lld}", (long long)elapsed_ms);
}
