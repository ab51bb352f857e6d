/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums of the inputs that decide the figures of a run: the contents of a category's files, and
 * the settings.  Results are reused only if they are unchanged. */
#include "base/mem.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "benchmark/bench.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A limit above the size of any image that can be decoded. */
#define MAX_BYTES ((size_t)16 << 30)

void fk_bench_files_free(fk_bench_files *f)
{
    for (int64_t i = 0; i < f->count; i++)
        fk_free(f->items[i].path);
    fk_free(f->items);
    *f = (fk_bench_files){0};
}

/* The digest of the file at path, "" on failure. */
static fleck_status file_digest(char out[FK_DIGEST_TEXT], const char *path, fleck_error *err)
{
    fk_file file = {.fd = -1};
    fk_digest *blocks = NULL;
    uint8_t *buffer = NULL;
    int64_t n;
    fleck_status st;

    out[0] = '\0';
    FK_DO(fk_file_open(&file, path, MAX_BYTES, err));
    n = fk_digest_count(file.stamp.size);
    FK_DO(FK_ALLOC(&blocks, n + 1, err));
    FK_DO(FK_ALLOC(&buffer, FK_DIGEST_BLOCK, err));
    for (int64_t i = 0; i < n; i++) {
        int64_t from = i * FK_DIGEST_BLOCK, left = file.stamp.size - from;
        size_t size = (size_t)(left < FK_DIGEST_BLOCK ? left : FK_DIGEST_BLOCK);

        FK_DO(fk_file_read(&file, buffer, from, size, err));
        blocks[i] = fk_digest_block(buffer, size);
    }
    FK_DO(fk_file_unchanged(&file, err));
    fk_digest_text(out, fk_digest_join(blocks, n));
done:
    fk_file_close(&file);
    fk_free(blocks);
    fk_free(buffer);
    return st;
}

/* ---- Files of a category ---- */

/* Files to find the digests of; from: their paths, borrowed. */
typedef struct looking {
    fk_bench_files *files;
    const char **from;
    const fk_bench_files *known;
} looking;

static fleck_status add_file(looking *l, const char *path, const char *folder, fleck_error *err)
{
    const char *below = path;
    size_t n = strlen(folder);

    if (path == NULL)
        return FLECK_OK;
    if (strncmp(path, folder, n) == 0)
        below = path + n + strspn(path + n, "/");
    l->from[l->files->count] = path;
    return fk_utf8_escape(&l->files->items[l->files->count++].path, below, err);
}

/* Find a known file by its path; its index is probably i or near it. */
static const fk_bench_file *find_known(const fk_bench_files *known, const char *path, int64_t i)
{
    for (int64_t k = 0; k < known->count; k++) {
        const fk_bench_file *f = &known->items[(i + k) % known->count];

        if (strcmp(f->path, path) == 0)
            return f;
    }
    return NULL;
}

/* The time of the last change of the file's bytes or properties (ctime), which programs cannot set.
 * 0 if it is unknown or at most two seconds ago: file systems may have so coarse a clock that
 * another change would get the same time. */
static int64_t changed_at(const char *path)
{
    struct timespec now;
    struct stat info;

    if (stat(path, &info) != 0 || clock_gettime(CLOCK_REALTIME, &now) != 0 ||
        now.tv_sec - info.st_ctim.tv_sec <= 2)
        return 0;
    return (int64_t)info.st_ctim.tv_sec * 1000000000 + info.st_ctim.tv_nsec;
}

/* Find the digest of a file.  If its stamp and time of change are those of a known file, its
 * content is unchanged; otherwise it is read.  If reading fails it has no digest, and the error is
 * reported when the file is used. */
static fleck_status look_at(void *ctx, int64_t i, int worker, fleck_error *err)
{
    looking *l = ctx;
    fk_bench_file *f = &l->files->items[i];
    const fk_bench_file *known = find_known(l->known, f->path, i);
    fleck_error why = {0};

    (void)worker;
    if (!fk_stamp_of(&f->stamp, l->from[i]))
        return FLECK_OK;
    f->changed = changed_at(l->from[i]); /* before the bytes are read */
    if (known != NULL && fk_stamp_same(&known->stamp, &f->stamp) && f->changed != 0 &&
        known->changed == f->changed && known->digest[0] != '\0')
        memcpy(f->digest, known->digest, sizeof f->digest);
    else if (file_digest(f->digest, l->from[i], &why) == FLECK_E_NOMEM)
        return fk_error_set(err, FLECK_E_NOMEM, "%s", why.message);
    return FLECK_OK;
}

fleck_status fk_bench_files_look(fk_bench_files *out, const fk_samples *train,
                                 const fk_samples *test, const char *folder,
                                 const fk_bench_files *known, fk_pool *pool, fleck_error *err)
{
    int64_t most = 3 * (train->count + test->count);
    looking l = {.files = out, .known = known};
    fleck_status st;

    *out = (fk_bench_files){0};
    FK_DO(FK_CALLOC(&out->items, most, err));
    FK_DO(FK_ALLOC(&l.from, most, err));
    for (int64_t i = 0; i < train->count + test->count; i++) {
        const fk_sample *s = i < train->count ? &train->items[i] : &test->items[i - train->count];

        FK_DO(add_file(&l, s->path, folder, err));
        FK_DO(add_file(&l, s->mask, folder, err));
        FK_DO(add_file(&l, s->ignore, folder, err));
    }
    FK_DO(fk_pool_run_stage(pool, "check files", out->count, look_at, &l, err));
done:
    fk_free(l.from);
    if (st != FLECK_OK)
        fk_bench_files_free(out);
    return st;
}

