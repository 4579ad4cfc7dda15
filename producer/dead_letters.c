#include "producer/dead_letters.h"

#include <string.h>

#include "common/mem.h"
#include "common/text.h"
#include "producer/store.h"

/* $1 ids as bigint[] or NULL, $2 job, $3 kind, $4 only those not requeued. */
#define CHOSEN                                                                                               \
    "($1::bigint[] IS NULL OR d.id = ANY ($1::bigint[])) AND ($2::text IS NULL OR d.job_id = $2)"            \
    " AND ($3::text IS NULL OR d.kind = $3) AND (NOT $4::boolean OR d.requeued_at IS NULL)"
#define CHOICE_PARAMS 4

const char dead_letters_message_columns[] =
    "d.id, d.exchange, d.routing_key, d.body, d.properties ->> 'content_type', d.properties ->> 'type', "
    "d.properties ->> 'message_id', d.properties ->> 'correlation_id', d.properties ->> 'reply_to', "
    "d.properties ->> 'app_id', d.headers ->> 'assay-dropped-body-bytes', d.task_id";
enum {
    ID,
    EXCHANGE,
    ROUTING_KEY,
    BODY,
    CONTENT_TYPE,
    TYPE,
    MESSAGE_ID,
    CORRELATION_ID,
    REPLY_TO,
    APP_ID,
    DROPPED,
    TASK_ID
};

static void list_ids(const struct dead_letters_choice *choice, struct buf *out)
{
    for (int i = 0; i < choice->id_count; i++)
        buf_printf(out, "%c%s", i == 0 ? '{' : ',', choice->ids[i]);
    if (choice->id_count > 0)
        buf_append_char(out, '}');
}

static void fill_params(const struct dead_letters_choice *choice, struct buf *ids, const char **params)
{
    list_ids(choice, ids);
    params[0] = choice->id_count > 0 ? buf_text(ids) : NULL;
    params[1] = choice->job_id;
    params[2] = choice->kind;
    params[3] = choice->waiting ? "true" : "false";
}

bool dead_letters_check_ids(struct pg *pg, const struct dead_letters_choice *choice, struct err *err)
{
    for (int i = 0; i < choice->id_count; i++) {
        uint64_t number = 0;
        if (!text_parse_u64(choice->ids[i], &number) || number > INT64_MAX)
            return err_set(err, ERR_USAGE,
                           "'%s' is no number of a dead letter; assay-producer dead list shows them",
                           choice->ids[i]);
        const char *params[] = {choice->ids[i]};
        struct pg_result *found =
            store_query(pg, "SELECT 1 FROM dead_letters WHERE id = $1::bigint", 1, params, err);
        if (found == NULL)
            return false;
        bool known = pg_rows(found) == 1;
        pg_result_free(found);
        if (!known)
            return err_set(err, ERR_INPUT, "there is no dead letter %s; assay-producer dead list shows them",
                           choice->ids[i]);
    }
    return true;
}

struct pg_result *dead_letters_page(struct pg *pg, const struct dead_letters_choice *choice,
                                    const char *columns, const char *after, int limit, struct err *err)
{
    autobuf struct buf ids = BUF_INIT;
    autobuf struct buf sql = BUF_INIT;
    const char *params[CHOICE_PARAMS + 1];
    fill_params(choice, &ids, params);
    params[CHOICE_PARAMS] = after;
    buf_printf(&sql,
               "SELECT %s FROM dead_letters d WHERE " CHOSEN " AND d.id > $5::bigint ORDER BY d.id LIMIT %d",
               columns, limit);
    return store_query(pg, buf_text(&sql), ARRAY_SIZE(params), params, err);
}

int64_t dead_letters_delete(struct pg *pg, const struct dead_letters_choice *choice, struct err *err)
{
    autobuf struct buf ids = BUF_INIT;
    const char *params[CHOICE_PARAMS];
    fill_params(choice, &ids, params);
    struct pg_result *done =
        store_query(pg, "DELETE FROM dead_letters d WHERE " CHOSEN, ARRAY_SIZE(params), params, err);
    int64_t count = done != NULL ? pg_affected(done) : -1;
    pg_result_free(done);
    return count;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

bool dead_letters_body(const char *hex, struct buf *out, struct err *err)
{
    bool good = strncmp(hex, "\\x", 2) == 0;
    for (const char *at = hex + 2; good && *at != '\0'; at += 2) {
        int high = hex_digit(at[0]);
        int low = high >= 0 ? hex_digit(at[1]) : -1;
        good = low >= 0;
        if (good)
            buf_append_char(out, (char)(high << 4 | low));
    }
    return (good && !out->failed) ||
           err_set(err, good ? ERR_NO_MEMORY : ERR_PROTOCOL, "the body of a dead letter cannot be read");
}

bool dead_letters_message(const struct pg_result *page, int row, struct buf *body,
                          struct broker_message *message, struct err *err)
{
    if (pg_value(page, row, DROPPED) != NULL)
        return err_set(err, ERR_INPUT,
                       "dead letter %s (task %s): its body of %s bytes was too large to be kept",
                       pg_value(page, row, ID), pg_value(page, row, TASK_ID), pg_value(page, row, DROPPED));
    if (!dead_letters_body(pg_value(page, row, BODY), body, err))
        return err_wrap(err, "dead letter %s", pg_value(page, row, ID));
    *message = (struct broker_message){.exchange = pg_value(page, row, EXCHANGE),
                                       .routing_key = pg_value(page, row, ROUTING_KEY),
                                       .body = body->data,
                                       .body_size = body->size,
                                       .content_type = pg_value(page, row, CONTENT_TYPE),
                                       .type = pg_value(page, row, TYPE),
                                       .message_id = pg_value(page, row, MESSAGE_ID),
                                       .correlation_id = pg_value(page, row, CORRELATION_ID),
                                       .reply_to = pg_value(page, row, REPLY_TO),
                                       .app_id = pg_value(page, row, APP_ID),
                                       .persistent = true};
    return true;
}

bool dead_letters_mark_requeued(struct pg *pg, const char *id, struct err *err)
{
    const char *params[] = {id};
    struct pg_result *done =
        store_query(pg, "UPDATE dead_letters SET requeued_at = now() WHERE id = $1::bigint", 1, params, err);
    pg_result_free(done);
    return done != NULL;
}
