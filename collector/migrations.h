/* The numbered files of conf/schema: NNN_name.sql, in the order of their numbers. */
#ifndef ASSAY_COLLECTOR_MIGRATIONS_H
#define ASSAY_COLLECTOR_MIGRATIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/digest.h"
#include "common/err.h"

struct migration {
    int version;
    char *name; /* the file's */
    char *sql;
    char checksum[DIGEST_HEX_SIZE]; /* SHA-256 of the file */
};

struct migrations {
    struct migration *items;
    size_t count;
};

/* A file that does not follow the form and two files with one number are errors. */
bool migrations_load(const char *folder, struct migrations *migrations, struct err *err);
void migrations_free(struct migrations *migrations);

#endif
