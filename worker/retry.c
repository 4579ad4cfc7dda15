#include "worker/retry.h"

bool retry_is_allowed(unsigned attempts)
{
    return attempts < RETRY_ATTEMPTS_MAX;
}

bool retry_slot_fits(unsigned failed_slot, unsigned slot, unsigned slot_count)
{
    return failed_slot != slot || slot_count <= 1;
}
