/* The name of one worker or collector among its like: in queue names, results and logs. */
#ifndef ASSAY_COMMON_INSTANCE_NAME_H
#define ASSAY_COMMON_INSTANCE_NAME_H

#include <stdbool.h>

#include "common/err.h"

#define INSTANCE_NAME_MAX 100 /* bytes; leaves room for what queue names put around it */

/* Checks *name (malloc'ed, from the setting `variable`); "" becomes <host>-<process id>, or
 * <program>-<process id> where the host's name has what a queue's may not. Errors: ERR_CONFIG, ERR_NO_MEMORY;
 * *name stays the caller's. */
bool instance_name_complete(char **name, const char *variable, const char *program, struct err *err);

#endif
