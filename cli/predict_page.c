/* SPDX-License-Identifier: Apache-2.0 */
/* fleck predict --html: collects the data of the page, with pictures of only the worst parts. */
#define _GNU_SOURCE
#include "page.h"

#include <stdlib.h>
#include <string.h>

int page_part_compare(const page_part *a, const page_part *b)
{
    if (a->defective != b->defective)
        return a->defective ? -1 : 1;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

bool results_page_begin(results_page *p, bool overwrite)
{
    p->shown = need(calloc((size_t)p->most + 1, sizeof *p->shown));
    return output_ready(p->path, FLECK_OUTPUT_PAGE, NULL, overwrite);
}

/* Whether a part is among the worst so far. */
static bool is_among_worst(const results_page *p, const page_part *part)
{
    return p->n_shown < p->most ||
           (p->most > 0 && page_part_compare(part, &p->parts[p->shown[p->n_shown - 1]]) < 0);
}

/* A part that is not drawn here will not be among the worst when it is added either, since more
 * parts are known then. */
fleck_status results_page_draw(results_page *p, const fleck_model *model, const fleck_result *r,
                               page_picture *out, fleck_error *err)
{
    const page_part part = {.number = INT64_MAX, .score = r->score, .defective = r->defective};
    bool wanted;

    pthread_mutex_lock(&p->lock);
    wanted = is_among_worst(p, &part);
    pthread_mutex_unlock(&p->lock);
    if (!wanted)
        return FLECK_OK;
    return fleck_result_picture_jpeg(model, r, p->picture, PAGE_PICTURE, &out->jpeg, &out->size,
                                     err);
}

static void drop_picture(page_part *part)
{
    fleck_free(part->jpeg);
    free(part->list);
    part->jpeg = NULL;
    part->list = NULL;
    part->n_list = 0;
}

static void keep_regions(page_part *part, const fleck_regions *regions)
{
    part->n_list = regions->count < PAGE_REGIONS ? regions->count : PAGE_REGIONS;
    part->list = need(calloc((size_t)part->n_list + 1, sizeof *part->list));
    for (int64_t k = 0; k < part->n_list; k++) {
        part->list[k] = regions->list[k];
        part->list[k].outline = NULL;
        part->list[k].outline_count = 0;
    }
}

/* Insert the last part into the worst, and drop the last of these if there are too many. */
static void show_part(results_page *p)
{
    const page_part *part = &p->parts[p->count - 1];
    int64_t at;

    if (p->n_shown == p->most)
        drop_picture(&p->parts[p->shown[--p->n_shown]]);
    for (at = p->n_shown++; at > 0 && page_part_compare(part, &p->parts[p->shown[at - 1]]) < 0;
         at--)
        p->shown[at] = p->shown[at - 1];
    p->shown[at] = p->count - 1;
}

/* Grow a list for one more item of `size` bytes. */
static void *grown(void *list, int64_t count, int64_t *room, size_t size)
{
    if (count < *room)
        return list;
    *room = *room > 0 ? 2 * *room : 64;
    return need(realloc(list, (size_t)*room * size));
}

static void count_score(results_page *p, const fleck_result *r)
{
    int64_t room = p->scores_room;

    p->scores = grown(p->scores, p->n_scores, &room, sizeof *p->scores);
    p->verdicts = grown(p->verdicts, p->n_scores, &p->scores_room, sizeof *p->verdicts);
    p->scores[p->n_scores] = r->score;
    p->verdicts[p->n_scores++] = r->defective;
    p->limit = r->threshold;
}

void results_page_add(results_page *p, const char *path, const fleck_result *r,
                      const fleck_regions *regions, page_picture *picture, bool listed)
{
    page_part part = {.number = p->count,
                      .score = r->score,
                      .limit = r->threshold,
                      .defective = r->defective,
                      .width = r->image_width,
                      .height = r->image_height,
                      .regions = regions != NULL ? regions->count : -1};

    count_score(p, r);
    if (!listed)
        return;
    part.path = need(strdup(path));
    pthread_mutex_lock(&p->lock);
    p->parts = grown(p->parts, p->count, &p->room, sizeof *p->parts);
    if (picture->jpeg != NULL && is_among_worst(p, &part)) {
        part.jpeg = picture->jpeg; /* moved */
        part.jpeg_size = picture->size;
        *picture = (page_picture){0};
        if (regions != NULL)
            keep_regions(&part, regions);
    }
    p->parts[p->count++] = part;
    if (part.jpeg != NULL)
        show_part(p);
    pthread_mutex_unlock(&p->lock);
}

void results_page_fail(results_page *p, const char *path, const char *message)
{
    p->failures = grown(p->failures, p->n_failures, &p->failures_room, sizeof *p->failures);
    p->failures[p->n_failures++] =
        (page_failure){.path = need(strdup(path)), .message = need(strdup(message))};
}

static int compare(const void *a, const void *b)
{
    return page_part_compare(a, b);
}

int results_page_write(results_page *p, const fleck_model *model, const char *model_path)
{
    fleck_error err = {0};
    char *text = NULL;
    size_t size;
    FILE *to = need(open_memstream(&text, &size));
    int code = EXIT_DONE;

    if (p->count > 0)
        qsort(p->parts, (size_t)p->count, sizeof *p->parts, compare);
    page_html(to, p, fleck_model_describe(model), model_path);
    if (fclose(to) != 0)
        (void)need(NULL);
    if (fleck_file_write(p->path, text, size, &err) != FLECK_OK)
        code = failed(&err);
    free(text);
    return code;
}

void results_page_free(results_page *p)
{
    for (int64_t i = 0; i < p->count; i++) {
        drop_picture(&p->parts[i]);
        free(p->parts[i].path);
    }
    for (int64_t i = 0; i < p->n_failures; i++) {
        free(p->failures[i].path);
        free(p->failures[i].message);
    }
    free(p->parts);
    free(p->shown);
    free(p->failures);
    free(p->scores);
    free(p->verdicts);
    *p = (results_page){0};
}
