/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenVINO engine: compiles a graph, as IR text, or a user's ONNX model for the CPU.
 *
 * The runtime has one stream, of one thread, for each session that may run at once.  So one thread
 * computes an image, and the order of sums depends neither on the number of threads nor on other
 * runs.  The precision is set by name and read back after compiling: if the runtime has chosen
 * another one, opening fails. */
#include "base/library.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/engine.h"
#ifdef FLECK_WITH_OPENVINO
#include "net/onnx.h"
#include "net/openvino/ir.h"

#include <openvino/c/openvino.h>

#include <ctype.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

/* Address space that starting and compiling take.  OpenVINO ends the process, or waits for ever, if
 * it cannot start its threads. */
#define ROOM ((size_t)320 << 20)

/* The runtime's functions.  It is loaded when a network is opened with it, since that takes as long
 * as all else that happens before fleck begins. */
/* clang-format off */
#define FUNCTIONS(f) \
    f(compiled_model_create_infer_request) f(compiled_model_free) \
    f(compiled_model_get_property) f(compiled_model_output_by_name) f(const_port_get_shape) \
    f(core_compile_model_props) f(core_create) f(core_free) \
    f(core_read_model_from_memory_buffer) f(free) f(get_error_info) f(get_last_err_msg) \
    f(get_openvino_version) f(infer_request_free) f(infer_request_infer) \
    f(infer_request_set_input_tensor) f(infer_request_set_tensor) f(model_const_input) \
    f(model_free) f(model_inputs_size) f(model_is_dynamic) f(model_reshape_single_input) \
    f(output_const_port_free) f(partial_shape_create_static) f(partial_shape_free) \
    f(port_get_element_type) f(port_get_partial_shape) f(shape_free) \
    f(tensor_create_from_host_ptr) f(tensor_free) f(version_free) \
    f(property_key_hint_enable_cpu_pinning) f(property_key_hint_inference_precision) \
    f(property_key_inference_num_threads) f(property_key_num_streams)
/* clang-format on */
#define DECLARE(name) __typeof__(ov_##name) *(name);
#define NAME(name) "ov_" #name,

typedef struct runtime {
    FUNCTIONS(DECLARE)
} runtime;

typedef struct engine {
    runtime ov;
    fk_net_plan plan;
    ov_core_t *core;
    ov_compiled_model_t *compiled;
    fk_net_outputs outputs;
    /* The runtime's names of the taps, and of the pool. */
    char tensors[FK_MAX_TAPS][FK_NAME_SIZE], pool_tensor[FK_NAME_SIZE];
    int pool_rank;
} engine;

typedef struct session {
    const engine *engine;
    ov_infer_request_t *request;
} session;

/* One output of the compiled model. */
typedef struct result {
    const char *name; /* borrowed */
    int order, rank;
    int64_t channels, height, width;
    bool global; /* [1, G] or [1, G, 1, 1] */
} result;

/* ---- The runtime ---- */

static fleck_status load(runtime *out, fleck_error *err)
{
    static const char *const names[] = {FUNCTIONS(NAME) NULL};

    return fk_library_load(FLECK_WITH_OPENVINO, names, out, err);
}

/* ---- Errors ---- */

/* The runtime's message has lines of its own source and lines of text.  Keep the text, on one
 * line. */
static void clean_message(char *out, size_t size, const char *text)
{
    size_t n = 0;

    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        bool more = text[length] == '\n' && text[length + 1] != '\0';
        bool noise =
            strncmp(text, "Exception from ", 15) == 0 || (strncmp(text, "Check '", 7) == 0 && more);

        if (!noise && length > 0) {
            if (n > 0 && n + 1 < size)
                out[n++] = ' ';
            for (size_t i = 0; i < length && n + 1 < size; i++)
                out[n++] = isspace((unsigned char)text[i]) ? ' ' : text[i];
        }
        text += length + (text[length] == '\n');
    }
    out[n] = '\0';
}

static fleck_status fail(const engine *e, fleck_status code, const char *what, ov_status_e status,
                         fleck_error *err)
{
    char text[720];
    const char *message = e->ov.get_last_err_msg();

    clean_message(text, sizeof text, message != NULL ? message : "");
    e->ov.free(message);
    return fk_error_set(err, code, "%s: OpenVINO could not %s: %s", e->plan.name, what,
                        text[0] != '\0' ? text : e->ov.get_error_info(status));
}

