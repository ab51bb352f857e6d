/* SPDX-License-Identifier: Apache-2.0 */
/* The networks of a fit: from the settings' names to a model's networks and taps. */
#include "fit/networks.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "fit/fit.h"
#include "net/onnx.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define WHOLE_STRIDE 32
#define MOST_STRIDE 64
#define MAX_ONNX_BYTES ((size_t)1 << 31)

static const float imagenet_mean[3] = {0.485f, 0.456f, 0.406f};
static const float imagenet_scale[3] = {0.229f, 0.224f, 0.225f};

/* ---- Sizes ---- */

/* What sides should be multiples of for one network; NULL: an unknown one. */
static int64_t stride_of(const fk_arch *arch)
{
    for (int i = 1; arch != NULL && arch->default_taps[i] != NULL; i++)
        if (arch->strides[i] != arch->strides[0])
            return WHOLE_STRIDE;
    return arch != NULL && arch->default_taps[0] != NULL ? arch->strides[0] : WHOLE_STRIDE;
}

/* The least common multiple of numbers above 0. */
static int64_t common(int64_t a, int64_t b)
{
    int64_t x = a, y = b;

    assert(a > 0 && b > 0);
    while (y != 0) {
        int64_t rest = x % y;

        x = y;
        y = rest;
    }
    return a / x * b;
}

int64_t fk_networks_multiple(const char *backbone)
{
    const fk_arch *archs[FK_MODEL_NETS];
    int64_t wanted = 1, needed = 1;
    int n = 0;

    if (backbone == NULL || fk_model_archs(archs, &n, backbone, NULL) != FLECK_OK)
        return WHOLE_STRIDE;
    for (int k = 0; k < n; k++) {
        wanted = common(wanted, stride_of(archs[k]));
        needed = common(needed, archs[k]->multiple > 0 ? archs[k]->multiple : 1);
    }
    return n == 1 || wanted <= MOST_STRIDE ? wanted : needed;
}

/* ---- Weights ---- */

fleck_status fk_networks_weights(char **out, const fleck_settings *s, int k, int n,
                                 fleck_error *err)
{
    const char *p = s->weights;
    int count = 1;
    size_t length;

    *out = NULL;
    if (p == NULL)
        return FLECK_OK;
    if (n == 1)
        return fk_strdup(out, p, err);
    for (const char *c = p; *c != '\0'; c++)
        count += *c == ',';
    if (count != n)
        return fk_error_set(
            err, FLECK_E_OPTION,
            "--weights: expected %d files separated by commas, one for each network "
            "of %s, got %d",
            n, s->backbone, count);
    for (int i = 0; i < k; i++)
        p += strcspn(p, ",") + 1;
    length = strcspn(p, ",");
    return length == 0 ? FLECK_OK : fk_asprintf(out, err, "%.*s", (int)length, p);
}

static int threads_of(const fleck_settings *s)
{
    return s->threads > 0 ? s->threads : fk_pool_processors();
}

/* Open the weights of a network: the file of the caller, or (NULL) the installed one.  The former
 * must be folded safetensors, as `fleck weights add` stores them. */
static fleck_status open_weights(fk_model_net *net, const fleck_settings *s, const char *file,
                                 fleck_error *err)
{
    const char *home;
    fleck_status st;

    if (file == NULL && s->home == NULL && s->shared_home == NULL)
        return fk_error_set(err, FLECK_E_OPTION,
                            "backbone %s: neither a weight file nor a folder of weights was given",
                            net->arch->name);
    if (file == NULL) {
        st = fk_weights_home(&home, s->home, s->shared_home, net->arch->name, err);
        return st != FLECK_OK ? st
                              : fk_weights_open(&net->weights, home, net->arch, threads_of(s), err);
    }
    st = fk_st_open_with(&net->weights, file, threads_of(s), NULL, err);
    if (st == FLECK_E_FORMAT)
        fk_error_context(err, "weights (torch files go through `fleck weights add` first)");
    if (st == FLECK_OK)
        st = fk_st_check_finite(net->weights, err);
    return st;
}

