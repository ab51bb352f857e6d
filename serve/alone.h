/* SPDX-License-Identifier: Apache-2.0 */
/* fleck watch: the service without HTTP, with one model and one folder. */
#ifndef FLECK_SERVE_ALONE_H
#define FLECK_SERVE_ALONE_H

struct sv_server;

#include "serve.h"

/* Make the model the current one and start the source, as options.alone tells. */
bool sv_alone_open(struct sv_server *s, fleck_error *err);

#endif
