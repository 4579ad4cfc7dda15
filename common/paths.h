/*
 * Where things are. Shared files (conf/runtimes.cfg, worker/harness, conf/schema) are looked for in
 * $ASSAY_HOME, beside the installed program (../share/assay), then in the source tree that the program was
 * built from. paths_load_local_env reads the .local/PROGRAM.env and .local/env that compose/local wrote
 * (found upwards from the working directory, then from the program's own folder) and sets each variable that
 * the environment does not have yet (or has from a shell that sourced .local/env, where PROGRAM.env says
 * otherwise), so that programs started in a clone find their servers by themselves.
 * ASSAY_NO_LOCAL_ENV=1 turns that off.
 */
#ifndef ASSAY_COMMON_PATHS_H
#define ASSAY_COMMON_PATHS_H

#include <stdbool.h>

#include "common/err.h"

/* malloc'ed absolute path of `relative`, NULL with an error naming the places searched. */
char *paths_find(const char *relative, struct err *err);
void paths_load_local_env(void);

#endif
