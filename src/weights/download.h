/* SPDX-License-Identifier: Apache-2.0 */
/* Download of one file over HTTP, continued where an earlier attempt ended. */
#ifndef FK_WEIGHTS_DOWNLOAD_H
#define FK_WEIGHTS_DOWNLOAD_H

#include "weights/weights.h"

/* No weight file is larger.  A server that sends more is refused. */
#define FK_DOWNLOAD_LIMIT (INT64_C(1) << 30)

/* Whether url begins with http:// or https://.  Other protocols are not used. */
bool fk_download_takes(const char *url);

/* Append to the file fd what it does not have of url yet; path is the file's name, for messages.
 * If the server cannot continue, the whole file is requested.  On failure the bytes so far stay in
 * the file.  Redirects are followed, from https to https only.  Errors; messages name url or path:
 *   FLECK_E_NETWORK    no connection in 30 s, HTTP status other than 200 and 206, cut short, less
 *                      than 100 bytes a second for a minute, beyond FK_DOWNLOAD_LIMIT
 *   FLECK_E_CANCELLED  progress returned false
 *   FLECK_E_IO, FLECK_E_NOMEM */
fleck_status fk_download(const char *url, int fd, const char *path, fk_fetch_progress *progress,
                         void *ctx, fleck_error *err) FLECK_MUST_CHECK;

#endif