fleck_status fk_bench_files_sum(char out[FK_SHA256_TEXT], const fk_bench_files *f,
                                const fk_samples *train, const fk_samples *test, fleck_error *err)
{
    const fk_bench_file *next = f->items;
    fk_text t = {0};
    fleck_status st;

    FK_DO(fk_text_printf(&t, err, "%lld %lld\n", (long long)train->count, (long long)test->count));
    for (int64_t i = 0; i < train->count + test->count; i++) {
        const fk_sample *s = i < train->count ? &train->items[i] : &test->items[i - train->count];

        FK_DO(fk_text_printf(&t, err, "%s %s %s", next->path, next->digest, s->defect));
        next++;
        FK_DO(fk_text_printf(&t, err, " %s", s->mask != NULL ? (next++)->digest : "-"));
        FK_DO(fk_text_printf(&t, err, " %s\n", s->ignore != NULL ? (next++)->digest : "-"));
    }
    fk_sha256_text(t.data, (size_t)t.length, out);
done:
    fk_text_free(&t);
    return st;
}

/* ---- Settings of a run ---- */

/* The digests of the weights, read once for each run. */
static fleck_status sum_weights(fk_bench_run *run, const fk_model *m, fleck_error *err)
{
    char all[sizeof run->weights] = "", one[FK_DIGEST_TEXT];
    fleck_status st = FLECK_OK;

    if (run->weights[0] != '\0')
        return FLECK_OK;
    for (int k = 0; k < m->n_nets; k++) {
        fk_net_source source = fk_model_source(m, k);
        size_t used = strlen(all);

        FK_DO(file_digest(one, source.weights != NULL ? source.name : run->fit.backbone, err));
        snprintf(all + used, sizeof all - used, "%s%s", k > 0 ? " " : "", one);
    }
    memcpy(run->weights, all, sizeof all);
done:
    return st;
}

/* What a run does with the samples of each network. */
static fleck_status add_normalisation(fk_text *t, const fk_model *m, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int i = 0; i < 3; i++)
        FK_DO(fk_text_printf(t, err, "%.9g %.9g %u\n", (double)m->nets[0].mean[i],
                             (double)m->nets[0].scale[i], m->pre.background[i]));
    for (int k = 1; k < m->n_nets; k++)
        for (int i = 0; i < 3; i++)
            FK_DO(fk_text_printf(t, err, "%.9g %.9g\n", (double)m->nets[k].mean[i],
                                 (double)m->nets[k].scale[i]));
done:
    return st;
}

fleck_status fk_bench_run_sum(char out[FK_SHA256_TEXT], const char *files,
                              const fleck_bench_settings *s, fk_bench_run *run, const fk_model *m,
                              fleck_error *err)
{
    const fk_preprocess *p = &m->pre;
    fk_json *options = NULL;
    fk_text t = {0};
    char *text = NULL, mask[FK_SHA256_TEXT] = "";
    fleck_status st;

    FK_DO(sum_weights(run, m, err));
    FK_DO(fk_options_to_json(&options, &m->options, err));
    FK_DO(fk_json_dump(&text, options, 0, err));
    if (m->mask != NULL)
        fk_sha256_text(m->mask, (size_t)(m->mask_width * m->mask_height), mask);
    FK_DO(fk_text_printf(&t, err, "fleck %s\n%s\n%d %.17g %lld %llu\n", FLECK_VERSION, files,
                         (int)s->protocol, s->pro_limit, (long long)s->resamples,
                         (unsigned long long)s->seed));
    FK_DO(fk_text_printf(&t, err, "%s %s %s %s %s %s\n%s\n", m->method->name, m->backbone,
                         run->weights, fk_precision_name(m->precision), m->engine,
                         run->fit.pool != NULL ? run->fit.pool : "method", mask));
    FK_DO(fk_text_printf(&t, err, "%lldx%lld %lldx%lld %lld %lld %s %.17g %lld %lld\n%s\n",
                         (long long)p->width, (long long)p->height, (long long)p->crop_width,
                         (long long)p->crop_height, (long long)p->tile, (long long)p->overlap,
                         p->resize, m->sigma, (long long)run->fit.calibrate,
                         (long long)run->fit.max_memory, text));
    FK_DO(add_normalisation(&t, m, err));
    FK_DO(fk_text_printf(
        &t, err, "%s %lld %s %lld %.17g %s\n",
        run->fit.foreground != NULL ? run->fit.foreground : "none", (long long)run->fit.rotate,
        run->fit.window != NULL ? run->fit.window : "auto", (long long)run->fit.max_pixels,
        run->fit.false_alarms, run->fit.groups != NULL ? run->fit.groups : "auto"));
    for (int i = 0; i < m->n_taps; i++)
        FK_DO(fk_text_printf(&t, err, "%s\n", m->taps[i].name));
    fk_sha256_text(t.data, (size_t)t.length, out);
done:
    fk_json_free(&options);
    fk_text_free(&t);
    fk_free(text);
    return st;
}
