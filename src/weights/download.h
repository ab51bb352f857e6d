/* One file over HTTP into an open file, continued where an earlier attempt ended. */
#ifndef FK_WEIGHTS_DOWNLOAD_H
#define FK_WEIGHTS_DOWNLOAD_H

#include "weights/weights.h"

/* No weight file is larger; a server that sends more is cut off. */
#define FK_DOWNLOAD_LIMIT (INT64_C(1) << 30)

/* Whether url begins with http:// or https://, which are the only ones downloaded from. */
bool fk_download_takes(const char *url);

/* Append to the file fd what of url is not in it yet; path is its name, for messages.  A server
 * that cannot continue is asked for all of it.  What arrived stays in the file on failure.
 * Redirects are followed, from https to https only.  Errors; messages name url or path:
 *   FLECK_E_NETWORK    no connection in 30 s, HTTP status other than 200 and 206, cut short, less
 *                      than 100 bytes a second for a minute, beyond FK_DOWNLOAD_LIMIT
 *   FLECK_E_CANCELLED  progress returned false
 *   FLECK_E_IO, FLECK_E_NOMEM */
fleck_status fk_download(const char *url, int fd, const char *path, fk_fetch_progress *progress,
                         void *ctx, fleck_error *err) FLECK_MUST_CHECK;

#endif
