/* Import of published weights: batch norms folded into their convolutions, and everything checked.
 *
 * A convolution y = w * x + c is followed by a batch norm, which in use is
 *
 *   z = g (y - m) / sqrt(v + eps) + beta
 *
 * with m running_mean, v running_var, g weight and beta bias, one number each per output channel.
 * With s = g / sqrt(v + eps) this is z = (s w) * x + (beta + s (c - m)), a convolution again:
 *
 *   w' = s w,   b' = beta + s (c - m),   c = 0 where the convolution has no bias.
 *
 * Both are computed in double and rounded to float once. */
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "net/import_names.h"
#include "net/weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One convolution of the architecture and what the file has for it. */
typedef struct layer {
    const fk_op *op;
    int64_t shape[4]; /* [Cout, Cin/groups, k, k] */
    fk_source_names names;
    const fk_tensor *weight, *bias; /* bias NULL where there is none */
    const fk_tensor *norm[4];       /* g, beta, m, v; all NULL where there is no batch norm */
    fk_tensor folded_weight, folded_bias;
} layer;

enum { NORM_G, NORM_BETA, NORM_M, NORM_V };
static const char *const norm_parts[4] = {"weight", "bias", "running_mean", "running_var"};

/* How a file fits an architecture. */
typedef struct plan {
    const fk_arch *arch;
    const fk_state_dict *source;
    const char *path;
    fk_graph graph;
    layer *layers; /* all convolutions, in the order of the graph */
    int n_layers;
    int n_present; /* of them are in the file: the first ones */
    int n_needed;  /* of them feed the first tap */
} plan;

static void plan_free(plan *p)
{
    for (int i = 0; i < p->n_layers; i++) {
        fk_tensor_free(&p->layers[i].folded_weight);
        fk_tensor_free(&p->layers[i].folded_bias);
    }
    fk_free(p->layers);
    fk_graph_free(&p->graph);
    *p = (plan){0};
}

/* ---- What the architecture needs ---- */

static fleck_status list_layers(plan *p, fleck_error *err)
{
    const int64_t side = 224; /* weights are the same for every size of the input */
    fleck_status st;

    FK_DO(p->arch->describe(&p->graph, side, side, err));
    FK_DO(FK_CALLOC(&p->layers, p->graph.n_ops, err));
    for (int i = 0; i < p->graph.n_ops; i++) {
        const fk_op *op = &p->graph.ops[i];
        layer *l = &p->layers[p->n_layers];

        if (op->kind != FK_OP_CONV)
            continue;
        l->op = op;
        l->shape[0] = op->channels;
        l->shape[1] = p->graph.ops[op->input[0]].out_channels / op->groups;
        l->shape[2] = l->shape[3] = op->kernel;
        p->n_layers++;
        /* A description is in the order of depth, so what is before the tap is what it needs. */
        if (p->graph.n_taps > 0 && i <= p->graph.taps[0].node)
            p->n_needed = p->n_layers;
    }
done:
    return st;
}

/* ---- What the file has ---- */

static const fk_tensor *find_part(const plan *p, const char *name, const char *part)
{
    char full[FK_NAME_SIZE + 16];

    snprintf(full, sizeof full, "%s.%s", name, part);
    return name[0] != '\0' ? fk_state_dict_find(p->source, full) : NULL;
}

/* Take the first naming scheme under which the file has the first convolution. */
static void choose_names(plan *p)
{
    int n = fk_import_schemes(p->arch), scheme = 0;
    fk_source_names names;

    for (int i = n - 1; i >= 0 && p->n_layers > 0; i--) {
        fk_import_names(p->arch, i, p->layers[0].op->weight, &names);
        if (find_part(p, names.conv, "weight") != NULL)
            scheme = i;
    }
    for (int i = 0; i < p->n_layers; i++)
        fk_import_names(p->arch, scheme, p->layers[i].op->weight, &p->layers[i].names);
}

