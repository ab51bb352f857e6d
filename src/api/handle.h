/* What a fleck_model is inside. */
#ifndef FK_API_HANDLE_H
#define FK_API_HANDLE_H

#include "pipeline/runner.h"

struct fleck_model {
    fk_model model;
    fk_runner runner; /* borrows model */
    char taps[512];   /* names separated by commas, for fleck_model_describe() */
    char pool[FK_POOLING_TEXT];
    char *options; /* JSON text, likewise */
};

#endif