/* Set the name and digest of the file that a network's weights, or the ONNX model, come from. */
static fleck_status name_weights(fk_model_net *net, const char *file, fleck_error *err)
{
    const char *source = NULL, *sum = NULL;
    char text[FK_DIGEST_TEXT];
    fk_digest one;
    fleck_status st;

    if (net->arch != NULL) {
        source = fk_st_metadata(net->weights, FK_WEIGHTS_KEY_SOURCE);
        sum = fk_st_metadata(net->weights, FK_WEIGHTS_KEY_SHA256);
    }
    if (source != NULL && sum != NULL) {
        FK_DO(fk_strdup(&net->source, source, err));
        FK_DO(fk_asprintf(&net->digest, err, "sha256:%s", sum));
        return FLECK_OK;
    }
    one = fk_digest_block(net->onnx, net->onnx_size); /* an ONNX model is one block */
    fk_digest_text(text, one);
    FK_DO(fk_path_base(&net->source, file, err));
    FK_DO(fk_asprintf(&net->digest, err, "xxh3-128:%s",
                      net->arch != NULL ? fk_st_digest(net->weights) : text));
done:
    return st;
}

/* ---- Networks ---- */

/* Whether the text is the path of an ONNX file, which may have a '+' too. */
static bool is_onnx(const char *text)
{
    char first[FK_NAME_SIZE];

    snprintf(first, sizeof first, "%.*s", (int)strcspn(text, "+"), text);
    return fk_ends_with(text, ".onnx") && fk_arch_find(first) == NULL;
}

static fleck_status open_onnx(fk_model *m, const char *path, fleck_error *err)
{
    fk_model_net *net = &m->nets[0];
    fleck_status st;

    m->n_nets = 1;
    FK_DO(fk_path_base(&m->backbone, path, err));
    FK_DO(fk_contents_read(&net->onnx_file, path, MAX_ONNX_BYTES, err));
    if (net->onnx_file.size == 0)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: expected an ONNX model, found an empty file", path);
    net->onnx = net->onnx_file.data;
    net->onnx_size = net->onnx_file.size;
    FK_DO(fk_onnx_check_finite(net->onnx, net->onnx_size, path, err));
    FK_DO(name_weights(net, path, err));
done:
    return st;
}

static fleck_status open_archs(fk_model *m, const fleck_settings *s, fleck_error *err)
{
    const fk_arch *archs[FK_MODEL_NETS];
    char meant[FK_MEANT], *file = NULL;
    int n;
    fleck_status st;

    if (fk_arch_find(s->backbone) == NULL && strchr(s->backbone, '+') == NULL)
        FK_FAIL(err, FLECK_E_OPTION,
                "backbone: \"%s\" is neither built in (`fleck weights list` names them) nor a "
                ".onnx file%s",
                s->backbone, fk_arch_meant(meant, s->backbone));
    FK_DO(fk_model_archs(archs, &n, s->backbone, err));
    FK_DO(fk_strdup(&m->backbone, s->backbone, err));
    for (; m->n_nets < n; m->n_nets++) {
        fk_model_net *net = &m->nets[m->n_nets];

        net->arch = archs[m->n_nets];
        fk_free(file);
        FK_DO(fk_networks_weights(&file, s, m->n_nets, n, err));
        FK_DO(open_weights(net, s, file, err));
        FK_DO(name_weights(net, file, err));
    }
done:
    fk_free(file);
    return st;
}

fleck_status fk_pick_engine(fk_model *m, const char *name, fleck_error *err)
{
    char meant[FK_MEANT];
    fk_engine engine = FK_ENGINE_REFERENCE;

    if (name != NULL && !fk_engine_parse(name, &engine))
        return fk_error_set(err, FLECK_E_OPTION,
                            "engine: expected native, openvino or reference, got \"%s\"%s", name,
                            fk_nearest_choice(meant, "native|openvino|reference", name));
    if (name != NULL && !fk_engine_built(engine))
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "this fleck was built without %s", name);
    for (int k = 0; k < m->n_nets; k++)
        m->nets[k].runs_on =
            name != NULL ? engine : fk_engine_fastest(m->nets[k].arch, m->precision);
    return FLECK_OK;
}

/* Set the version text of the engines, each once. */
static fleck_status name_engines(fk_model *m, fleck_error *err)
{
    char version[FK_ENGINE_VERSION_SIZE];
    fk_text text = {0};
    fleck_status st = FLECK_OK;

    for (int k = 0; k < m->n_nets; k++) {
        fk_engine_version(m->nets[k].runs_on, version, sizeof version);
        if (text.data == NULL || strstr(text.data, version) == NULL)
            FK_DO(fk_text_printf(&text, err, "%s%s", k > 0 ? " + " : "", version));
    }
    m->engine = text.data;
    text = (fk_text){0};
done:
    fk_text_free(&text);
    return st;
}

void fk_networks_normalise(fk_model_net *net, const char *name)
{
    bool own = net->arch != NULL &&
               (strcmp(name, "own") == 0 || (strcmp(name, "auto") == 0 && !net->arch->as_imagenet));

    net->gain = 1.0f;
    for (int i = 0; i < 3; i++) {
        net->mean[i] = own ? net->arch->mean[i] : imagenet_mean[i];
        net->scale[i] = own ? net->arch->scale[i] : imagenet_scale[i];
    }
}

