#include "collector/refusal.h"

#include <stddef.h>
#include <string.h>

#include "common/mem.h"

enum fault fault_of_sqlstate(const char *sqlstate)
{
    static const char *const row_classes[] = {
        "21", /* cardinality violation */
        "22", /* data exception: number out of range, text that jsonb cannot hold, ... */
        "23", /* integrity constraint violation */
        "44", /* WITH CHECK OPTION violation */
        "54", /* program limit exceeded: a value too large for an index, too many JSON elements */
        "P0", /* raised by a trigger of the operator's own */
    };
    for (size_t i = 0; i < ARRAY_SIZE(row_classes); i++) {
        if (strncmp(sqlstate, row_classes[i], 2) == 0)
            return FAULT_ROW;
    }
    return FAULT_PASSING;
}
