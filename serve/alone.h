/* SPDX-License-Identifier: Apache-2.0 */
/* fleck watch: the service without HTTP, with one model and one folder. */
#ifndef FLECK_SERVE_ALONE_H
#define FLECK_SERVE_ALONE_H

struct sv_server;

#include "serve.h"

/* Store the model as the current one and the folder as the source, by options.watch. */
bool sv_watch_setup(struct sv_server *s, fleck_error *err);

#endif
