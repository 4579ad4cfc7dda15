#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/pg/certificate.h"
#include "common/pg/internal.h"

#define CERTIFICATE_REFUSED "certificate verify failed"

void pg_one_line(const char *message, char *out, size_t size)
{
    size_t used = 0;
    const char *location = strstr(message, "\nLOCATION:");
    size_t length = location == NULL ? strlen(message) : (size_t)(location - message);
    while (length > 0 && message[length - 1] == '\n')
        length--;
    for (size_t i = 0; i < length && used + 3 < size; i++) {
        if (message[i] != '\n') {
            out[used++] = message[i];
        } else {
            out[used++] = ';';
            out[used++] = ' ';
        }
    }
    out[used] = '\0';
}

/* PostgreSQL, appendix A. Class 57 is the operator's: the server goes down or comes up. */
static enum err_code sqlstate_error(const char *sqlstate)
{
    if (strncmp(sqlstate, "28", 2) == 0 || strcmp(sqlstate, "42501") == 0)
        return ERR_DENIED;
    if (strcmp(sqlstate, "57P01") == 0 || strcmp(sqlstate, "57P02") == 0 || strcmp(sqlstate, "57P03") == 0 ||
        strncmp(sqlstate, "08", 2) == 0 || strcmp(sqlstate, "53300") == 0)
        return ERR_UNREACHABLE;
    return ERR_PROTOCOL;
}

/* The value of a parameter of the connection as libpq has it; "" when unset. */
static void parameter(PGconn *connection, const char *name, char *out, size_t size)
{
    PQconninfoOption *all = PQconninfo(connection);
    out[0] = '\0';
    for (const PQconninfoOption *one = all; one != NULL && one->keyword != NULL; one++) {
        if (strcmp(one->keyword, name) == 0 && one->val != NULL)
            (void)snprintf(out, size, "%s", one->val);
    }
    PQconninfoFree(all);
}

/* Says why the server's certificate is refused. */
static void append_certificate_fault(PGconn *connection, char *text, size_t size)
{
    char ca_file[PATH_MAX];
    parameter(connection, "sslrootcert", ca_file, sizeof ca_file);
    const char *fault = pg_certificate_fault(PQhost(connection), PQport(connection), ca_file);
    size_t used = strlen(text);
    if (fault != NULL)
        (void)snprintf(text + used, size - used, ": %s", fault);
}

/* libpq's own words (fe-secure*.c) are all that tells one fault of TLS from another. */
static const char *tls_remedy(const char *text)
{
    if (strstr(text, "has expired") != NULL || strstr(text, "not yet valid") != NULL)
        return "; renew it on the server, and look at this machine's clock";
    if (strstr(text, CERTIFICATE_REFUSED) != NULL || strstr(text, "root certificate file") != NULL)
        return "; name the file of the authority that signed the server's certificate with sslrootcert=FILE "
               "in the database URL (ASSAY_PG_URL)";
    if (strstr(text, "does not match host name") != NULL)
        return "; put a name that the certificate has into the database URL (ASSAY_PG_URL)";
    if (strstr(text, "no encryption") != NULL)
        return "; put sslmode=verify-full&sslrootcert=FILE into the database URL (ASSAY_PG_URL), or allow "
               "this in the server's pg_hba.conf";
    if (strstr(text, "does not support SSL") != NULL)
        return "; switch TLS on in the server (ssl = on); or is this another server?";
    return NULL;
}

static const char *connect_remedy(const char *text, const char *sqlstate)
{
    const char *tls = tls_remedy(text);
    if (tls != NULL)
        return tls;
    if (strncmp(sqlstate, "28", 2) == 0)
        return "; check user and password in the database URL (ASSAY_PG_URL) and the server's pg_hba.conf";
    if (strcmp(sqlstate, "3D000") == 0)
        return "; create the database, or correct its name in the database URL (ASSAY_PG_URL)";
    if (sqlstate[0] == '\0')
        return "; is PostgreSQL running there (ASSAY_PG_URL)?";
    return "";
}

/* A refused connection has no PGresult, but its verbose message reads "FATAL:  28P01: text". */
static void find_sqlstate(const char *message, char out[PG_SQLSTATE_SIZE])
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    out[0] = '\0';
    for (const char *at = strstr(message, ":  "); at != NULL; at = strstr(at + 1, ":  ")) {
        const char *code = at + 3;
        if (strspn(code, alphabet) == PG_SQLSTATE_SIZE - 1 && code[PG_SQLSTATE_SIZE - 1] == ':') {
            memcpy(out, code, PG_SQLSTATE_SIZE - 1);
            out[PG_SQLSTATE_SIZE - 1] = '\0';
            return;
        }
    }
}

bool pg_connect_fault(struct pg *pg, struct err *err)
{
    char text[700];
    const char *message = PQerrorMessage(pg->connection);
    pg_one_line(message, text, sizeof(text));
    find_sqlstate(message, pg->sqlstate);
    if (strstr(text, CERTIFICATE_REFUSED) != NULL)
        append_certificate_fault(pg->connection, text, sizeof(text));
    enum err_code code = strncmp(pg->sqlstate, "28", 2) == 0 || strcmp(pg->sqlstate, "42501") == 0
                             ? ERR_DENIED
                             : ERR_UNREACHABLE;
    return err_set(err, code, "PostgreSQL: %s%s", text, connect_remedy(text, pg->sqlstate));
}

bool pg_statement_fault(struct pg *pg, const PGresult *result, struct err *err)
{
    char text[900];
    const char *sqlstate = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = result == NULL ? "" : PQresultErrorMessage(result);
    pg_one_line(message[0] == '\0' ? PQerrorMessage(pg->connection) : message, text, sizeof(text));
    (void)snprintf(pg->sqlstate, sizeof(pg->sqlstate), "%s", sqlstate == NULL ? "" : sqlstate);
    enum err_code code = sqlstate_error(pg->sqlstate);
    if (PQstatus(pg->connection) == CONNECTION_BAD)
        code = ERR_UNREACHABLE;
    return err_set(err, code, "PostgreSQL: %s", text);
}