/* Call the runtime; its failure is FLECK_E_ENGINE. */
#define OV_DO(e, call, what)                                                                       \
    do {                                                                                           \
        ov_status_e ov_status = (call);                                                            \
        if (ov_status != OK) {                                                                     \
            st = fail((e), FLECK_E_ENGINE, (what), ov_status, err);                                \
            goto done;                                                                             \
        }                                                                                          \
    } while (0)

/* ---- Reading ---- */

static fleck_status read_graph(const engine *e, ov_model_t **model, fleck_error *err)
{
    fk_text ir = {0};
    int64_t dims[] = {e->plan.blob_size};
    ov_shape_t shape = {1, dims};
    ov_tensor_t *weights = NULL;
    fleck_status st;

    FK_DO(fk_openvino_ir(&ir, &e->plan, err));
    /* Weights are only read.  The runtime keeps pointers into the file's bytes. */
    OV_DO(e,
          e->ov.tensor_create_from_host_ptr(U8, shape, (void *)(uintptr_t)e->plan.blob, &weights),
          "take the weights");
    OV_DO(e,
          e->ov.core_read_model_from_memory_buffer(e->core, ir.data, (size_t)ir.length, weights,
                                                   model),
          "read the network");
done:
    e->ov.tensor_free(weights);
    fk_text_free(&ir);
    return st;
}

/* "[1,3,?,?]" of an input. */
static void partial_text(char *out, size_t size, const ov_partial_shape_t *shape)
{
    size_t n = 0;

    if (shape->rank.min != shape->rank.max || shape->dims == NULL) {
        snprintf(out, size, "of any rank");
        return;
    }
    for (int64_t i = 0; i < shape->rank.max && n + 24 < size; i++) {
        ov_dimension_t d = shape->dims[i];

        if (d.min == d.max)
            n +=
                (size_t)snprintf(out + n, size - n, "%s%lld", i > 0 ? ", " : "[", (long long)d.min);
        else
            n += (size_t)snprintf(out + n, size - n, "%s?", i > 0 ? ", " : "[");
    }
    snprintf(out + n, size - n, "%s", n > 0 ? "]" : "[]");
}

/* The input must allow [1, 3, H, W] f32.  Dimensions that are open are set to it. */
static fleck_status fit_input(const engine *e, ov_model_t *model, fleck_error *err)
{
    const int64_t wanted[4] = {1, 3, e->plan.height, e->plan.width};
    ov_output_const_port_t *input = NULL;
    ov_partial_shape_t shape = {0};
    ov_element_type_e type;
    size_t inputs;
    bool fits, open;
    char text[160];
    fleck_status st = FLECK_OK;

    OV_DO(e, e->ov.model_inputs_size(model, &inputs), "count the inputs");
    if (inputs != 1)
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "%s: the model must have one input, it has %zu",
                e->plan.name, inputs);
    OV_DO(e, e->ov.model_const_input(model, &input), "find the input");
    OV_DO(e, e->ov.port_get_element_type(input, &type), "find the input's type");
    if (type != F32)
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "%s: the model's input must be float32", e->plan.name);
    OV_DO(e, e->ov.port_get_partial_shape(input, &shape), "find the input's shape");
    fits = shape.rank.min <= 4 && (shape.rank.max >= 4 || shape.rank.max < 0);
    open = shape.rank.min != shape.rank.max;
    for (int i = 0; i < 4 && fits && !open; i++) {
        ov_dimension_t d = shape.dims[i];

        fits = d.min <= wanted[i] && (d.max < 0 || wanted[i] <= d.max);
    }
    if (!fits) {
        partial_text(text, sizeof text, &shape);
        FK_FAIL(err, FLECK_E_SHAPE,
                "%s: the model's input is %s, it must take [1, 3, %lld, %lld] "
                "(batch, channels, height, width)",
                e->plan.name, text, (long long)e->plan.height, (long long)e->plan.width);
    }
    if (e->ov.model_is_dynamic(model)) {
        ov_partial_shape_t fixed;

        OV_DO(e, e->ov.partial_shape_create_static(4, wanted, &fixed), "shape the input");
        ov_status_e status = e->ov.model_reshape_single_input(model, fixed);

        e->ov.partial_shape_free(&fixed);
        OV_DO(e, status, "give the model this input size");
    }
done:
    e->ov.partial_shape_free(&shape);
    e->ov.output_const_port_free(input);
    return st;
}

static fleck_status read_onnx(const engine *e, ov_model_t **model, fleck_error *err)
{
    ov_status_e status = e->ov.core_read_model_from_memory_buffer(e->core, e->plan.onnx,
                                                                  e->plan.onnx_size, NULL, model);

    if (status != OK)
        return fail(e, FLECK_E_FORMAT, "read this as an ONNX model", status, err);
    return fit_input(e, *model, err);
}

