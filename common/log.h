/*
 * Logs on stderr: text on a terminal, one JSON object a line otherwise (ASSAY_LOG=text|json overrides).
 * Every line has time (RFC 3339, UTC), level, program and message; fields such as job, task and attempt
 * follow. Secrets are never passed to these functions: a URL goes through text_redact_url first.
 */
#ifndef ASSAY_COMMON_LOG_H
#define ASSAY_COMMON_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* Once, at the start of main. Lines of "info" and above are logged then. */
void log_open(const char *program);
/* Once the configuration is read: debug, info, warn or error (any other name changes nothing). */
void log_set_level(const char *name);

/* What a line is about; NULL/0 members are left out. */
struct log_context {
    const char *job;
    const char *task;
    unsigned attempt;
    const char *worker;
    int slot; /* 1-based; 0 = none */
};

void log_line(enum log_level level, const struct log_context *context, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_debug(...) log_line(LOG_LEVEL_DEBUG, NULL, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, NULL, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, NULL, __VA_ARGS__)
#define log_error(...) log_line(LOG_LEVEL_ERROR, NULL, __VA_ARGS__)

#endif
