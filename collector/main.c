/*
 * assay-collector: takes verdicts from the broker and stores them in PostgreSQL, each once.
 *
 * Theory of operation
 *
 * One process, one thread, one epoll loop (service.c). Three connections: the broker, the database, and a
 * second one to the broker for answers to reply_to, whose user may do nothing else.
 *
 * The way of a result. A delivery becomes an item (item.h), its verdict a row (row.h). Rows gather in a batch
 * until it is due by number, bytes or age (batch.h); a batch is one statement and thereby one transaction
 * (statements.c): rows, the counters of their jobs, reconstructions and training signals. While the database
 * works the loop goes on, so that heartbeats are served, and the next batch fills. After the commit the items
 * are finished, and the acknowledgements sent, many at once (acks.h). Nothing is acknowledged before its
 * commit: a collector that is killed loses nothing, and what it stored without acknowledging is recognised by
 * its identity (job_id, task_id).
 *
 * What the database refuses. A value that it cannot hold fails the whole statement: the batch is halved until
 * the row is found (bisect.h). That message goes to the dead results with the SQLSTATE in its headers,
 * confirmed by the broker before it is acknowledged; the rest commits. What is no result at all goes the same
 * way. Every other failure (connection, deadlock, full disk) is nobody's fault: the statement waits and is
 * sent again (database.h, refusal.h).
 *
 * The dead. Dead tasks and dead results are kept in dead_letters and get a verdict, so that every job
 * completes (dead.h). A worker's events go to `workers` (fleet.h), cancels and announcements to `jobs`
 * (jobs.h).
 *
 * Memory is bounded by the prefetch: what is held is unacknowledged. When the database is away the prefetch
 * fills, and the broker's queue is the buffer.
 *
 * Losing the broker drops what is not with the database yet: it is delivered again. Losing the database drops
 * nothing. SIGTERM: stop consuming, store what is held, acknowledge, end; a second one ends at once.
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/config.h"
#include "collector/migrate.h"
#include "collector/options.h"
#include "collector/prune.h"
#include "collector/service.h"
#include "common/log.h"
#include "common/message/json_memory.h"
#include "common/paths.h"

static bool prune(const struct collector_config *config, const struct collector_options *options,
                  struct err *err)
{
    const struct prune_options prune_options = {
        .pg_url = config->pg_url,
        .days = options->older_than_days != 0 ? options->older_than_days : config->retention_days,
        .batch = config->retention_batch,
        .dry_run = options->dry_run};
    if (prune_options.days == 0)
        return err_set(err, ERR_USAGE, "prune: retention_days is 0 (keep for ever); say --older-than DAYS");
    return prune_run(&prune_options, err);
}

static bool run_command(const struct collector_options *options, struct err *err)
{
    struct collector_config config;
    paths_load_local_env();
    const char *file = options->config_file != NULL ? options->config_file : getenv("ASSAY_COLLECTOR_CONFIG");
    if (!collector_config_load(&config, file, err))
        return false;
    log_set_level(config.log_level);
    bool ok;
    if (options->command == COMMAND_MIGRATE)
        ok = migrate_run(config.pg_url, err);
    else if (options->command == COMMAND_PRUNE)
        ok = prune(&config, options, err);
    else
        ok = service_run(&config, err);
    collector_config_free(&config);
    return ok;
}

int main(int argc, char **argv)
{
    struct collector_options options;
    struct err err = ERR_INIT;
    log_open("assay-collector");
    json_memory_use();
    /* Rows of some KiB come and go among small pieces: with the bins for the latter malloc would sweep them
     * all up at each row (mallopt(3), M_MXFAST). */
    (void)mallopt(M_MXFAST, 0);
    (void)signal(SIGPIPE, SIG_IGN);
    bool ok = collector_options_parse(argc, argv, &options, &err);
    if (ok) {
        switch (options.command) {
        case COMMAND_HELP:
            collector_options_print_help();
            break;
        case COMMAND_VERSION:
            printf("assay-collector %s\n", ASSAY_VERSION);
            break;
        case COMMAND_PRINT_CONFIG:
            config_print_sample(&collector_config_table, stdout);
            break;
        default:
            ok = run_command(&options, &err);
        }
    }
    if (!ok)
        log_error("%s", err.text);
    return ok ? 0 : err_exit_status(err.code);
}
