/* What published files call the convolutions and batch norms of an architecture. */
#ifndef FK_NET_IMPORT_NAMES_H
#define FK_NET_IMPORT_NAMES_H

#include "net/arch.h"

/* Without ".weight" and the like; empty where the scheme has no such name. */
typedef struct fk_source_names {
    char conv[FK_NAME_SIZE], norm[FK_NAME_SIZE];
} fk_source_names;

/* Naming schemes of arch: 0 is its own (the canonical names and arch->norm_of), others follow. */
int fk_import_schemes(const fk_arch *arch);
void fk_import_names(const fk_arch *arch, int scheme, const char *conv, fk_source_names *out);

#endif
