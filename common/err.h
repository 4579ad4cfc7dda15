/*
 * Errors as values.
 *
 * Every function that can fail takes a `struct err *` as its last parameter and returns false (or NULL).
 * The caller owns the struct; it needs no clean-up. Passing NULL is allowed where the caller does not care.
 * A message says what was attempted, on what, and what to do about it; each layer adds its context in
 * front with err_wrap, so that the text reads from the outside in: "publish tasks.jsonl: line 3: ...".
 */
#ifndef ASSAY_COMMON_ERR_H
#define ASSAY_COMMON_ERR_H

#include <stdbool.h>
#include <stddef.h>

enum err_code {
    ERR_NONE = 0,
    ERR_USAGE,       /* wrong command line */
    ERR_CONFIG,      /* wrong configuration file or environment */
    ERR_INPUT,       /* a task, message or file from outside breaks a rule */
    ERR_UNREACHABLE, /* broker or database: no connection, or it was lost */
    ERR_DENIED,      /* broker or database: wrong password, missing permission */
    ERR_PROTOCOL,    /* the peer broke or refused the protocol (channel exception, SQL error) */
    ERR_IO,          /* files, disk full */
    ERR_NO_MEMORY,
    ERR_INFRA,    /* the machinery of a sandbox or runtime failed; never the task's own fault */
    ERR_INTERNAL, /* a bug */
};

struct err {
    enum err_code code;
    int sys_errno;   /* errno at the time, or 0 */
    char text[1024]; /* always NUL-terminated; one line; never holds a secret */
};

#define ERR_INIT                                                                                             \
    {                                                                                                        \
        ERR_NONE, 0, ""                                                                                      \
    }

/* Each returns false, so that a failing function can `return err_set(...)`. */
bool err_set(struct err *err, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, with ": <strerror(errno)>" appended and sys_errno kept. */
bool err_set_errno(struct err *err, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "<context>: " in front of an existing message. */
bool err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
void err_clear(struct err *err);

/* "config", "unreachable", ...: the name used in logs. */
const char *err_code_name(enum err_code code);
/* The exit status of a program that ends with this error: 2 usage/config/input, 3 unreachable or denied, 4
 * otherwise. */
int err_exit_status(enum err_code code);

#endif