static fleck_status check_tensor(const plan *p, const fk_tensor *t, const char *name,
                                 const char *part, int ndim, const int64_t *shape, fleck_error *err)
{
    char wanted[FK_SHAPE_TEXT], found[FK_SHAPE_TEXT];

    if (!fk_tensor_has_shape(t, ndim, shape))
        return fk_error_set(err, FLECK_E_SHAPE, "%s: tensor %s.%s: expected %s for %s, found %s",
                            p->path, name, part, fk_shape_text(wanted, sizeof wanted, ndim, shape),
                            p->arch->name, fk_shape_text(found, sizeof found, t->ndim, t->shape));
    if (t->dtype != FK_F32 && t->dtype != FK_F64 && t->dtype != FK_F16 && t->dtype != FK_BF16)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "%s: tensor %s.%s: expected F32, F64, F16 or BF16, found %s", p->path,
                            name, part, fk_dtype_name(t->dtype));
    return FLECK_OK;
}

/* The batch norm or the bias of a layer whose convolution is there. */
static fleck_status find_norm(const plan *p, layer *l, fleck_error *err)
{
    const char *conv = l->names.conv, *norm = l->names.norm;
    int found = 0;
    fleck_status st = FLECK_OK;

    l->bias = find_part(p, conv, "bias");
    if (l->bias != NULL)
        FK_DO(check_tensor(p, l->bias, conv, "bias", 1, l->shape, err));
    for (int i = 0; i < 4; i++) {
        l->norm[i] = find_part(p, norm, norm_parts[i]);
        found += l->norm[i] != NULL;
    }
    if (found == 0 && l->bias == NULL)
        FK_FAIL(err, FLECK_E_NOTFOUND,
                "%s: it has %s.weight, but neither its batch norm %s.weight nor %s.bias", p->path,
                conv, norm, conv);
    for (int i = 0; i < 4 && found > 0; i++) {
        if (l->norm[i] == NULL)
            FK_FAIL(err, FLECK_E_NOTFOUND, "%s: tensor %s.%s is missing", p->path, norm,
                    norm_parts[i]);
        FK_DO(check_tensor(p, l->norm[i], norm, norm_parts[i], 1, l->shape, err));
    }
done:
    return st;
}

static fleck_status find_layers(plan *p, fleck_error *err)
{
    const char *missing = NULL;
    fleck_status st = FLECK_OK;

    for (int i = 0; i < p->n_layers; i++) {
        layer *l = &p->layers[i];

        l->weight = find_part(p, l->names.conv, "weight");
        if (l->weight == NULL) {
            missing = missing != NULL ? missing : l->names.conv;
            continue;
        }
        if (missing != NULL && p->n_present >= p->n_needed)
            FK_FAIL(err, FLECK_E_NOTFOUND,
                    "%s: tensor %s.weight of %s is missing, though %s.weight behind it is there",
                    p->path, missing, p->arch->name, l->names.conv);
        if (missing != NULL)
            break;
        FK_DO(check_tensor(p, l->weight, l->names.conv, "weight", 4, l->shape, err));
        FK_DO(find_norm(p, l, err));
        p->n_present++;
    }
    if (p->n_present < p->n_needed)
        FK_FAIL(err, FLECK_E_NOTFOUND, "%s: tensor %s.weight of %s is missing", p->path, missing,
                p->arch->name);
done:
    return st;
}

/* A deeper network of the same family has all tensors of a shallower one: ResNet-34 those of
 * ResNet-18.  So every convolution of the file must be one of the architecture's. */
static fleck_status refuse_others(const plan *p, fleck_error *err)
{
    for (int64_t i = 0; i < fk_state_dict_count(p->source); i++) {
        const fk_tensor *t = fk_state_dict_tensor(p->source, i);
        bool known = t->ndim != 4;

        for (int j = 0; j < p->n_present && !known; j++)
            known = p->layers[j].weight == t;
        if (!known)
            return fk_error_set(err, FLECK_E_SHAPE, "%s: tensor %s: %s has no such convolution",
                                p->path, fk_state_dict_name(p->source, i), p->arch->name);
    }
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
    FK_DO(refuse_others(p, err));
done:
    if (st != FLECK_OK)
        plan_free(p);
    return st;
}

/* Put what the file might be behind the message of a plan that failed. */
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
    default: /* FK_BF16: check_tensor() lets no other pass */
        return fk_f32_from_bf16(((const uint16_t *)t->data)[i]);
    }
}

