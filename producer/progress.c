#include "producer/progress.h"

#include "producer/screen.h"

static bool counts_verdicts(const struct progress *progress)
{
    return progress->waiting && progress->total > 0 && progress->confirmed >= progress->total;
}

double progress_rate(const struct progress *progress)
{
    int64_t done = counts_verdicts(progress) ? progress->verdicts : progress->confirmed;
    return progress->elapsed_ms > 0 ? (double)done * 1000.0 / (double)progress->elapsed_ms : 0.0;
}

int64_t progress_eta_ms(const struct progress *progress)
{
    double rate = progress_rate(progress);
    if (progress->total <= 0 || rate <= 0.0)
        return -1;
    int64_t left = progress->total - (counts_verdicts(progress) ? progress->verdicts : progress->confirmed);
    return left <= 0 ? 0 : (int64_t)((double)left / rate * 1000.0);
}

void progress_append(const struct progress *progress, const char *stalled, struct buf *out)
{
    if (progress->total > 0)
        buf_printf(out, "%lld/%lld confirmed", (long long)progress->confirmed, (long long)progress->total);
    else
        buf_printf(out, "%lld confirmed", (long long)progress->confirmed);
    if (progress->waiting)
        buf_printf(out, "  %lld verdicts", (long long)progress->verdicts);
    if (stalled != NULL) {
        buf_append_text(out, "  ");
        screen_append_line(out, stalled, 60);
        return;
    }
    double rate = progress_rate(progress);
    buf_printf(out, rate < 10.0 ? "  %.1f/s" : "  %.0f/s", rate);
    int64_t eta_ms = progress_eta_ms(progress);
    if (eta_ms >= 0) {
        buf_append_text(out, "  ETA ");
        screen_append_duration(out, eta_ms);
    }
}
