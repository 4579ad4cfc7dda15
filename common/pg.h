/*
 * PostgreSQL through libpq (only common/pg/ includes libpq-fe.h). Parameters and results are text.
 * Two ways: pg_query waits; pg_send + pg_poll serve an event loop.
 */
#ifndef ASSAY_COMMON_PG_H
#define ASSAY_COMMON_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct pg;
struct pg_result;

/* PostgreSQL's SQLSTATE of a failed statement ("" when the failure was not the server's). */
#define PG_SQLSTATE_SIZE 6

/* `url` is a postgresql:// URL or a key=value DSN: a secret. Several hosts in it are tried one after the
 * other, each for at most `connect_timeout_s` (the URL's own connect_timeout wins), until one answers and is
 * what target_session_attrs asks for. ERR_UNREACHABLE or ERR_DENIED. */
struct pg *pg_open(const char *url, const char *application_name, int connect_timeout_s, struct err *err);
void pg_close(struct pg *pg); /* NULL is fine */
bool pg_alive(const struct pg *pg);
/* How long pg_query waits for an answer at most; 0 = for ever, as at first. After that the connection is of
 * no more use: ERR_UNREACHABLE. */
void pg_set_patience(struct pg *pg, int64_t patience_ms);
/* Once `fd` is readable (signals: loop_signal_fd), pg_query waits for `hurry_ms` more at most. */
void pg_set_hurry(struct pg *pg, int fd, int64_t hurry_ms);

/* One statement; `params` are NUL-terminated texts, NULL is SQL NULL. The caller frees the result. On failure
 * the SQLSTATE is in pg_sqlstate; ERR_UNREACHABLE means that the connection is gone. */
struct pg_result *pg_query(struct pg *pg, const char *sql, int param_count, const char *const *params,
                           struct err *err);
/* A script of several statements without parameters (migrations), in the order given. */
bool pg_script(struct pg *pg, const char *sql, struct err *err);
const char *pg_sqlstate(const struct pg *pg);

/* Event-loop use: send, watch pg_fd for EPOLLIN (EPOLLOUT too while pg_flush says so), poll. One statement at
 * a time. */
bool pg_send(struct pg *pg, const char *sql, int param_count, const char *const *params, struct err *err);
#define PG_BINARY_PARAMS_MAX 64
/* The same with parameters in PostgreSQL's binary form, of `sizes` bytes. */
bool pg_send_binary(struct pg *pg, const char *sql, int param_count, const char *const *params,
                    const int *sizes, struct err *err);
int pg_fd(const struct pg *pg);
enum pg_state { PG_BUSY, PG_DONE, PG_FAILED };
/* PG_DONE: `*result` is the caller's. PG_FAILED: err says why. `*want_write`: watch for EPOLLOUT as well. */
enum pg_state pg_poll(struct pg *pg, struct pg_result **result, bool *want_write, struct err *err);

int pg_rows(const struct pg_result *result);
int64_t pg_affected(const struct pg_result *result);
/* NULL for SQL NULL; valid as long as the result. */
const char *pg_value(const struct pg_result *result, int row, int column);
void pg_result_free(struct pg_result *result); /* NULL is fine */

/* LISTEN/NOTIFY: the next pending notification's channel (malloc'ed), or NULL. */
char *pg_notification(struct pg *pg);

#endif
