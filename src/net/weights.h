/* Weight files: reading torch's containers, folding batch norm, the store, and downloads. */
#ifndef FK_NET_WEIGHTS_H
#define FK_NET_WEIGHTS_H

#include "net/arch.h"
#include "tensor/safetensors.h"

/* Named tensors of a torch state dict, in the file's order; data borrowed from the source. */
typedef struct fk_state_dict fk_state_dict;

/* Read a weight file of any accepted kind (told by its first bytes): torch's legacy pickle, torch's
 * zip, safetensors.  A pickle may hold only tensors in an (ordered) dict, optionally under one key
 * "state_dict" or "model": anything else is FLECK_E_UNSUPPORTED with the name of what it asked for.
 */
fleck_status fk_state_dict_open(fk_state_dict **out, const char *path,
                                fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_state_dict_open_bytes(fk_state_dict **out, const void *bytes, size_t size,
                                      const char *name, fleck_error *err) FLECK_MUST_CHECK;
void fk_state_dict_close(fk_state_dict **d);
int64_t fk_state_dict_count(const fk_state_dict *d);
const char *fk_state_dict_name(const fk_state_dict *d, int64_t i);
const fk_tensor *fk_state_dict_tensor(const fk_state_dict *d, int64_t i);
const fk_tensor *fk_state_dict_find(const fk_state_dict *d, const char *name); /* NULL if missing */

/* Import path for arch: rename, fold batch norm in double (w' = w g / sqrt(v + eps)), check every
 * shape, write safetensors at out_path (f32, "*.weight" and "*.bias", metadata: arch, source file
 * name, SHA-256 of the source).  A file that ends after an early stage is accepted when at least
 * the first tap is complete; *complete says whether all stages are there. Already folded files pass
 * through. */
fleck_status fk_weights_import(const fk_arch *arch, const char *path, const char *out_path,
                               bool *complete, fleck_error *err) FLECK_MUST_CHECK;

/* home/weights/NAME.safetensors; free with fk_free(). */
fleck_status fk_weights_path(char **out, const char *home, const char *arch_name,
                             fleck_error *err) FLECK_MUST_CHECK;
/* Import into the store.  The folder is made. */
fleck_status fk_weights_add(const char *home, const char *arch_name, const char *path,
                            bool *complete, fleck_error *err) FLECK_MUST_CHECK;
/* Open the stored weights of arch.  FLECK_E_NOTFOUND names the file looked for, where the weights
 * come from and the `fleck weights` command that installs them. */
fleck_status fk_weights_open(fk_st_reader **out, const char *home, const fk_arch *arch,
                             fleck_error *err) FLECK_MUST_CHECK;

/* Download progress: bytes so far and in all (0: unknown); return false to stop. */
typedef bool fk_fetch_progress(void *ctx, int64_t done, int64_t total);

/* Download arch's official file (from mirror_url where not NULL) into home/downloads, resuming a
 * partial file, verify that its SHA-256 begins with the 8 hex digits in its name, then import it.
 * A wrong checksum is FLECK_E_CHECKSUM and the file is removed. */
fleck_status fk_weights_fetch(const char *home, const fk_arch *arch, const char *mirror_url,
                              fk_fetch_progress *progress, void *ctx,
                              fleck_error *err) FLECK_MUST_CHECK;

#endif