fleck_status fk_networks_open(fk_model *m, const fleck_settings *s, fleck_error *err)
{
    fleck_status st;

    FK_DO(is_onnx(s->backbone) ? open_onnx(m, s->backbone, err) : open_archs(m, s, err));
    for (int k = 0; k < m->n_nets; k++)
        fk_networks_normalise(&m->nets[k], s->normalisation);
    FK_DO(fk_pick_engine(m, s->engine, err));
    FK_DO(name_engines(m, err));
done:
    return st;
}

fleck_status fk_networks_outline(fk_model *m, const fk_model *like, fleck_error *err)
{
    if (like->nets[0].arch == NULL)
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "only what is built in can be outlined");
    m->n_nets = like->n_nets;
    for (int k = 0; k < m->n_nets; k++)
        m->nets[k].arch = like->nets[k].arch;
    return fk_strdup(&m->backbone, like->backbone, err);
}

/* ---- Taps ---- */

/* Add the tap called name[0..length). */
static fleck_status add_tap(fk_model *m, const char *name, size_t length, fleck_error *err)
{
    if (m->n_taps == FK_MAX_TAPS || length == 0 || length >= FK_NAME_SIZE)
        return fk_error_set(err, FLECK_E_OPTION,
                            "taps: expected at most %d names separated by commas", FK_MAX_TAPS);
    snprintf(m->taps[m->n_taps++].name, FK_NAME_SIZE, "%.*s", (int)length, name);
    return FLECK_OK;
}

/* Add the taps of network k that the method uses. */
static fleck_status add_usual(fk_model *m, int k, fleck_error *err)
{
    const fk_arch *arch = m->nets[k].arch;
    int n = 0;
    fleck_status st = FLECK_OK;

    if (arch == NULL)
        return FLECK_OK;
    while (n < FK_MAX_TAPS && arch->default_taps[n] != NULL)
        n++;
    for (int i = n > m->method->skip_taps ? m->method->skip_taps : 0; i < n; i++) {
        char name[2 * FK_NAME_SIZE];

        if (m->n_taps == FK_MAX_TAPS)
            FK_FAIL(err, FLECK_E_OPTION,
                    "taps: %s has more than %d usual taps in all; expected the names of %d at most",
                    m->backbone, FK_MAX_TAPS, FK_MAX_TAPS);
        snprintf(name, sizeof name, "%s%s%s", m->n_nets > 1 ? arch->name : "",
                 m->n_nets > 1 ? "/" : "", arch->default_taps[i]);
        FK_DO(add_tap(m, name, strlen(name), err));
    }
done:
    return st;
}

static fleck_status name_taps(fk_model *m, const char *text, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int k = 0; text == NULL && k < m->n_nets; k++)
        FK_DO(add_usual(m, k, err));
    for (const char *p = text; p != NULL; p++) {
        size_t n = strcspn(p, ",");

        FK_DO(add_tap(m, p, n, err));
        p += n;
        if (*p == '\0')
            break;
    }
done:
    return st;
}

/* All taps are those of the compiled ONNX model. */
static fleck_status onnx_taps(fk_model *m, fleck_error *err)
{
    fk_net_source source = fk_model_source(m, 0);
    fk_net_settings settings = fk_model_net_settings(m, 0, 1);
    fk_net *net = NULL;
    fleck_status st;

    settings.pool = true; /* a method may want the global output, if there is one */
    st = fk_net_open(&net, &source, &settings, err);
    settings.pool = false;
    if (st == FLECK_E_NOTFOUND)
        st = fk_net_open(&net, &source, &settings, err);
    if (st != FLECK_OK)
        return st;
    m->n_taps = fk_net_tap_count(net);
    for (int i = 0; i < m->n_taps; i++)
        m->taps[i] = *fk_net_tap(net, i);
    m->pool_dim = fk_net_pool_dim(net);
    fk_net_close(&net);
    return FLECK_OK;
}

/* The index of the tap called name in g; -1: there is none.  Of joined networks name may begin with
 * the network's. */
static int tap_of(const fk_graph *g, const char *network, bool joined, const char *name)
{
    size_t n = strlen(network);

    if (joined && strncmp(name, network, n) == 0 && name[n] == '/')
        name += n + 1;
    for (int i = 0; i < g->n_taps; i++)
        if (strcmp(g->taps[i].name, name) == 0)
            return i;
    return -1;
}

