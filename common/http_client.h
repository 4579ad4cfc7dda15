/*
 * One blocking HTTP GET with bounds on time and size (libcurl; the only file that includes curl/curl.h is
 * http_client.c). Only http and https, also after redirects; certificates are checked.
 */
#ifndef ASSAY_COMMON_HTTP_CLIENT_H
#define ASSAY_COMMON_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct http_request {
    const char *url;      /* may hold user:password@; never appears in an error as it is */
    const char *user;     /* NULL or "": none, or the URL's */
    const char *password; /* a secret */
    const char *ca_file; /* of the authority that signed the server's certificate; NULL or "": the system's */
    const char *ca_setting; /* how the user names that file, for the remedy in an error; NULL: no way */
    size_t max_bytes;       /* a larger body is refused by name, not cut */
    int64_t timeout_ms;     /* for all of it, redirects included */
    int redirects_max;      /* 0 = a redirect is an error */
};

/*
 * Appends the body of a 200 answer to `body`. Else ERR_UNREACHABLE (no connection, no answer in time, answers
 * that are cut off), ERR_DENIED (401, 403), ERR_INPUT (not an http(s) URL, larger than max_bytes),
 * ERR_PROTOCOL (any other status); `*status` (may be NULL) is the HTTP status, 0 when there was none.
 */
bool http_get(const struct http_request *request, struct buf *body, long *status, struct err *err);

/* "http://" or "https://", in any case of letters. */
bool http_is_url(const char *text);
/* Appends `text` percent-encoded as one part of a path (RFC 3986: all but unreserved characters). */
void http_append_encoded(struct buf *out, const char *text);

#endif
