#include "producer/table.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "producer/screen.h"

struct table {
    const struct table_column *columns;
    size_t column_count;
    char **cells; /* row by row, clean text */
    size_t rows, capacity;
};

struct table *table_new(const struct table_column *columns, size_t count)
{
    struct table *table = count <= TABLE_COLUMNS_MAX ? calloc(1, sizeof *table) : NULL;
    if (table == NULL)
        return NULL;
    table->columns = columns;
    table->column_count = count;
    return table;
}

void table_free(struct table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->rows * table->column_count; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}

size_t table_rows(const struct table *table)
{
    return table->rows;
}

static bool grow(struct table *table)
{
    size_t capacity = table->capacity == 0 ? 32 : table->capacity * 2;
    char **cells = realloc(table->cells, capacity * table->column_count * sizeof *cells);
    if (cells == NULL)
        return false;
    table->cells = cells;
    table->capacity = capacity;
    return true;
}

bool table_add(struct table *table, const char *const *cells)
{
    if (table->rows == table->capacity && !grow(table))
        return false;
    char **row = table->cells + table->rows * table->column_count;
    for (size_t i = 0; i < table->column_count; i++) {
        autobuf struct buf clean = BUF_INIT;
        screen_append_line(&clean, cells[i] != NULL ? cells[i] : "", table->columns[i].width_max);
        row[i] = strdup(buf_text(&clean));
        if (row[i] == NULL || clean.failed) {
            for (size_t j = 0; j <= i; j++)
                free(row[j]);
            return false;
        }
    }
    table->rows++;
    return true;
}

static void print_row(const struct table *table, const char *const *cells, const size_t *widths,
                      struct buf *out)
{
    size_t gap = 0; /* spaces owed: not written at the end of a line */
    for (size_t i = 0; i < table->column_count; i++) {
        size_t fill = widths[i] - screen_width(cells[i]);
        if (table->columns[i].right)
            gap += fill;
        if (cells[i][0] != '\0') {
            buf_printf(out, "%*s%s", (int)gap, "", cells[i]);
            gap = 0;
        }
        gap += (table->columns[i].right ? 0 : fill) + 2;
    }
    buf_append_char(out, '\n');
}

void table_print(const struct table *table, struct buf *out)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    const char *titles[TABLE_COLUMNS_MAX] = {NULL};
    for (size_t i = 0; i < table->column_count; i++) {
        titles[i] = table->columns[i].title;
        widths[i] = screen_width(titles[i]);
        for (size_t row = 0; row < table->rows; row++) {
            size_t width = screen_width(table->cells[row * table->column_count + i]);
            widths[i] = width > widths[i] ? width : widths[i];
        }
    }
    print_row(table, titles, widths, out);
    for (size_t row = 0; row < table->rows; row++)
        print_row(table, (const char *const *)table->cells + row * table->column_count, widths, out);
}

void csv_append(struct buf *out, const char *const *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *cell = cells[i] != NULL ? cells[i] : "";
        bool quoted = cell[strcspn(cell, ",\"\r\n")] != '\0';
        buf_append_text(out, i > 0 ? "," : "");
        buf_append_text(out, quoted ? "\"" : "");
        for (; *cell != '\0'; cell++) {
            if (*cell == '"')
                buf_append_char(out, '"');
            buf_append_char(out, *cell);
        }
        buf_append_text(out, quoted ? "\"" : "");
    }
    buf_append_text(out, "\r\n");
}
