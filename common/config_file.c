#include "common/config_file.h"

#include <ctype.h>
#include <libconfig.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/mem.h"

#define FILE_SIZE_MAX ((size_t)4 * 1024 * 1024)

struct config_file {
    config_t config;
    char *path;
};

/* A node is libconfig's setting under another name. */
static const config_setting_t *setting_of(const struct config_node *node)
{
    return (const config_setting_t *)(const void *)node;
}

static const struct config_node *node_of(const config_setting_t *setting)
{
    return (const struct config_node *)(const void *)setting;
}

/* Length of the string, comment or word at `c`: what widen_integers copies as it is. */
static size_t opaque_length(const char *c)
{
    size_t length = 0;
    if (*c == '"') {
        for (length = 1; c[length] != '\0' && c[length] != '"'; length++)
            length += c[length] == '\\' && c[length + 1] != '\0';
        return length + (c[length] == '"');
    }
    if (*c == '#' || (c[0] == '/' && c[1] == '/'))
        return strcspn(c, "\n");
    if (c[0] == '/' && c[1] == '*') {
        const char *end = strstr(c + 2, "*/");
        return end != NULL ? (size_t)(end - c) + 2 : strlen(c);
    }
    while (isalnum((unsigned char)c[length]) || (c[length] != '\0' && strchr("_-*.+", c[length]) != NULL))
        length++;
    return length;
}

/* libconfig 1.5 takes an integer without the suffix L modulo 2^32: 4294967297 would silently be 1. Integers
 * of ten digits and more get the suffix here, so that the bounds are checked on what was written. */
static void widen_integers(const char *c, struct buf *out)
{
    while (*c != '\0') {
        size_t length = opaque_length(c);
        size_t sign = *c == '-' || *c == '+';
        bool wide = length - sign >= 10 && length > 0 && strspn(c + sign, "0123456789") == length - sign;
        buf_append(out, c, length > 0 ? length : 1);
        if (wide)
            buf_append_char(out, 'L');
        c += length > 0 ? length : 1;
    }
}

static bool read_config(struct config_file *file, struct err *err)
{
    /* As text: libconfig's own reading ends the process when it fails (a folder for a file). */
    autobuf struct buf text = BUF_INIT;
    if (!file_read(file->path, FILE_SIZE_MAX, &text, err))
        return err_wrap(err, "configuration file");
    if (memchr(buf_text(&text), '\0', text.size) != NULL)
        return err_set(err, ERR_CONFIG, "%s: holds a NUL: this is no text file", file->path);
    const char *slash = strrchr(file->path, '/');
    if (slash != NULL) {
        autofree char *folder = strndup(file->path, slash == file->path ? 1 : (size_t)(slash - file->path));
        if (folder != NULL)
            config_set_include_dir(&file->config, folder); /* copies */
    }
    autobuf struct buf wide = BUF_INIT;
    widen_integers(buf_text(&text), &wide);
    if (wide.failed)
        return err_set(err, ERR_NO_MEMORY, "read %s: out of memory", file->path);
    if (config_read_string(&file->config, buf_text(&wide)) == CONFIG_TRUE)
        return true;
    const char *where = config_error_file(&file->config);
    const char *problem = config_error_text(&file->config);
    return err_set(err, ERR_CONFIG, "%s:%d: %s (libconfig syntax: name = value;)",
                   where != NULL ? where : file->path, config_error_line(&file->config),
                   problem != NULL ? problem : "cannot be read");
}

struct config_file *config_file_open(const char *path, struct err *err)
{
    struct config_file *file = calloc(1, sizeof(*file));
    if (file == NULL || (file->path = strdup(path)) == NULL) {
        free(file);
        err_set(err, ERR_NO_MEMORY, "read %s: out of memory", path);
        return NULL;
    }
    config_init(&file->config);
    /* Errors of a node need the file's name, and a node knows only its root. */
    config_setting_set_hook(config_root_setting(&file->config), file);
    if (!read_config(file, err)) {
        config_file_close(file);
        return NULL;
    }
    config_setting_set_hook(config_root_setting(&file->config), file);
    return file;
}

void config_file_close(struct config_file *file)
{
    if (file == NULL)
        return;
    config_destroy(&file->config);
    free(file->path);
    free(file);
}

const struct config_node *config_file_root(const struct config_file *file)
{
    return node_of(config_root_setting(&file->config));
}

enum config_node_type config_node_type(const struct config_node *node)
{
    switch (config_setting_type(setting_of(node))) {
    case CONFIG_TYPE_GROUP:
        return CONFIG_NODE_GROUP;
    case CONFIG_TYPE_ARRAY:
    case CONFIG_TYPE_LIST:
        return CONFIG_NODE_LIST;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return CONFIG_NODE_INTEGER;
    case CONFIG_TYPE_FLOAT:
        return CONFIG_NODE_FLOAT;
    case CONFIG_TYPE_BOOL:
        return CONFIG_NODE_BOOL;
    default:
        return CONFIG_NODE_STRING;
    }
}

const char *config_node_name(const struct config_node *node)
{
    return config_setting_name(setting_of(node));
}

unsigned config_node_line(const struct config_node *node)
{
    return config_setting_source_line(setting_of(node));
}

size_t config_node_count(const struct config_node *node)
{
    const config_setting_t *setting = setting_of(node);
    if (!config_setting_is_aggregate(setting))
        return 0;
    int count = config_setting_length(setting);
    return count > 0 ? (size_t)count : 0;
}

const struct config_node *config_node_at(const struct config_node *node, size_t index)
{
    return index < UINT_MAX ? node_of(config_setting_get_elem(setting_of(node), (unsigned)index)) : NULL;
}