/* Refuse a tap's name, and list all. */
static fleck_status refuse_tap(const fk_model *m, const fk_graph *graphs, const char *name,
                               bool several, fleck_error *err)
{
    fk_text names = {0};
    fk_nearest near = {.word = name};
    char meant[FK_MEANT], full[FK_MODEL_NETS * FK_GRAPH_TAPS][2 * FK_NAME_SIZE];
    int n = 0;
    fleck_status st;

    for (int k = 0; k < m->n_nets; k++)
        for (int i = 0; i < graphs[k].n_taps; i++, n++) {
            snprintf(full[n], sizeof full[n], "%s%s%s",
                     m->n_nets > 1 ? fk_model_net_name(m, k) : "", m->n_nets > 1 ? "/" : "",
                     graphs[k].taps[i].name);
            fk_nearest_offer(&near, full[n]);
            if (fk_text_printf(&names, err, "%s%s", n > 0 ? ", " : "", full[n]) != FLECK_OK)
                break;
        }
    st = several ? fk_error_set(err, FLECK_E_OPTION,
                                "taps: several networks of %s have \"%s\"; expected one of %s",
                                m->backbone, name, names.data != NULL ? names.data : "none")
                 : fk_error_set(err, FLECK_E_OPTION, "taps: backbone %s has %s, not \"%s\"%s",
                                m->backbone, names.data != NULL ? names.data : "none", name,
                                fk_nearest_text(&near, "", meant));
    fk_text_free(&names);
    return st;
}

/* Set the network, the whole name and the shape of tap i. */
static fleck_status place_tap(fk_model *m, const fk_graph *graphs, int i, fleck_error *err)
{
    fk_tap_info *tap = &m->taps[i];
    int found = 0, at = 0;
    const fk_op *op;
    char name[2 * FK_NAME_SIZE];

    for (int k = 0; k < m->n_nets; k++) {
        int index = tap_of(&graphs[k], fk_model_net_name(m, k), m->n_nets > 1, tap->name);

        if (index < 0)
            continue;
        found++;
        at = index;
        m->tap_net[i] = k;
    }
    if (found != 1)
        return refuse_tap(m, graphs, tap->name, found > 1, err);
    op = &graphs[m->tap_net[i]].ops[graphs[m->tap_net[i]].taps[at].node];
    tap->channels = op->out_channels;
    tap->height = op->out_height;
    tap->width = op->out_width;
    if (m->n_nets > 1 && strchr(tap->name, '/') == NULL) {
        snprintf(name, sizeof name, "%s/%s", fk_model_net_name(m, m->tap_net[i]), tap->name);
        if (strlen(name) >= sizeof tap->name)
            return fk_error_set(err, FLECK_E_OPTION, "taps: the name %s is too long", name);
        snprintf(tap->name, sizeof tap->name, "%s", name);
    }
    return FLECK_OK;
}

/* A network that gives nothing would only take time. */
static fleck_status check_used(const fk_model *m, fleck_error *err)
{
    for (int k = 0; k < m->n_nets; k++) {
        bool used = false;

        for (int i = 0; i < m->n_taps; i++)
            used |= m->tap_net[i] == k;
        if (!used)
            return fk_error_set(err, FLECK_E_OPTION, "taps: backbone %s: expected some of %s",
                                m->backbone, fk_model_net_name(m, k));
    }
    return FLECK_OK;
}

fleck_status fk_networks_taps(fk_model *m, const char *text, fleck_error *err)
{
    fk_map_size input = fk_preprocess_input(&m->pre);
    fk_graph graphs[FK_MODEL_NETS] = {{0}};
    bool pooled = true;
    fleck_status st;

    FK_DO(name_taps(m, text, err));
    if (m->nets[0].arch == NULL)
        return onnx_taps(m, err);
    for (int k = 0; k < m->n_nets; k++) {
        const fk_graph *g = &graphs[k];

        st = m->nets[k].arch->describe(&graphs[k], input.height, input.width, err);
        if (st != FLECK_OK && m->n_nets > 1)
            fk_error_context(err, "%s", fk_model_net_name(m, k));
        if (st != FLECK_OK)
            goto done;
        pooled &= g->pool_node >= 0;
        m->pool_dim += g->pool_node >= 0 ? g->ops[g->pool_node].out_channels : 0;
    }
    if (!pooled)
        m->pool_dim = 0;
    for (int i = 0; i < m->n_taps; i++)
        FK_DO(place_tap(m, graphs, i, err));
    st = check_used(m, err);
done:
    for (int k = 0; k < FK_MODEL_NETS; k++)
        fk_graph_free(&graphs[k]);
    return st;
}
