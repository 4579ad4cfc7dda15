/*
 * Why libpq refuses a PostgreSQL server's certificate: it tells only that it does. Asks the server for its
 * certificate once more (PostgreSQL, "Message Flow", SSLRequest; then a handshake by OpenSSL) and sends
 * nothing else.
 */
#ifndef ASSAY_COMMON_PG_CERTIFICATE_H
#define ASSAY_COMMON_PG_CERTIFICATE_H

/* The fault's name by OpenSSL (static), such as "certificate has expired"; NULL when there is none, or the
 * server does not answer within a few seconds. `ca_file`: the authorities to trust. */
const char *pg_certificate_fault(const char *host, const char *port, const char *ca_file);

#endif
