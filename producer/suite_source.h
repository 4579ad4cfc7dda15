/*
 * Test suites by applications.test_suite_path: a file (absolute, or below suite.root), or an http(s) URL.
 * Bounded in size and time. What was read, failures too, is kept for a minute, since many rows share a suite.
 */
#ifndef ASSAY_PRODUCER_SUITE_SOURCE_H
#define ASSAY_PRODUCER_SUITE_SOURCE_H

#include "common/err.h"
#include "common/message/task.h"
#include "producer/config.h"

struct suite_source;

struct suite_source *suite_source_new(const struct producer_config *config); /* NULL without memory */
void suite_source_free(struct suite_source *source);                         /* NULL is fine */
/* The text, valid until the next call. ERR_INPUT, ERR_UNREACHABLE ...: the suite cannot be had, and why. */
bool suite_source_get(struct suite_source *source, const char *path, int64_t now_ms, struct blob *suite,
                      struct err *err);

#endif
