#include "collector/prune.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/statements.h"
#include "common/mem.h"
#include "common/pg.h"

#define CONNECT_TIMEOUT_S 10

static const char count_old[] =
    "SELECT count(*) FROM executions WHERE stored_at < now() - $1::integer * interval '1 day'";

static bool count(struct pg *pg, const char *days, long long *rows, struct err *err)
{
    struct pg_result *result = pg_query(pg, count_old, 1, &days, err);
    if (result == NULL)
        return false;
    *rows = strtoll(pg_value(result, 0, 0), NULL, 10);
    pg_result_free(result);
    return true;
}

static bool delete_all(struct pg *pg, const struct statement_cleaning *cleaning, const char *days,
                       int64_t batch, long long expected, struct err *err)
{
    char limit[24];
    (void)snprintf(limit, sizeof(limit), "%lld", (long long)batch);
    const char *params[] = {days, limit};
    bool terminal = isatty(STDOUT_FILENO) != 0;
    long long deleted = 0;
    int64_t last = batch;
    while (last == batch) {
        struct pg_result *result = pg_query(pg, cleaning->sql, ARRAY_SIZE(params), params, err);
        if (result == NULL)
            return err_wrap(err, "after %lld %s were deleted", deleted, cleaning->what);
        last = pg_affected(result);
        deleted += last;
        pg_result_free(result);
        if (terminal && expected > 0)
            printf("\rdeleted %lld of %lld", deleted, expected);
        (void)fflush(stdout);
    }
    printf("%sdeleted %lld %s older than %s days\n", terminal ? "\r" : "", deleted, cleaning->what, days);
    return true;
}

bool prune_run(const struct prune_options *options, struct err *err)
{
    char days[24];
    long long rows = 0;
    (void)snprintf(days, sizeof(days), "%lld", (long long)options->days);
    struct pg *pg = pg_open(options->pg_url, "assay-collector prune", CONNECT_TIMEOUT_S, err);
    bool ok = pg != NULL && count(pg, days, &rows, err);
    if (ok && options->dry_run)
        printf("%lld verdicts are older than %s days; nothing was deleted\n", rows, days);
    for (size_t i = 0; ok && !options->dry_run && i < STATEMENTS_CLEANING; i++)
        ok = delete_all(pg, &statements_cleaning[i], days, options->batch, i == 0 ? rows : 0, err);
    pg_close(pg);
    return ok;
}
