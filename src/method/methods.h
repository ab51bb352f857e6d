/* The methods that the table lists, each defined in the file of its name. */
#ifndef FK_METHOD_METHODS_H
#define FK_METHOD_METHODS_H

#include "method/method.h"

extern const fk_method fk_method_mhpatchcore;
extern const fk_method fk_method_padim;
extern const fk_method fk_method_patchcore;
extern const fk_method fk_method_spade;
extern const fk_method fk_method_subspace;

#endif
