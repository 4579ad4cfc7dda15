#include "producer/claims.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/mem.h"
#include "producer/store.h"

#define TASK_OF_ROW "'reconstruction/' || r.id"
/* Any other stored verdict stands (common/message/result.h, reason_is_replaceable). */

void row_ids_free(struct row_ids *ids)
{
    free(ids->items);
    *ids = (struct row_ids){NULL, 0, 0};
}

bool row_ids_add(struct row_ids *ids, int64_t id, struct err *err)
{
    if (ids->count == ids->capacity) {
        size_t capacity = ids->capacity == 0 ? 64 : ids->capacity * 2;
        int64_t *items = realloc(ids->items, capacity * sizeof *items);
        if (items == NULL)
            return err_set(err, ERR_NO_MEMORY, "no memory for the list of claimed rows");
        ids->items = items;
        ids->capacity = capacity;
    }
    ids->items[ids->count++] = id;
    return true;
}

bool row_ids_remove(struct row_ids *ids, int64_t id)
{
    for (size_t i = 0; i < ids->count; i++) {
        if (ids->items[i] == id) {
            ids->items[i] = ids->items[--ids->count];
            return true;
        }
    }
    return false;
}

/* A PostgreSQL array literal. */
static void append_array(struct buf *out, const struct row_ids *ids)
{
    buf_append_char(out, '{');
    for (size_t i = 0; i < ids->count; i++)
        buf_printf(out, "%s%lld", i > 0 ? "," : "", (long long)ids->items[i]);
    buf_append_char(out, '}');
}

struct pg_result *claims_take(struct pg *pg, const struct claims_settings *settings, int64_t limit,
                              struct err *err)
{
    char limit_text[24];
    char lease_text[24];
    (void)snprintf(limit_text, sizeof limit_text, "%lld", (long long)limit);
    (void)snprintf(lease_text, sizeof lease_text, "%lld", (long long)settings->claim_lease_s);
    const char *params[] = {settings->owner, limit_text, lease_text, settings->job_id};
    return store_query(
        pg,
        "WITH free AS MATERIALIZED ("
        "  SELECT r.id FROM reconstructions r"
        "  WHERE r.test_results IS NULL AND (r.claimed_until IS NULL OR r.claimed_until < now())"
        "    AND r.application_id IS NOT NULL"
        "    AND NOT EXISTS (SELECT FROM executions e WHERE e.job_id = $4 AND e.task_id = " TASK_OF_ROW
        "                    AND e.reason NOT IN " STORE_REPLACEABLE ")"
        "  ORDER BY r.id LIMIT $2::bigint FOR UPDATE OF r SKIP LOCKED),"
        "claimed AS ("
        "  UPDATE reconstructions r SET claimed_by = $1, claimed_until = now() + make_interval(secs => "
        "$3::integer)"
        "  FROM free WHERE r.id = free.id"
        "  RETURNING r.id, r.implementation_code, r.llm_model, r.application_id)"
        "SELECT c.id, c.implementation_code, c.llm_model, a.name, a.test_suite_path, a.language"
        " FROM claimed c JOIN applications a ON a.id = c.application_id ORDER BY c.id",
        4, params, err);
}

static bool update(struct pg *pg, const struct claims_settings *settings, const struct row_ids *ids,
                   const char *sql, int64_t lease_s, struct err *err)
{
    if (ids->count == 0)
        return true;
    autobuf struct buf array = BUF_INIT;
    char lease_text[24];
    append_array(&array, ids);
    if (array.failed)
        return err_set(err, ERR_NO_MEMORY, "no memory for the list of claimed rows");
    (void)snprintf(lease_text, sizeof lease_text, "%lld", (long long)lease_s);
    const char *params[] = {settings->owner, buf_text(&array), lease_text};
    struct pg_result *result = store_query(pg, sql, lease_s > 0 ? 3 : 2, params, err);
    pg_result_free(result);
    return result != NULL;
}

#define OURS   " WHERE claimed_by = $1 AND id = ANY($2::bigint[])"
#define EXTEND "UPDATE reconstructions SET claimed_until = now() + make_interval(secs => $3::integer)" OURS

bool claims_renew(struct pg *pg, const struct claims_settings *settings, const struct row_ids *ids,
                  struct err *err)
{
    return update(pg, settings, ids, EXTEND, settings->claim_lease_s, err);
}

bool claims_published(struct pg *pg, const struct claims_settings *settings, const struct row_ids *ids,
                      struct err *err)
{
    return update(pg, settings, ids, EXTEND, settings->published_lease_s, err);
}

bool claims_release(struct pg *pg, const struct claims_settings *settings, const struct row_ids *ids,
                    struct err *err)
{
    return update(pg, settings, ids,
                  "UPDATE reconstructions SET claimed_by = NULL, claimed_until = NULL" OURS, 0, err);
}

bool claims_count_standing(struct pg *pg, const struct claims_settings *settings, int64_t *count,
                           struct err *err)
{
    const char *params[] = {settings->job_id};
    struct pg_result *result =
        store_query(pg,
                    "SELECT count(*) FROM reconstructions r WHERE r.test_results IS NULL AND EXISTS ("
                    "SELECT FROM executions e WHERE e.job_id = $1 AND e.task_id = " TASK_OF_ROW
                    " AND e.reason NOT IN " STORE_REPLACEABLE ")",
                    1, params, err);
    if (result == NULL)
        return false;
    *count = strtoll(pg_value(result, 0, 0), NULL, 10);
    pg_result_free(result);
    return true;
}