/* ---- Compiling ---- */

static fleck_status compile(engine *e, const ov_model_t *model, fleck_error *err)
{
    char threads[16];
    const char *precision = fk_precision_name(e->plan.precision);
    char *used = NULL;
    fleck_status st = FLECK_OK;

    snprintf(threads, sizeof threads, "%d", e->plan.threads);
    const ov_property_t properties[] = {
        {*e->ov.property_key_hint_inference_precision, precision},
        {*e->ov.property_key_num_streams, threads},
        {*e->ov.property_key_inference_num_threads, threads},
        {*e->ov.property_key_hint_enable_cpu_pinning, "NO"},
    };

    OV_DO(e,
          e->ov.core_compile_model_props(e->core, model, "CPU",
                                         sizeof properties / sizeof properties[0], properties,
                                         &e->compiled),
          "compile the network");
    OV_DO(e,
          e->ov.compiled_model_get_property(e->compiled,
                                            *e->ov.property_key_hint_inference_precision, &used),
          "tell its precision");
    if (strcmp(used, precision) != 0)
        FK_FAIL(err, FLECK_E_UNSUPPORTED,
                "precision %s does not run on this processor: OpenVINO would compute in %s",
                precision, used);
done:
    e->ov.free(used);
    return st;
}

/* ---- Outputs ---- */

static fleck_status read_result(const engine *e, const char *name, result *out, fleck_error *err)
{
    ov_output_const_port_t *port = NULL;
    ov_shape_t shape = {0};
    ov_element_type_e type;
    char text[FK_SHAPE_TEXT];
    fleck_status st = FLECK_OK;

    if (strlen(name) >= FK_NAME_SIZE)
        FK_FAIL(err, FLECK_E_LIMIT, "%s: output name of more than %d characters: %s", e->plan.name,
                FK_NAME_SIZE - 1, name);
    OV_DO(e, e->ov.compiled_model_output_by_name(e->compiled, name, &port), "find an output");
    OV_DO(e, e->ov.const_port_get_shape(port, &shape), "find the shape of an output");
    OV_DO(e, e->ov.port_get_element_type(port, &type), "find the type of an output");
    if (type != F32 || (shape.rank != 2 && shape.rank != 4) || shape.dims[0] != 1)
        FK_FAIL(err, FLECK_E_UNSUPPORTED,
                "%s: output %s must be float32 [1, C, h, w] or [1, G], it is %s%s", e->plan.name,
                name, type == F32 ? "" : "not float32 but ",
                fk_shape_text(text, sizeof text, shape.rank > FK_MAX_DIMS ? 0 : (int)shape.rank,
                              shape.dims));
    *out = (result){.name = name, .rank = (int)shape.rank, .channels = shape.dims[1]};
    out->height = shape.rank == 4 ? shape.dims[2] : 1;
    out->width = shape.rank == 4 ? shape.dims[3] : 1;
    out->global = out->height == 1 && out->width == 1;
done:
    e->ov.shape_free(&shape);
    e->ov.output_const_port_free(port);
    return st;
}

static void copy_name(char out[FK_NAME_SIZE], const char *name)
{
    snprintf(out, FK_NAME_SIZE, "%s", name); /* its length was checked */
}

static void set_tap(engine *e, const result *r, const char *name)
{
    int i = e->outputs.n_taps++;
    fk_tap_info *t = &e->outputs.taps[i];

    *t = (fk_tap_info){.channels = r->channels, .height = r->height, .width = r->width};
    copy_name(t->name, name);
    copy_name(e->tensors[i], r->name);
}

static void set_pool(engine *e, const result *r)
{
    e->outputs.pool_dim = r->channels;
    e->pool_rank = r->rank;
    copy_name(e->pool_tensor, r->name);
}