/* s and b' of output channel c. */
static fleck_status channel_scale(const plan *p, const layer *l, int64_t c, double *s, double *b,
                                  fleck_error *err)
{
    double bias = l->bias != NULL ? number(l->bias, c) : 0, v;

    *s = 1;
    *b = bias;
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

static fleck_status fold(const plan *p, layer *l, fleck_error *err)
{
    const int64_t width = l->shape[1] * l->shape[2] * l->shape[3];
    float *weight, *bias;
    bool finite = true;
    fleck_status st;

    FK_DO(fk_tensor_init(&l->folded_weight, FK_F32, 4, l->shape, err));
    FK_DO(fk_tensor_init(&l->folded_bias, FK_F32, 1, l->shape, err));
    weight = l->folded_weight.data;
    bias = l->folded_bias.data;
    for (int64_t c = 0; c < l->shape[0]; c++) {
        double s, b;

        FK_DO(channel_scale(p, l, c, &s, &b, err));
        bias[c] = (float)b;
        finite = finite && isfinite(bias[c]);
        for (int64_t i = c * width; i < (c + 1) * width; i++) {
            weight[i] = (float)(s * number(l->weight, i));
            finite = finite && isfinite(weight[i]);
        }
    }
    if (!finite)
        FK_FAIL(err, FLECK_E_FORMAT,
                "%s: %s or its batch norm %s: a number that is infinite or none", p->path,
                l->names.conv, l->names.norm);
done:
    return st;
}

/* ---- The file in the store ---- */

static fleck_status add_metadata(fk_st_writer *w, const plan *p, fleck_error *err)
{
    char sum[FK_SHA256_TEXT];
    char *base = NULL;
    fleck_status st;

    FK_DO(fk_sha256_file(p->path, sum, err));
    FK_DO(fk_path_base(&base, p->path, err));
    FK_DO(fk_st_writer_metadata(w, FK_WEIGHTS_KEY_VERSION, FK_WEIGHTS_VERSION, err));
    FK_DO(fk_st_writer_metadata(w, FK_WEIGHTS_KEY_ARCH, p->arch->name, err));
    FK_DO(fk_st_writer_metadata(w, FK_WEIGHTS_KEY_SOURCE, base, err));
    FK_DO(fk_st_writer_metadata(w, FK_WEIGHTS_KEY_SHA256, sum, err));
    FK_DO(fk_st_writer_metadata(w, FK_WEIGHTS_KEY_COMPLETE,
                                p->n_present == p->n_layers ? "yes" : "no", err));
done:
    fk_free(base);
    return st;
}

static fleck_status write_layers(const plan *p, const char *out_path, fleck_error *err)
{
    fk_st_writer *w = NULL;
    fleck_status st;

    FK_DO(fk_st_writer_open(&w, err));
    FK_DO(add_metadata(w, p, err));
    for (int i = 0; i < p->n_present; i++) {
        const layer *l = &p->layers[i];
        char name[FK_NAME_SIZE + 16];

        snprintf(name, sizeof name, "%s.weight", l->op->weight);
        FK_DO(fk_st_writer_add(w, name, &l->folded_weight, err));
        snprintf(name, sizeof name, "%s.bias", l->op->weight);
        FK_DO(fk_st_writer_add(w, name, &l->folded_bias, err));
    }
    FK_DO(fk_st_writer_commit(&w, out_path, err));
done:
    fk_st_writer_abort(&w);
    return st;
}

fleck_status fk_weights_import(const fk_arch *arch, const char *path, const char *out_path,
                               bool *complete, fleck_error *err)
{
    fk_state_dict *source = NULL;
    plan p = {0};
    bool whole;
    fleck_status st;

    if (complete != NULL)
        *complete = false;
    FK_DO(fk_state_dict_open(&source, path, err));
    st = plan_import(&p, arch, source, path, err);
    if (st == FLECK_E_NOTFOUND || st == FLECK_E_SHAPE)
        add_guess(arch, source, path, err);
    FK_DO(st);
    for (int i = 0; i < p.n_present; i++)
        FK_DO(fold(&p, &p.layers[i], err));
    whole = p.n_present == p.n_layers;
    FK_DO(write_layers(&p, out_path, err));
    if (complete != NULL)
        *complete = whole;
done:
    plan_free(&p);
    fk_state_dict_close(&source);
    return st;
}
