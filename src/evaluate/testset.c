/* SPDX-License-Identifier: Apache-2.0 */
/* Labelled test images, and what an evaluation counts of their scores and maps. */
#include "evaluate/testset.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>

fleck_status fk_testset_open(fk_testset *t, const fk_samples *samples, const char *scratch,
                             fk_warn warn, fleck_error *err)
{
    fleck_status st;

    *t = (fk_testset){.samples = samples, .warn = warn};
    FK_DO(FK_ALLOC(&t->scores, samples->count, err));
    FK_DO(FK_ALLOC(&t->labels, samples->count, err));
    if (samples->has_masks)
        FK_DO(fk_pixel_metric_open(&t->pixel, err));
    if (samples->has_masks && scratch != NULL)
        FK_DO(fk_pixel_metric_spill(t->pixel, scratch, FK_TESTSET_BYTES, err));
done:
    if (st != FLECK_OK)
        fk_testset_free(t);
    return st;
}

void fk_testset_free(fk_testset *t)
{
    fk_free(t->scores);
    fk_free(t->labels);
    fk_pixel_metric_close(&t->pixel);
    fk_mask_notes_free(&t->notes);
    *t = (fk_testset){0};
}

const char *fk_testset_truth(const fk_testset *t, int64_t i)
{
    const fk_sample *sample = &t->samples->items[i];

    return t->samples->has_masks && sample->defective ? sample->mask : NULL;
}

fleck_status fk_testset_note(fk_testset *t, int64_t i, unsigned kinds, unsigned ignored,
                             fleck_error *err)
{
    const fk_sample *sample = &t->samples->items[i];
    fleck_status st = FLECK_OK;

    if (sample->mask != NULL)
        FK_DO(fk_mask_note(&t->notes, kinds, sample->mask, err));
    if (sample->ignore != NULL)
        FK_DO(fk_mask_note(&t->notes, ignored, sample->ignore, err));
done:
    return st;
}

fleck_status fk_testset_add_map(fk_testset *t, int64_t i, const float *map, int64_t height,
                                int64_t width, const fk_image *mask, const fk_image *left_out,
                                fleck_error *err)
{
    fleck_status st = FLECK_OK;

    if (t->pixel != NULL)
        st = fk_pixel_metric_add(t->pixel, map, mask->data, left_out->data, height, width, err);
    if (st == FLECK_OK && t->pixel != NULL && t->bins != NULL)
        st = fk_bins_make(&t->bins[i], map, mask->data, left_out->data, height * width, err);
    if (st != FLECK_OK)
        fk_error_context(err, "%s", t->samples->items[i].path);
    return st;
}

void fk_testset_add_outline(fk_testset *t, double level, const float *map, int64_t n,
                            const fk_image *mask, const fk_image *left_out)
{
    int64_t outlined = 0, hit = 0;

    if (t->pixel == NULL || isnan(level))
        return;
    for (int64_t i = 0; i < n; i++) {
        bool is = (double)map[i] > level && (left_out->data == NULL || left_out->data[i] == 0);

        outlined += is;
        hit += is && mask->data != NULL && mask->data[i] != 0;
    }
    atomic_fetch_add(&t->outlined, outlined);
    atomic_fetch_add(&t->hit, hit);
    atomic_store(&t->has_outlines, true);
}

void fk_testset_add_score(fk_testset *t, int64_t i, double score)
{
    t->scores[t->n] = score;
    t->labels[t->n++] = t->samples->items[i].defective;
}

/* Explain missing figures. */
static void explain(fleck_report *r, int64_t listed)
{
    if (isnan(r->image.auroc))
        snprintf(r->image_undefined, sizeof r->image_undefined,
                 "needs good and defective images: %lld good, %lld defective", (long long)r->good,
                 (long long)r->defective);
    if (!r->has_pixel && listed == 0)
        snprintf(r->pixel_undefined, sizeof r->pixel_undefined,
                 "needs defective images with masks: %lld good, 0 defective", (long long)r->good);
    else if (!r->has_pixel)
        snprintf(r->pixel_undefined, sizeof r->pixel_undefined,
                 "needs masks: the defective images have none");
    else if (isnan(r->pixel.auroc) || isnan(r->pro))
        snprintf(r->pixel_undefined, sizeof r->pixel_undefined,
                 r->regions == 0
                     ? "needs defective pixels: the masks of the defective images (%lld) mark "
                       "none"
                     : "needs good pixels: the defective images (%lld) are marked all over",
                 (long long)r->defective);
}

static fleck_ranking public_ranking(const fk_ranking *r)
{
    return (fleck_ranking){r->auroc, r->ap, r->f1max, r->f1max_threshold};
}

fleck_status fk_testset_finish(fk_testset *t, double pro_limit, fk_pool *pool, fleck_report *out,
                               fleck_error *err)
{
    fk_ranking image;
    fk_pixel_result pixel;
    int64_t listed = 0;
    fleck_status st;

    for (int64_t i = 0; i < t->n; i++) {
        out->good += t->labels[i] == 0;
        out->defective += t->labels[i] != 0;
    }
    for (int64_t i = 0; i < t->samples->count; i++)
        listed += t->samples->items[i].defective;
    FK_DO(fk_mask_say(&t->notes, t->warn, err));
    FK_DO(fk_metric_ranking(&image, t->scores, t->labels, t->n, err));
    out->image = public_ranking(&image);
    out->pixel = (fleck_ranking){NAN, NAN, NAN, NAN};
    out->pro = out->outline_f1 = NAN;
    out->has_pixel = t->pixel != NULL;
    out->passed = t->samples->passed;
    if (t->samples->passed_text != NULL)
        snprintf(out->passed_text, sizeof out->passed_text, "%s", t->samples->passed_text);
    if (t->pixel == NULL)
        goto done;
    FK_DO(fk_pixel_metric_finish(t->pixel, pro_limit, pool, &pixel, err));
    out->pixel = public_ranking(&pixel.ranking);
    out->pro = pixel.pro;
    out->regions = pixel.regions;
    if (atomic_load(&t->has_outlines) && pixel.defective_pixels > 0)
        out->outline_f1 = 2.0 * (double)atomic_load(&t->hit) /
                          (double)(atomic_load(&t->outlined) + pixel.defective_pixels);
done:
    if (st == FLECK_OK)
        explain(out, listed);
    return st;
}