/* The outputs of a graph have fixed names and known shapes. */
static fleck_status match_graph(engine *e, fleck_error *err)
{
    fk_net_outputs wanted;
    result r;
    char name[32];
    fleck_status st = FLECK_OK;

    fk_engine_graph_outputs(e->plan.graph, &wanted);
    for (int i = 0; i < wanted.n_taps; i++) {
        const fk_tap_info *t = &wanted.taps[i];

        snprintf(name, sizeof name, FK_IR_TAP, i);
        FK_DO(read_result(e, name, &r, err));
        if (r.channels != t->channels || r.height != t->height || r.width != t->width)
            FK_FAIL(err, FLECK_E_ENGINE, "%s: OpenVINO gave tap %s another shape", e->plan.name,
                    t->name);
        set_tap(e, &r, t->name);
    }
    if (wanted.pool_dim > 0) {
        FK_DO(read_result(e, FK_IR_POOL, &r, err));
        if (r.channels != wanted.pool_dim || !r.global)
            FK_FAIL(err, FLECK_E_ENGINE, "%s: OpenVINO gave the pool another shape", e->plan.name);
        set_pool(e, &r);
    }
done:
    return st;
}

/* The largest map first; maps of one size in the model's order. */
static int by_size(const void *a, const void *b)
{
    const result *x = a, *y = b;
    int64_t sx = x->height * x->width, sy = y->height * y->width;

    if (sx != sy)
        return sx > sy ? -1 : 1;
    return x->order - y->order;
}

static fleck_status refuse_output(const engine *e, const result *results, int n, const char *name,
                                  fleck_error *err)
{
    fk_text known = {0};
    fleck_status st = FLECK_OK;

    for (int i = 0; i < n; i++)
        if (!results[i].global)
            FK_DO(
                fk_text_printf(&known, err, "%s%s", known.length > 0 ? ", " : "", results[i].name));
    st = fk_error_set(err, FLECK_E_OPTION, "%s: tap must be one of the outputs %s; got \"%s\"",
                      e->plan.name, known.data != NULL ? known.data : "(none is a map)", name);
done:
    fk_text_free(&known);
    return st;
}

/* Match the maps that are named, or all. */
static fleck_status match_maps(engine *e, const result *results, int n, fleck_error *err)
{
    const char *const *wanted = e->plan.taps;

    for (int i = 0; i < n && wanted[0] == NULL; i++) {
        if (results[i].global)
            continue;
        if (e->outputs.n_taps == FK_MAX_TAPS)
            return fk_error_set(err, FLECK_E_LIMIT, "%s: more than %d outputs; name some",
                                e->plan.name, FK_MAX_TAPS);
        set_tap(e, &results[i], results[i].name);
    }
    for (int i = 0; i < FK_MAX_TAPS && wanted[i] != NULL; i++) {
        int k = 0;

        while (k < n && (results[k].global || strcmp(results[k].name, wanted[i]) != 0))
            k++;
        if (k == n)
            return refuse_output(e, results, n, wanted[i], err);
        set_tap(e, &results[k], wanted[i]);
    }
    if (e->outputs.n_taps == 0)
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "%s: no output is a map [1, C, h, w]",
                            e->plan.name);
    return FLECK_OK;
}

static fleck_status match_global(engine *e, const result *results, int n, fleck_error *err)
{
    const result *global = NULL;

    for (int i = 0; i < n; i++) {
        if (!results[i].global)
            continue;
        if (global != NULL)
            return fk_error_set(err, FLECK_E_UNSUPPORTED,
                                "%s: expected one global output, found %s and %s", e->plan.name,
                                global->name, results[i].name);
        global = &results[i];
    }
    if (global == NULL)
        return fk_error_set(err, FLECK_E_NOTFOUND,
                            "%s: there is no global output ([1, G] or [1, G, 1, 1])", e->plan.name);
    set_pool(e, global);
    return FLECK_OK;
}

static fleck_status match_onnx(engine *e, const fk_names *names, fleck_error *err)
{
    result *results = NULL;
    int n = (int)names->count;
    fleck_status st;

    FK_DO(FK_CALLOC(&results, n, err));
    for (int i = 0; i < n; i++) {
        FK_DO(read_result(e, names->items[i], &results[i], err));
        results[i].order = i;
    }
    qsort(results, (size_t)n, sizeof *results, by_size);
    FK_DO(match_maps(e, results, n, err));
    if (e->plan.pool)
        FK_DO(match_global(e, results, n, err));
done:
    fk_free(results);
    return st;
}

/* ---- The engine ---- */

static void openvino_close(void *handle)
{
    engine *e = handle;

    if (e == NULL)
        return;
    e->ov.compiled_model_free(e->compiled);
    e->ov.core_free(e->core);
    fk_free(e);
}

