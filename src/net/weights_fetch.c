/* Downloads of weight files: not there yet. */
#include "net/weights.h"

fleck_status fk_weights_fetch(const char *home, const fk_arch *arch, const char *mirror_url,
                              fk_fetch_progress *progress, void *ctx, fleck_error *err)
{
    (void)home;
    (void)mirror_url;
    (void)progress;
    (void)ctx;
    return fk_error_set(err, FLECK_E_UNSUPPORTED, "%s: downloads are not built in yet", arch->name);
}
