/*
 * Drives common/pg.h from a test: one statement a line on standard input, one JSON object a line on standard
 * output. A statement is run twice, waiting (pg_query) and through the event-loop calls (pg_send, pg_poll);
 * "wait: SQL" and "loop: SQL" run it one way only; "notified" takes a notification.
 *
 *   usage: tool_pg_probe URL
 */
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/mem.h"
#include "common/pg.h"

static void say(json_t *answer)
{
    char *text = json_dumps(answer, JSON_COMPACT | JSON_SORT_KEYS);
    puts(text == NULL ? "{}" : text);
    (void)fflush(stdout);
    free(text);
    json_decref(answer);
}

static void set_text(json_t *answer, const char *key, const char *text)
{
    (void)json_object_set_new(answer, key, text == NULL ? json_null() : json_string(text));
}

static void say_error(const struct pg *pg, const struct err *err)
{
    json_t *answer = json_object();
    set_text(answer, "code", err_code_name(err->code));
    set_text(answer, "text", err->text);
    set_text(answer, "sqlstate", pg == NULL ? "" : pg_sqlstate(pg));
    (void)json_object_set_new(answer, "alive", json_boolean(pg != NULL && pg_alive(pg)));
    say(answer);
}

static void say_result(const struct pg_result *result)
{
    json_t *answer = json_object();
    (void)json_object_set_new(answer, "rows", json_integer(pg_rows(result)));
    (void)json_object_set_new(answer, "affected", json_integer(pg_affected(result)));
    if (pg_rows(result) > 0)
        set_text(answer, "value", pg_value(result, 0, 0));
    say(answer);
}

static void finish(const struct pg *pg, struct pg_result *result, const struct err *err)
{
    if (result != NULL)
        say_result(result);
    else
        say_error(pg, err);
    pg_result_free(result);
}

static void run_waiting(struct pg *pg, const char *sql)
{
    struct err err = ERR_INIT;
    finish(pg, pg_query(pg, sql, 0, NULL, &err), &err);
}

static void run_in_loop(struct pg *pg, const char *sql)
{
    struct err err = ERR_INIT;
    struct pg_result *result = NULL;
    if (!pg_send(pg, sql, 0, NULL, &err)) {
        say_error(pg, &err);
        return;
    }
    bool want_write = true;
    enum pg_state state = PG_BUSY;
    while ((state = pg_poll(pg, &result, &want_write, &err)) == PG_BUSY) {
        struct pollfd socket = {.fd = pg_fd(pg), .events = want_write ? POLLIN | POLLOUT : POLLIN};
        (void)poll(&socket, 1, 10000);
    }
    finish(pg, state == PG_DONE ? result : NULL, &err);
}

static void run_line(struct pg *pg, const char *line)
{
    if (strncmp(line, "wait: ", 6) == 0) {
        run_waiting(pg, line + 6);
    } else if (strncmp(line, "loop: ", 6) == 0) {
        run_in_loop(pg, line + 6);
    } else if (strcmp(line, "notified") == 0) {
        autofree char *channel = pg_notification(pg);
        json_t *answer = json_object();
        set_text(answer, "channel", channel);
        say(answer);
    } else {
        run_waiting(pg, line);
        run_in_loop(pg, line);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s URL\n", argv[0]);
        return 2;
    }
    struct err err = ERR_INIT;
    struct pg *pg = pg_open(argv[1], "assay-probe", 5, &err);
    if (pg == NULL) {
        say_error(NULL, &err);
        return err_exit_status(err.code);
    }
    autofree char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    while ((size = getline(&line, &capacity, stdin)) > 0) {
        line[strcspn(line, "\n")] = '\0';
        run_line(pg, line);
    }
    pg_close(pg);
    return 0;
}