static fleck_status openvino_open(void **out, const fk_net_plan *plan, fk_net_outputs *outputs,
                                  fleck_error *err)
{
    runtime ov;
    engine *e = NULL;
    ov_model_t *model = NULL;
    fk_names names = {0};
    fleck_status st;

    *out = NULL;
    st = load(&ov, err);
    if (st != FLECK_OK)
        return st;
    FK_DO(FK_CALLOC(&e, 1, err));
    e->ov = ov;
    e->plan = *plan;
    if (plan->graph == NULL)
        FK_DO(fk_onnx_output_names(&names, plan->onnx, plan->onnx_size, plan->name, err));
    if (!fk_addresses_left(ROOM))
        FK_FAIL(err, FLECK_E_NOMEM, "out of memory: OpenVINO needs %d MiB of addresses to start",
                (int)(ROOM >> 20));
    OV_DO(e, e->ov.core_create(&e->core), "start");
    FK_DO(plan->graph != NULL ? read_graph(e, &model, err) : read_onnx(e, &model, err));
    FK_DO(compile(e, model, err));
    FK_DO(plan->graph != NULL ? match_graph(e, err) : match_onnx(e, &names, err));
    *outputs = e->outputs;
    *out = e;
    e = NULL;
done:
    fk_names_free(&names);
    ov.model_free(model);
    openvino_close(e);
    return st;
}

static void openvino_session_close(void *handle)
{
    session *s = handle;

    if (s == NULL)
        return;
    s->engine->ov.infer_request_free(s->request);
    fk_free(s);
}

/* Set the memory of an output of the request, or with name NULL of its input, to data. */
static fleck_status bind(const session *s, const char *name, int ndim, const int64_t *dims,
                         float *data, fleck_error *err)
{
    const engine *e = s->engine;
    int64_t own[4];
    ov_shape_t shape = {ndim, own};
    ov_tensor_t *tensor = NULL;
    fleck_status st = FLECK_OK;

    memcpy(own, dims, (size_t)ndim * sizeof *own);
    OV_DO(e, e->ov.tensor_create_from_host_ptr(F32, shape, data, &tensor), "take a buffer");
    if (name == NULL)
        OV_DO(e, e->ov.infer_request_set_input_tensor(s->request, tensor),
              "take the input's buffer");
    else
        OV_DO(e, e->ov.infer_request_set_tensor(s->request, name, tensor),
              "take an output's buffer");
done:
    e->ov.tensor_free(tensor);
    return st;
}

static fleck_status bind_all(const session *s, const fk_net_buffers *b, fleck_error *err)
{
    const engine *e = s->engine;
    const int64_t input[] = {1, 3, e->plan.height, e->plan.width};
    fleck_status st;

    FK_DO(bind(s, NULL, 4, input, b->input, err));
    for (int i = 0; i < e->outputs.n_taps; i++) {
        const fk_tap_info *t = &e->outputs.taps[i];
        const int64_t dims[] = {1, t->channels, t->height, t->width};

        FK_DO(bind(s, e->tensors[i], 4, dims, b->taps[i], err));
    }
    if (e->outputs.pool_dim > 0) {
        const int64_t dims[] = {1, e->outputs.pool_dim, 1, 1};

        FK_DO(bind(s, e->pool_tensor, e->pool_rank, dims, b->pool, err));
    }
done:
    return st;
}

static fleck_status openvino_session_open(void **out, void *handle, const fk_net_buffers *buffers,
                                          fleck_error *err)
{
    const engine *e = handle;
    session *s = NULL;
    fleck_status st;

    *out = NULL;
    FK_DO(FK_CALLOC(&s, 1, err));
    s->engine = e;
    OV_DO(e, e->ov.compiled_model_create_infer_request(e->compiled, &s->request), "open a session");
    FK_DO(bind_all(s, buffers, err));
    *out = s;
    s = NULL;
done:
    openvino_session_close(s);
    return st;
}

static fleck_status openvino_run(void *handle, fleck_error *err)
{
    const session *s = handle;
    const engine *e = s->engine;
    fleck_status st = FLECK_OK;

    OV_DO(e, e->ov.infer_request_infer(s->request), "run the network");
done:
    return st;
}

const fk_engine_table fk_engine_openvino = {.open = openvino_open,
                                            .close = openvino_close,
                                            .session_open = openvino_session_open,
                                            .session_close = openvino_session_close,
                                            .run = openvino_run};

void fk_openvino_version(char *out, size_t size)
{
    ov_version_t version = {0};
    runtime ov;

    if (load(&ov, NULL) != FLECK_OK || ov.get_openvino_version(&version) != OK) {
        snprintf(out, size, "OpenVINO of unknown version");
        return;
    }
    snprintf(out, size, "OpenVINO %s", version.buildNumber);
    ov.version_free(&version);
}
#endif