const struct config_node *config_node_member(const struct config_node *group, const char *name)
{
    const config_setting_t *setting = setting_of(group);
    return config_setting_is_group(setting) ? node_of(config_setting_get_member(setting, name)) : NULL;
}

void config_node_path(const struct config_node *node, struct buf *out)
{
    const config_setting_t *setting = setting_of(node);
    const config_setting_t *parent = config_setting_parent(setting);
    if (parent == NULL)
        return;
    config_node_path(node_of(parent), out);
    if (config_setting_name(setting) == NULL) {
        buf_printf(out, "[%d]", config_setting_index(setting));
        return;
    }
    if (!config_setting_is_root(parent))
        buf_append_char(out, '.');
    buf_append_text(out, config_setting_name(setting));
}

static const char *file_of(const struct config_node *node)
{
    const config_setting_t *setting = setting_of(node);
    if (config_setting_source_file(setting) != NULL)
        return config_setting_source_file(setting); /* an @include'd file */
    while (config_setting_parent(setting) != NULL)
        setting = config_setting_parent(setting);
    const struct config_file *file = config_setting_get_hook(setting);
    return file != NULL ? file->path : "configuration";
}

bool config_node_error(const struct config_node *node, struct err *err, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    if (vsnprintf(text, sizeof(text), format, args) < 0)
        text[0] = '\0';
    va_end(args);
    autobuf struct buf path = BUF_INIT;
    config_node_path(node, &path);
    if (path.size == 0)
        return err_set(err, ERR_CONFIG, "%s: %s", file_of(node), text);
    return err_set(err, ERR_CONFIG, "%s:%u: %s: %s", file_of(node), config_node_line(node), buf_text(&path),
                   text);
}

static const char *type_name(enum config_node_type type)
{
    switch (type) {
    case CONFIG_NODE_GROUP:
        return "a group { ... }";
    case CONFIG_NODE_LIST:
        return "a list [ ... ]";
    case CONFIG_NODE_STRING:
        return "a string in double quotes";
    case CONFIG_NODE_INTEGER:
        return "an integer";
    case CONFIG_NODE_FLOAT:
        return "a number";
    case CONFIG_NODE_BOOL:
        return "true or false";
    }
    return "a value";
}

bool config_node_expect(const struct config_node *node, enum config_node_type type, struct err *err)
{
    enum config_node_type is = config_node_type(node);
    return is == type || config_node_error(node, err, "must be %s, is %s", type_name(type), type_name(is));
}

bool config_node_string(const struct config_node *node, const char **value, struct err *err)
{
    if (!config_node_expect(node, CONFIG_NODE_STRING, err))
        return false;
    *value = config_setting_get_string(setting_of(node));
    return true;
}

bool config_node_integer(const struct config_node *node, int64_t minimum, int64_t maximum, int64_t *value,
                         struct err *err)
{
    if (!config_node_expect(node, CONFIG_NODE_INTEGER, err))
        return false;
    int64_t number = config_setting_get_int64(setting_of(node));
    if (number < minimum || number > maximum)
        return config_node_error(node, err, "%lld is out of bounds: allowed are %lld to %lld",
                                 (long long)number, (long long)minimum, (long long)maximum);
    *value = number;
    return true;
}

bool config_node_float(const struct config_node *node, double minimum, double maximum, double *value,
                       struct err *err)
{
    double number;
    if (config_node_type(node) == CONFIG_NODE_INTEGER)
        number = (double)config_setting_get_int64(setting_of(node));
    else if (config_node_expect(node, CONFIG_NODE_FLOAT, err))
        number = config_setting_get_float(setting_of(node));
    else
        return false;
    if (!(number >= minimum && number <= maximum))
        return config_node_error(node, err, "%g is out of bounds: allowed are %g to %g", number, minimum,
                                 maximum);
    *value = number;
    return true;
}

bool config_node_bool(const struct config_node *node, bool *value, struct err *err)
{
    if (!config_node_expect(node, CONFIG_NODE_BOOL, err))
        return false;
    *value = config_setting_get_bool(setting_of(node)) != 0;
    return true;
}

void config_list_free(struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct config_list){NULL, 0};
}

bool config_node_strings(const struct config_node *node, struct config_list *list, struct err *err)
{
    *list = (struct config_list){NULL, 0};
    if (!config_node_expect(node, CONFIG_NODE_LIST, err))
        return false;
    size_t count = config_node_count(node);
    list->items = calloc(count + 1, sizeof(*list->items));
    if (list->items == NULL)
        return config_node_error(node, err, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const char *text;
        if (!config_node_string(config_node_at(node, i), &text, err)) {
            config_list_free(list);
            return false;
        }
        list->items[i] = strdup(text);
        if (list->items[i] == NULL) {
            config_list_free(list);
            return config_node_error(node, err, "out of memory");
        }
        list->count++;
    }
    return true;
}

bool config_node_check_members(const struct config_node *group, const char *const *allowed, struct err *err)
{
    size_t count = config_node_count(group);
    for (size_t i = 0; i < count; i++) {
        const struct config_node *member = config_node_at(group, i);
        const char *name = config_node_name(member);
        const char *const *known = allowed;
        while (name != NULL && *known != NULL && strcmp(*known, name) != 0)
            known++;
        if (name != NULL && *known != NULL)
            continue;
        autobuf struct buf names = BUF_INIT;
        for (known = allowed; *known != NULL; known++)
            buf_printf(&names, "%s%s", known == allowed ? "" : ", ", *known);
        return config_node_error(member, err, "unknown key; known here are %s", buf_text(&names));
    }
    return true;
}
