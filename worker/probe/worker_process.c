#include "worker/probe/worker_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool is_the_worker(const struct target *target)
{
    char path[64], line[1024] = "";
    unsigned long long started = 0;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)target->worker);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return true;
    const char *at = fgets(line, sizeof(line), file) != NULL ? strrchr(line, ')') : NULL; /* the name's end */
    (void)fclose(file);
    for (int field = 2; at != NULL && field < 22; field++) { /* starttime is field 22 */
        at = strchr(at, ' ');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at == NULL)
        return true;
    started = strtoull(at, NULL, 10);
    return started == target->worker_started;
}
