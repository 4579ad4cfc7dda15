#include "common/paths.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/mem.h"

#define LOCAL_FOLDER  ".local"
#define ENV_SIZE_MAX  65536
#define VARIABLE_MARK "ASSAY_"
#define SOURCED_MARK  "ASSAY_LOCAL_ENV"

/* The folder of the running program, and its name (which points into `out`, behind the folder). */
static bool program_place(char out[PATH_MAX], const char **name)
{
    ssize_t size = readlink("/proc/self/exe", out, PATH_MAX - 1);
    if (size <= 0)
        return false;
    out[size] = '\0';
    char *slash = strrchr(out, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    *name = slash + 1;
    return true;
}

static bool program_folder(char out[PATH_MAX])
{
    const char *name;
    return program_place(out, &name);
}

/* `path` made absolute when it exists, else NULL; notes the place for the error message. */
static char *try_place(const char *folder, const char *relative, struct buf *searched)
{
    autobuf struct buf path = BUF_INIT;
    buf_printf(&path, "%s/%s", folder, relative);
    char *found = realpath(buf_text(&path), NULL);
    if (found == NULL)
        buf_printf(searched, "%s%s", searched->size > 0 ? ", " : "", buf_text(&path));
    return found;
}

char *paths_find(const char *relative, struct err *err)
{
    autobuf struct buf searched = BUF_INIT;
    char *found = NULL;
    const char *home = getenv("ASSAY_HOME");
    if (home != NULL && *home != '\0')
        found = try_place(home, relative, &searched);
    char folder[PATH_MAX];
    if (found == NULL && program_folder(folder)) {
        autobuf struct buf share = BUF_INIT;
        buf_printf(&share, "%s/../share/assay", folder);
        found = try_place(buf_text(&share), relative, &searched);
    }
    if (found == NULL)
        found = try_place(ASSAY_SOURCE_DIR, relative, &searched);
    if (found == NULL)
        err_set(err, ERR_CONFIG,
                "find %s: not in %s (ASSAY_HOME names the folder that holds conf/ and worker/)", relative,
                buf_text(&searched));
    return found;
}

/* One value as a POSIX shell would read it, for the forms that compose/local writes: bare, 'single' or
 * "double" quoted. False when the line is something else. */
static bool read_value(const char *c, struct buf *value)
{
    char quote = *c == '\'' || *c == '"' ? *c++ : '\0';
    for (; *c != '\0' && *c != quote; c++) {
        if (quote == '\0' && isspace((unsigned char)*c))
            break;
        if (*c == '\\' && quote != '\'' && c[1] != '\0')
            c++;
        buf_append_char(value, *c);
    }
    if (quote != '\0' && *c++ != quote)
        return false;
    c += strspn(c, " \t\r");
    return *c == '\0' || *c == '#';
}

static void take_line(char *line, bool replace)
{
    char *name = line + strspn(line, " \t");
    if (strncmp(name, "export ", 7) == 0)
        name += 7 + strspn(name + 7, " ");
    char *equals = strchr(name, '=');
    /* Nothing but our own settings: this file must not be a way to set PATH or LD_PRELOAD. */
    if (equals == NULL || strncmp(name, VARIABLE_MARK, strlen(VARIABLE_MARK)) != 0)
        return;
    *equals = '\0';
    autobuf struct buf value = BUF_INIT;
    if (read_value(equals + 1, &value) && !value.failed)
        (void)setenv(name, buf_text(&value), replace);
}

/* A .local in a folder that anybody can write (/tmp) could lead the program to a stranger's servers: it
 * counts only when it belongs to root, to us, or to whom the program itself belongs. */
static bool is_trusted(FILE *file)
{
    struct stat status;
    struct stat program;
    if (fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode) || (status.st_mode & S_IWOTH) != 0)
        return false;
    if (status.st_uid == 0 || status.st_uid == geteuid())
        return true;
    return stat("/proc/self/exe", &program) == 0 && program.st_uid == status.st_uid;
}

static bool load_file(const char *path, bool replace)
{
    autofile FILE *file = fopen(path, "re");
    if (file == NULL || !is_trusted(file))
        return false;
    autobuf struct buf line = BUF_LIMIT(ENV_SIZE_MAX);
    for (int c = getc(file); c != EOF; c = getc(file)) {
        if (c != '\n') {
            buf_append_char(&line, (char)c);
            continue;
        }
        if (line.data != NULL)
            take_line(line.data, replace);
        buf_reset(&line);
    }
    if (line.size > 0)
        take_line(line.data, replace);
    return true;
}

/* The program's own file first: what it sets, the general one does not change. In a shell that sourced the
 * general one (which says so by SOURCED_MARK) the URLs at hand are the publisher's: there the program's own
 * replace them. */
static bool load_folder(const char *folder)
{
    char program[PATH_MAX];
    const char *name;
    bool found = false;
    autobuf struct buf path = BUF_INIT;
    if (program_place(program, &name)) {
        buf_printf(&path, "%s/%s/%s.env", folder, LOCAL_FOLDER, name);
        found = load_file(buf_text(&path), getenv(SOURCED_MARK) != NULL);
        buf_reset(&path);
    }
    buf_printf(&path, "%s/%s/env", folder, LOCAL_FOLDER);
    return load_file(buf_text(&path), false) || found;
}

/* The nearest .local in `folder` or above it. */
static bool load_upwards(char *folder)
{
    for (;;) {
        if (load_folder(folder))
            return true;
        char *slash = strrchr(folder, '/');
        if (slash == NULL)
            return false;
        *slash = '\0';
    }
}

void paths_load_local_env(void)
{
    const char *off = getenv("ASSAY_NO_LOCAL_ENV");
    if (off != NULL && strcmp(off, "1") == 0)
        return;
    char folder[PATH_MAX];
    if (getcwd(folder, sizeof(folder)) != NULL && load_upwards(folder))
        return;
    if (program_folder(folder))
        (void)load_upwards(folder);
}
