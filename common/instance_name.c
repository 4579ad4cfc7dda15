#include "common/instance_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"

static bool make(char **name, const char *program, struct err *err)
{
    char host[INSTANCE_NAME_MAX - 20] = "";
    char *made = NULL;

    (void)gethostname(host, sizeof(host) - 1);
    if (!text_is_id(host, strlen(host)))
        (void)snprintf(host, sizeof(host), "%s", program);
    if (asprintf(&made, "%s-%ld", host, (long)getpid()) < 0)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    free(*name);
    *name = made;
    return true;
}

bool instance_name_complete(char **name, const char *variable, const char *program, struct err *err)
{
    size_t size = strlen(*name);

    if (size == 0)
        return make(name, program, err);
    return (size <= INSTANCE_NAME_MAX && text_is_id(*name, size)) ||
           err_set(err, ERR_CONFIG, "name (%s) \"%.120s\": allowed are 1 to %d of A-Za-z0-9._:/-", variable,
                   *name, INSTANCE_NAME_MAX);
}
