#include "collector/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/migrations.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/pg.h"

#define CONNECT_TIMEOUT_S 10

/* The key of PostgreSQL's advisory lock: "assay" in ASCII. */
#define LOCK   "SELECT pg_advisory_lock(418514493817)"
#define UNLOCK "SELECT pg_advisory_unlock(418514493817)"

static const char create_table[] = "CREATE TABLE IF NOT EXISTS schema_migrations ("
                                   " version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL,"
                                   " applied_at TIMESTAMPTZ NOT NULL DEFAULT now())";

static bool execute(struct pg *pg, const char *sql, struct err *err)
{
    struct pg_result *result = pg_query(pg, sql, 0, NULL, err);
    pg_result_free(result);
    return result != NULL;
}

static const struct migration *find(const struct migrations *migrations, int version)
{
    for (size_t i = 0; i < migrations->count; i++) {
        if (migrations->items[i].version == version)
            return &migrations->items[i];
    }
    return NULL;
}

/* The highest version applied (0: none) after each applied one was compared with its file. */
static bool compare_applied(struct pg *pg, const struct migrations *migrations, int *highest, struct err *err)
{
    *highest = 0;
    struct pg_result *applied =
        pg_query(pg, "SELECT version, checksum, name FROM schema_migrations ORDER BY version", 0, NULL, err);
    if (applied == NULL)
        return false;
    bool ok = true;
    for (int i = 0; ok && i < pg_rows(applied); i++) {
        *highest = (int)strtol(pg_value(applied, i, 0), NULL, 10);
        const struct migration *migration = find(migrations, *highest);
        if (migration == NULL)
            log_warn("the database has migration %s, which this program does not know: it is older than the "
                     "schema",
                     pg_value(applied, i, 2));
        else if (strcmp(migration->checksum, pg_value(applied, i, 1)) != 0)
            ok = err_set(
                err, ERR_CONFIG,
                "%s was changed after it had been applied to this database: put the old file back, and make "
                "the change in a new file with the next number",
                migration->name);
    }
    pg_result_free(applied);
    return ok;
}

static bool apply(struct pg *pg, const struct migration *migration, struct err *err)
{
    char version[16];
    (void)snprintf(version, sizeof(version), "%d", migration->version);
    const char *params[] = {version, migration->name, migration->checksum};
    struct pg_result *recorded = NULL;
    bool ok = pg_script(pg, "BEGIN", err) && pg_script(pg, migration->sql, err);
    if (ok) {
        recorded = pg_query(pg, "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
                            ARRAY_SIZE(params), params, err);
        ok = recorded != NULL && pg_script(pg, "COMMIT", err);
        pg_result_free(recorded);
    }
    if (!ok) {
        (void)pg_script(pg, "ROLLBACK", NULL);
        return err_wrap(err, "apply %s", migration->name);
    }
    printf("applied %s\n", migration->name);
    return true;
}

static bool apply_missing(struct pg *pg, const struct migrations *migrations, struct err *err)
{
    int highest;
    size_t applied = 0;
    if (!execute(pg, create_table, err) || !compare_applied(pg, migrations, &highest, err))
        return false;
    for (size_t i = 0; i < migrations->count; i++) {
        if (migrations->items[i].version <= highest)
            continue;
        if (!apply(pg, &migrations->items[i], err))
            return false;
        applied++;
    }
    if (applied == 0)
        printf("up to date: %zu migrations are applied\n", migrations->count);
    return true;
}

static bool load_files(struct migrations *migrations, struct err *err)
{
    autofree char *folder = paths_find("conf/schema", err);
    return folder != NULL && migrations_load(folder, migrations, err);
}

bool migrate_run(const char *pg_url, struct err *err)
{
    struct migrations migrations;
    if (!load_files(&migrations, err))
        return false;
    struct pg *pg = pg_open(pg_url, "assay-collector migrate", CONNECT_TIMEOUT_S, err);
    bool ok = pg != NULL && execute(pg, LOCK, err);
    if (ok) {
        ok = apply_missing(pg, &migrations, err);
        (void)execute(pg, UNLOCK, NULL);
    }
    pg_close(pg);
    migrations_free(&migrations);
    return ok;
}

static bool check(struct pg *pg, const struct migrations *migrations, struct err *err)
{
    int highest = 0;
    if (!compare_applied(pg, migrations, &highest, err)) {
        if (strcmp(pg_sqlstate(pg), "42P01") != 0) /* undefined table: nothing was ever applied */
            return false;
        highest = 0;
    }
    if (highest < migrations->items[migrations->count - 1].version)
        return err_set(err, ERR_CONFIG,
                       "the database's schema is at version %d, this program needs %d: run "
                       "assay-collector migrate",
                       highest, migrations->items[migrations->count - 1].version);
    return true;
}

bool migrate_check(const char *pg_url, struct err *err)
{
    struct migrations migrations;
    if (!load_files(&migrations, err))
        return false;
    struct pg *pg = pg_open(pg_url, "assay-collector", CONNECT_TIMEOUT_S, err);
    bool ok = pg != NULL && check(pg, &migrations, err);
    pg_close(pg);
    migrations_free(&migrations);
    return ok;
}
