#include "common/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/config_file.h"
#include "common/file.h"
#include "common/mem.h"

#define SECRET_FILE_MAX 65536

/* Where a value came from, for its errors: a node of the file, or the name of an environment variable. */
struct origin {
    const struct config_node *node;
    const char *variable;
};

static bool refuse(const struct config_key *key, const struct origin *origin, struct err *err,
                   const char *problem)
{
    if (origin->node != NULL)
        return config_node_error(origin->node, err, "%s", problem);
    if (origin->variable != NULL)
        return err_set(err, ERR_CONFIG, "environment variable %s: %s", origin->variable, problem);
    return err_set(err, ERR_INTERNAL, "default of %s: %s", key->key, problem);
}

static void *member_of(const struct config_key *key, void *target)
{
    return (char *)target + key->offset;
}

static void free_value(const struct config_key *key, void *target)
{
    if (key->type == CONFIG_STRING || key->type == CONFIG_CHOICE) {
        char **text = member_of(key, target);
        if (key->secret && *text != NULL)
            explicit_bzero(*text, strlen(*text));
        free(*text);
        *text = NULL;
    } else if (key->type == CONFIG_STRING_LIST) {
        config_list_free(member_of(key, target));
    }
}

static bool is_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);
    for (const char *c = choices; *c != '\0';) {
        size_t part = strcspn(c, "|");
        if (part == length && strncmp(c, text, part) == 0)
            return true;
        c += part + (c[part] == '|');
    }
    return false;
}

static bool store_text(const struct config_key *key, void *target, const char *text,
                       const struct origin *origin, struct err *err)
{
    if (key->type == CONFIG_CHOICE && !is_choice(key->choices, text)) {
        autobuf struct buf problem = BUF_INIT;
        buf_printf(&problem, "\"%s\" is not allowed: use one of %s", text, key->choices);
        return refuse(key, origin, err, buf_text(&problem));
    }
    char *copy = strdup(text);
    if (copy == NULL)
        return err_set(err, ERR_NO_MEMORY, "%s: out of memory", key->key);
    free_value(key, target);
    *(char **)member_of(key, target) = copy;
    return true;
}

static bool store_integer(const struct config_key *key, void *target, int64_t number,
                          const struct origin *origin, struct err *err)
{
    if (number < key->minimum || number > key->maximum) {
        autobuf struct buf problem = BUF_INIT;
        buf_printf(&problem, "%lld is out of bounds: allowed are %lld to %lld", (long long)number,
                   (long long)key->minimum, (long long)key->maximum);
        return refuse(key, origin, err, buf_text(&problem));
    }
    *(int64_t *)member_of(key, target) = number;
    return true;
}

static bool parse_integer(const char *text, int64_t *number)
{
    if (*text != '-' && !isdigit((unsigned char)*text))
        return false;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *number = value;
    return errno == 0 && end != text && *end == '\0';
}

static bool parse_bool(const char *text, bool *value)
{
    static const char *const yes[] = {"true", "1", "yes", "on"};
    static const char *const no[] = {"false", "0", "no", "off"};
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *value = strcasecmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

/* "a, b,c"; "" is the empty list. */
static bool split_list(const char *text, struct config_list *list)
{
    size_t most = 1;
    for (const char *c = text; *c != '\0'; c++)
        most += *c == ',';
    list->count = 0;
    list->items = calloc(most + 1, sizeof(*list->items));
    if (list->items == NULL)
        return false;
    for (const char *c = text; *c != '\0';) {
        c += strspn(c, " ");
        size_t part = strcspn(c, ",");
        size_t length = part;
        while (length > 0 && c[length - 1] == ' ')
            length--;
        if (length > 0) {
            list->items[list->count] = strndup(c, length);
            if (list->items[list->count] == NULL) {
                config_list_free(list);
                return false;
            }
            list->count++;
        }
        c += part + (c[part] == ',');
    }
    return true;
}

/* A value given as text: from the environment, or the default. */
static bool set_from_text(const struct config_key *key, void *target, const char *text,
                          const struct origin *origin, struct err *err)
{
    int64_t number;
    struct config_list list;
    switch (key->type) {
    case CONFIG_STRING:
    case CONFIG_CHOICE:
        return store_text(key, target, text, origin, err);
    case CONFIG_INTEGER:
        if (!parse_integer(text, &number))
            return refuse(key, origin, err, "must be an integer");
        return store_integer(key, target, number, origin, err);
    case CONFIG_BOOL:
        if (!parse_bool(text, member_of(key, target)))
            return refuse(key, origin, err, "must be true or false");
        return true;
    case CONFIG_STRING_LIST:
        if (!split_list(text, &list))
            return err_set(err, ERR_NO_MEMORY, "%s: out of memory", key->key);
        free_value(key, target);
        *(struct config_list *)member_of(key, target) = list;
        return true;
    }
    return err_set(err, ERR_INTERNAL, "%s: unknown type", key->key);
}

static bool set_from_node(const struct config_key *key, void *target, const struct config_node *node,
                          struct err *err)
{
    const struct origin origin = {node, NULL};
    const char *text;
    struct config_list list;
    switch (key->type) {
    case CONFIG_STRING:
    case CONFIG_CHOICE:
        return config_node_string(node, &text, err) && store_text(key, target, text, &origin, err);
    case CONFIG_INTEGER:
        return config_node_integer(node, key->minimum, key->maximum, member_of(key, target), err);
    case CONFIG_BOOL:
        return config_node_bool(node, member_of(key, target), err);
    case CONFIG_STRING_LIST:
        if (!config_node_strings(node, &list, err))
            return false;
        free_value(key, target);
        *(struct config_list *)member_of(key, target) = list;
        return true;
    }
    return config_node_error(node, err, "unknown type");
}

static const struct config_key *find_key(const struct config_table *table, const char *name, size_t length)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strlen(table->keys[i].key) == length && strncmp(table->keys[i].key, name, length) == 0)
            return &table->keys[i];
    }
    return NULL;
}

