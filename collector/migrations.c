#include "collector/migrations.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "collector/memory.h"
#include "common/file.h"

#define FILE_MAX ((size_t)4 * 1024 * 1024)

void migrations_free(struct migrations *migrations)
{
    for (size_t i = 0; i < migrations->count; i++) {
        free(migrations->items[i].name);
        free(migrations->items[i].sql);
    }
    free(migrations->items);
    *migrations = (struct migrations){NULL, 0};
}

/* "012_name.sql": 12; -1 when the name has another form. */
static int version_of(const char *name)
{
    size_t length = strlen(name);
    if (strspn(name, "0123456789") != 3 || name[3] != '_' || length < 9 ||
        strcmp(name + length - 4, ".sql") != 0)
        return -1;
    return (name[0] - '0') * 100 + (name[1] - '0') * 10 + (name[2] - '0');
}

static bool read_migration(const char *folder, const char *name, struct migration *migration, struct err *err)
{
    autobuf struct buf path = BUF_INIT;
    autobuf struct buf text = BUF_INIT;
    buf_printf(&path, "%s/%s", folder, name);
    if (!file_read(buf_text(&path), FILE_MAX, &text, err))
        return false;
    migration->version = version_of(name);
    migration->name = memory_text(name);
    digest_sha256_hex(text.data, text.size, migration->checksum);
    migration->sql = memory_steal(&text);
    return true;
}

static int compare(const void *a, const void *b)
{
    return ((const struct migration *)a)->version - ((const struct migration *)b)->version;
}

static bool check_numbers(const struct migrations *migrations, const char *folder, struct err *err)
{
    if (migrations->count == 0)
        return err_set(err, ERR_CONFIG, "%s holds no migration", folder);
    for (size_t i = 1; i < migrations->count; i++) {
        if (migrations->items[i].version == migrations->items[i - 1].version)
            return err_set(err, ERR_CONFIG, "%s: %s and %s have the same number", folder,
                           migrations->items[i - 1].name, migrations->items[i].name);
    }
    return true;
}

static bool read_folder(DIR *directory, const char *folder, struct migrations *migrations, struct err *err)
{
    for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        size_t length = strlen(entry->d_name);
        if (entry->d_name[0] == '.' || length < 4 || strcmp(entry->d_name + length - 4, ".sql") != 0)
            continue;
        if (version_of(entry->d_name) < 0)
            return err_set(err, ERR_CONFIG, "%s/%s: want a name like 012_name.sql", folder, entry->d_name);
        migrations->items =
            memory_resize(migrations->items, migrations->count + 1, sizeof(*migrations->items));
        if (!read_migration(folder, entry->d_name, &migrations->items[migrations->count], err))
            return false;
        migrations->count++;
    }
    if (migrations->count > 0)
        qsort(migrations->items, migrations->count, sizeof(*migrations->items), compare);
    return check_numbers(migrations, folder, err);
}

bool migrations_load(const char *folder, struct migrations *migrations, struct err *err)
{
    *migrations = (struct migrations){NULL, 0};
    DIR *directory = opendir(folder);
    if (directory == NULL)
        return err_set_errno(err, ERR_CONFIG, "open the folder of migrations %s", folder);
    bool ok = read_folder(directory, folder, migrations, err);
    (void)closedir(directory);
    if (!ok)
        migrations_free(migrations);
    return ok;
}
