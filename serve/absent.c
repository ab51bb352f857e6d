/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the service where a library that it needs was missing when fleck was built. */
#include "serve.h"

#include <stdio.h>

void sv_defaults(sv_options *o)
{
    *o = (sv_options){.address = "127.0.0.1", .port = 8080};
}

bool sv_run(const sv_options *o, fleck_error *err)
{
    (void)o;
    err->status = FLECK_E_UNSUPPORTED;
    snprintf(err->message, sizeof err->message,
             "fleck was built without serve and watch: the build did not find " SV_MISSING);
    return false;
}
