/* What the files of the architectures give to the table in arch.c. */
#ifndef FK_NET_ARCH_TABLES_H
#define FK_NET_ARCH_TABLES_H

#include "net/arch.h"

fleck_status fk_describe_resnet18(fk_graph *out, int64_t height, int64_t width, fleck_error *err);
fleck_status fk_describe_resnet50(fk_graph *out, int64_t height, int64_t width, fleck_error *err);
fleck_status fk_describe_wide_resnet50_2(fk_graph *out, int64_t height, int64_t width,
                                         fleck_error *err);
void fk_norm_of_resnet(const char *conv, char out[FK_NAME_SIZE]);

fleck_status fk_describe_efficientnet_lite0(fk_graph *out, int64_t height, int64_t width,
                                            fleck_error *err);
void fk_norm_of_efficientnet(const char *conv, char out[FK_NAME_SIZE]);

#endif
