/*
 * The optional HTTP listener of each program (libmicrohttpd, driven by the program's own loop; the only file
 * that includes microhttpd.h is http_server.c): GET /healthz, /health, /readyz, /status (JSON), /metrics
 * (Prometheus text). Listens on loopback unless told otherwise.
 */
#ifndef ASSAY_COMMON_HTTP_SERVER_H
#define ASSAY_COMMON_HTTP_SERVER_H

#include "common/buf.h"
#include "common/err.h"
#include "common/loop.h"

struct http_server;

struct http_server_source {
    void *context;
    bool (*ready)(void *context);                    /* /readyz: 200 or 503 */
    void (*status)(void *context, struct buf *out);  /* a JSON object */
    void (*metrics)(void *context, struct buf *out); /* Prometheus text exposition format 0.0.4 */
};

/* `address` "127.0.0.1:9100", "[::1]:9100", ":9100" (loopback), port 0 = any free one; "" = no listener:
 * returns NULL without an error set. */
struct http_server *http_server_open(struct loop *loop, const char *address,
                                     const struct http_server_source *source, struct err *err);
/* The port that it listens on. */
unsigned http_server_port(const struct http_server *server);
void http_server_close(struct http_server *server); /* NULL is fine */

#endif
