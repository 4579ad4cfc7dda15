/*
 * What the files of common/pg/ share. The only header of the tree that includes libpq's.
 *
 *   url.c          the URL: its hosts, and what is refused in it
 *   open.c         connecting to one host after the other, closing
 *   certificate.c  why a server's certificate is refused
 *   fault.c        libpq's and the server's errors as ours
 *   query.c        statements, results, notifications
 */
#ifndef ASSAY_COMMON_PG_INTERNAL_H
#define ASSAY_COMMON_PG_INTERNAL_H

#include <libpq-fe.h>

#include "common/pg.h"

struct pg {
    PGconn *connection;
    char sqlstate[PG_SQLSTATE_SIZE];
    PGresult *pending;   /* of the statement that pg_poll is collecting */
    int64_t patience_ms; /* with pg_query; 0 = for ever */
    int hurry_fd;        /* -1: none */
    int64_t hurry_ms;
    bool given_up; /* no answer came in that time: the connection is of no more use */
};

/* The caller frees it with PQconninfoFree. NULL: err says why, without a word of the URL, a secret. */
PQconninfoOption *pg_parse_url(const char *url, struct err *err);
/* NULL: the URL does not say. */
const char *pg_option(const PQconninfoOption *options, const char *keyword);
/* Element `index` of a comma-separated list, malloc'ed; the only one of a list of one stands for all. NULL:
 * the list has none. */
char *pg_list_element(const char *list, unsigned index);
unsigned pg_list_count(const char *list);

/* Always false. */
bool pg_connect_fault(struct pg *pg, struct err *err);
/* Always false. `result` may be NULL: the failure is the connection's. */
bool pg_statement_fault(struct pg *pg, const PGresult *result, struct err *err);
/* libpq's messages end in newlines and have some inside: one line, without the LOCATION of verbose ones. */
void pg_one_line(const char *message, char *out, size_t size);

void pg_clear_pending(struct pg *pg);

#endif