static bool is_group_of_keys(const struct config_table *table, const char *path)
{
    size_t length = strlen(path);
    for (size_t i = 0; i < table->count; i++) {
        if (strncmp(table->keys[i].key, path, length) == 0 && table->keys[i].key[length] == '.')
            return true;
    }
    return false;
}

/* Edit distance, for "did you mean"; names longer than the table's are no misspelling of anything. */
static size_t distance(const char *a, const char *b)
{
    enum { most = 64 };
    size_t row[most + 1];
    size_t length_b = strlen(b);
    if (length_b > most || strlen(a) > most)
        return most;
    for (size_t j = 0; j <= length_b; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length_b; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < other ? change : other;
        }
    }
    return row[length_b];
}

static bool unknown_key(const struct config_table *table, const struct config_node *node, const char *path,
                        struct err *err)
{
    const struct config_key *nearest = NULL;
    size_t best = 4;
    for (size_t i = 0; i < table->count; i++) {
        size_t d = distance(path, table->keys[i].key);
        if (d < best) {
            best = d;
            nearest = &table->keys[i];
        }
    }
    if (nearest != NULL)
        return config_node_error(node, err, "unknown key; did you mean \"%s\"?", nearest->key);
    return config_node_error(node, err, "unknown key; %s --help lists the known ones", table->program);
}

static bool read_group(const struct config_table *table, const struct config_node *group, void *target,
                       struct err *err)
{
    size_t count = config_node_count(group);
    for (size_t i = 0; i < count; i++) {
        const struct config_node *node = config_node_at(group, i);
        autobuf struct buf path = BUF_INIT;
        config_node_path(node, &path);
        const struct config_key *key = find_key(table, buf_text(&path), path.size);
        bool ok;
        if (key != NULL)
            ok = set_from_node(key, target, node, err);
        else if (!is_group_of_keys(table, buf_text(&path)))
            ok = unknown_key(table, node, buf_text(&path), err);
        else
            ok = config_node_expect(node, CONFIG_NODE_GROUP, err) && read_group(table, node, target, err);
        if (!ok)
            return false;
    }
    return true;
}

void config_variable_name(const struct config_key *key, struct buf *out)
{
    if (key->environment != NULL) {
        buf_append_text(out, key->environment);
        return;
    }
    buf_append_text(out, "ASSAY_");
    for (const char *c = key->key; *c != '\0'; c++)
        buf_append_char(out, *c == '.' ? '_' : (char)toupper((unsigned char)*c));
}

static bool read_secret_file(const char *variable, const char *path, struct buf *content, struct err *err)
{
    if (!file_read(path, SECRET_FILE_MAX, content, err))
        return err_wrap(err, "environment variable %s", variable);
    if (memchr(buf_text(content), '\0', content->size) != NULL)
        return err_set(err, ERR_CONFIG, "environment variable %s: %s holds a NUL: this is no text file",
                       variable, path);
    static const char ends[] = {'\n', '\r'};
    for (size_t i = 0; i < sizeof(ends); i++) {
        if (content->size > 0 && content->data[content->size - 1] == ends[i])
            content->data[--content->size] = '\0';
    }
    return true;
}

static bool read_environment(const struct config_key *key, void *target, struct err *err)
{
    autobuf struct buf variable = BUF_INIT;
    config_variable_name(key, &variable);
    struct origin origin = {NULL, buf_text(&variable)};
    const char *value = getenv(origin.variable);
    if (value != NULL)
        return set_from_text(key, target, value, &origin, err);
    if (!key->secret)
        return true;
    buf_append_text(&variable, "_FILE");
    origin.variable = buf_text(&variable);
    const char *path = getenv(origin.variable);
    if (path == NULL)
        return true;
    autobuf struct buf content = BUF_INIT;
    bool ok = read_secret_file(origin.variable, path, &content, err) &&
              set_from_text(key, target, buf_text(&content), &origin, err);
    if (content.data != NULL)
        explicit_bzero(content.data, content.capacity);
    return ok;
}

bool config_load(const struct config_table *table, const char *file, void *target, struct err *err)
{
    const struct origin nowhere = {NULL, NULL};
    bool ok = true;
    for (size_t i = 0; ok && i < table->count; i++) {
        const struct config_key *key = &table->keys[i];
        ok = set_from_text(key, target, key->default_text != NULL ? key->default_text : "", &nowhere, err);
    }
    if (ok && file != NULL) {
        struct config_file *parsed = config_file_open(file, err);
        ok = parsed != NULL && read_group(table, config_file_root(parsed), target, err);
        config_file_close(parsed);
    }
    for (size_t i = 0; ok && i < table->count; i++)
        ok = read_environment(&table->keys[i], target, err);
    if (!ok)
        config_free(table, target);
    return ok;
}

void config_free(const struct config_table *table, void *target)
{
    for (size_t i = 0; i < table->count; i++)
        free_value(&table->keys[i], target);
}
