/* Rows of dead_letters (conf/schema): which ones are meant, and one of them as the message that it was. */
#ifndef ASSAY_PRODUCER_DEAD_LETTERS_H
#define ASSAY_PRODUCER_DEAD_LETTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/broker.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/pg.h"

/* Which rows: those of the ids, else all, of a job and a kind where these are given. */
struct dead_letters_choice {
    char *const *ids; /* decimal numbers, from the command line */
    int id_count;
    const char *job_id, *kind; /* NULL = any */
    bool waiting;              /* only those that were not requeued yet */
};

/* Each id is a number that the table knows: else ERR_USAGE, ERR_INPUT. */
bool dead_letters_check_ids(struct pg *pg, const struct dead_letters_choice *choice, struct err *err);

/* The chosen rows behind the id `after` ("0" at first), `limit` at most; `columns` is SQL over the row d, the
 * first one d.id. NULL: ERR_UNREACHABLE, ERR_PROTOCOL. */
struct pg_result *dead_letters_page(struct pg *pg, const struct dead_letters_choice *choice,
                                    const char *columns, const char *after, int limit, struct err *err);

/* Deletes the chosen rows. The number of them, or -1. */
int64_t dead_letters_delete(struct pg *pg, const struct dead_letters_choice *choice, struct err *err);

/* bytea's hex form (PostgreSQL documentation, 8.4.1) to bytes; ERR_PROTOCOL when it is none. */
bool dead_letters_body(const char *hex, struct buf *out, struct err *err);

/* What dead_letters_message reads of a row, in this order. */
extern const char dead_letters_message_columns[];
/* The message as it was published first; strings are borrowed from the row, the body from `body`. ERR_INPUT
 * when the row keeps no body. */
bool dead_letters_message(const struct pg_result *page, int row, struct buf *body,
                          struct broker_message *message, struct err *err);
bool dead_letters_mark_requeued(struct pg *pg, const char *id, struct err *err);

#endif
