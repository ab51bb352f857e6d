/* SPDX-License-Identifier: Apache-2.0 */
/* Who may connect: the socket, the token, and the origin of requests from browsers. */
#ifndef FLECK_SERVE_ACCESS_H
#define FLECK_SERVE_ACCESS_H

#include "http.h"

/* Read or make the token, read certificate and key.  An address that other machines can reach needs
 * a token. */
bool sv_access_open(struct sv_server *s, fleck_error *err);
/* A listening socket; sets s->port to the port that it has.  -1: failed. */
int sv_access_listen(struct sv_server *s, fleck_error *err);
/* Whether the request is allowed.  Otherwise it is answered with 401 or 403. */
bool sv_access_check(sv_request *r, const char *method);
/* POST /api/v1/login: checks the token and sets it as a cookie. */
void sv_access_login(sv_request *r);

#endif
