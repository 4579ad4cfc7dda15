/*
 * Time. Durations and deadlines use the monotonic clock in milliseconds (clock_ms); wall-clock time appears
 * only in what people read (started_at, log lines) as milliseconds since the Unix epoch. Pure modules take
 * `now_ms` as a parameter and never call these.
 */
#ifndef ASSAY_COMMON_CLOCK_H
#define ASSAY_COMMON_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_ms(void);      /* CLOCK_MONOTONIC */
int64_t clock_us(void);      /* CLOCK_MONOTONIC */
int64_t clock_unix_ms(void); /* CLOCK_REALTIME */

#define RFC3339_SIZE sizeof("2026-01-02T03:04:05.678Z")
/* UTC with milliseconds. */
void clock_rfc3339(int64_t unix_ms, char out[RFC3339_SIZE]);
/* Accepts any RFC 3339 date-time with Z or a numeric offset; false when it is not one. */
bool clock_parse_rfc3339(const char *text, int64_t *unix_ms);

#endif
