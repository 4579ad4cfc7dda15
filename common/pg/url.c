#include <string.h>

#include "common/pg/internal.h"

const char *pg_option(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword != NULL; options++) {
        if (strcmp(options->keyword, keyword) == 0)
            return options->val;
    }
    return NULL;
}

/* A URL whose password has an @ or / in it as it is, or that lost its end, is read as if a part of the
 * password were host or port, which libpq's messages quote. */
static bool is_ambiguous(const char *url, const PQconninfoOption *parsed)
{
    const char *authority = strstr(url, "://");
    const char *at = authority != NULL ? strchr(authority, '@') : NULL;
    if (at != NULL && memchr(at + 1, '@', strcspn(at + 1, "?")) != NULL)
        return true;
    const char *port = pg_option(parsed, "port");
    return port != NULL && port[strspn(port, "0123456789,")] != '\0';
}

PQconninfoOption *pg_parse_url(const char *url, struct err *err)
{
    if (url == NULL || url[0] == '\0') {
        (void)err_set(err, ERR_CONFIG,
                      "no database URL: set ASSAY_PG_URL, e.g. postgresql://user:password@localhost/assay");
        return NULL;
    }
    PQconninfoOption *parsed = PQconninfoParse(url, NULL); /* its message may quote the password */
    if (parsed != NULL && !is_ambiguous(url, parsed))
        return parsed;
    PQconninfoFree(parsed);
    (void)err_set(err, ERR_CONFIG,
                  "the database URL cannot be read; it must look like "
                  "postgresql://user:password@host:5432/database, special characters percent-encoded");
    return NULL;
}

char *pg_list_element(const char *list, unsigned index)
{
    if (list == NULL)
        return NULL;
    const char *first = list;
    for (; index > 0 && strchr(list, ',') != NULL; index--) {
        const char *comma = strchr(first, ',');
        if (comma == NULL)
            return NULL;
        first = comma + 1;
    }
    return strndup(first, strcspn(first, ","));
}

unsigned pg_list_count(const char *list)
{
    unsigned count = 1;
    for (; list != NULL && *list != '\0'; list++)
        count += *list == ',';
    return count;
}
