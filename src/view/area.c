/* SPDX-License-Identifier: Apache-2.0 */
/* Areas of a photo that are ignored, or outside which everything is ignored: rectangles, polygons
 * and mask files.
 *
 * All shapes are polygons, filled row by row with the even-odd rule: the line through the pixels'
 * centres enters or leaves the polygon at each crossing with an edge. */
#include "view/area.h"
#include "base/mem.h"
#include "base/number.h"
#include "view/mask.h"
#include "view/place.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIDE 16384
#define MAX_PLACE 1e6 /* of a corner, in pixels */

/* ---- Lists ---- */

static int64_t length(const char *const *list)
{
    int64_t n = 0;

    while (list != NULL && list[n] != NULL)
        n++;
    return n;
}

int64_t fk_areas_count(const fk_areas *a)
{
    return (a->mask != NULL) + length(a->ignore) + length(a->only);
}

/* Whether area i is one of only. */
static bool is_only(const fk_areas *a, int64_t i)
{
    return i >= (a->mask != NULL) + length(a->ignore);
}

const char *fk_areas_text(const fk_areas *a, int64_t i)
{
    int64_t first = a->mask != NULL, ignored = first + length(a->ignore);

    if (i < first)
        return a->mask;
    return i < ignored ? a->ignore[i - first] : a->only[i - ignored];
}

bool fk_area_is_shape(const char *text)
{
    size_t n = strlen(text);

    return strspn(text, "0123456789.,+- \t\r\n") == n && strcspn(text, "0123456789") < n;
}

static bool is_file(const fk_areas *a, int64_t i)
{
    return (a->mask != NULL && i == 0) || !fk_area_is_shape(fk_areas_text(a, i));
}

const char *fk_areas_shape(const fk_areas *a)
{
    for (int64_t i = 0; i < fk_areas_count(a); i++)
        if (!is_file(a, i))
            return fk_areas_text(a, i);
    return NULL;
}

/* ---- Shapes ---- */

typedef struct polygon {
    double *x, *y; /* [n] corners */
    int64_t n;
} polygon;

static void polygon_free(polygon *p)
{
    fk_free(p->x);
    fk_free(p->y);
    *p = (polygon){0};
}

static fleck_status no_shape(const char *text, fleck_error *err)
{
    return fk_error_set(
        err, FLECK_E_OPTION,
        "area \"%s\": expected x,y,w,h of a rectangle, x,y x,y x,y ... of the three or "
        "more corners of a polygon, or the path of a mask file",
        text);
}

/* Parse the numbers of a word, at most 4; returns their number, 0 for any other text. */
static int parse_word(const char **at, double v[4])
{
    int n = 0;

    for (;; (*at)++) {
        char word[40] = "";
        size_t size = strcspn(*at, ", \t\r\n");

        if (n == 4 || size == 0 || size >= sizeof word)
            return 0;
        memcpy(word, *at, size);
        *at += size;
        if (!fk_number_parse(word, &v[n]) || fabs(v[n]) > MAX_PLACE)
            return 0;
        n++;
        if (**at != ',')
            return n;
    }
}

/* An upper bound of the number of words in text. */
static int64_t count_words(const char *text)
{
    int64_t n = 1;

    for (; *text != '\0'; text++)
        n += strchr(" \t\r\n", *text) != NULL;
    return n;
}

static fleck_status parse(polygon *p, const char *text, fleck_error *err)
{
    static const char blanks[] = " \t\r\n";
    const char *at = text + strspn(text, blanks);
    int64_t room = count_words(text) + 3, words = 0;
    double v[4] = {0.0};
    int n = 0;
    fleck_status st;

    *p = (polygon){0};
    FK_DO(FK_ALLOC(&p->x, room, err));
    FK_DO(FK_ALLOC(&p->y, room, err));
    for (; *at != '\0'; words++) {
        int before = n;

        n = parse_word(&at, v);
        at += strspn(at, blanks);
        if ((n != 2 && n != 4) || (words > 0 && (n != 2 || before != 2)))
            FK_DO(no_shape(text, err));
        p->x[p->n] = v[0];
        p->y[p->n++] = v[1];
    }
    if (n == 4 && v[2] > 0.0 && v[3] > 0.0) {
        *p = (polygon){p->x, p->y, 4};
        p->x[1] = p->x[2] = v[0] + v[2];
        p->x[3] = v[0];
        p->y[1] = v[1];
        p->y[2] = p->y[3] = v[1] + v[3];
    } else if (n == 4 || p->n < 3) {
        FK_DO(no_shape(text, err));
    }
done:
    if (st != FLECK_OK)
        polygon_free(p);
    return st;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Find where the edges cross the line at y, sorted; returns their number. */
static int64_t cross(double *at, const polygon *p, double y)
{
    int64_t n = 0;

    for (int64_t i = 0, j = p->n - 1; i < p->n; j = i++)
        if ((p->y[i] <= y) != (p->y[j] <= y))
            at[n++] = p->x[j] + (y - p->y[j]) * (p->x[i] - p->x[j]) / (p->y[i] - p->y[j]);
    qsort(at, (size_t)n, sizeof *at, ascending);
    return n;
}

/* Set the pixels inside to 255; *count is their number. */
static fleck_status fill(fk_image *im, const polygon *p, int64_t *count, fleck_error *err)
{
    double *at = NULL;
    fleck_status st;

    *count = 0;
    FK_DO(FK_ALLOC(&at, p->n, err));
    for (int64_t y = 0; y < im->height; y++) {
        int64_t n = cross(at, p, (double)y + 0.5);

        for (int64_t k = 0; k + 1 < n; k += 2) {
            double from = fmax(ceil(at[k] - 0.5), 0.0);
            double to = fmin(ceil(at[k + 1] - 0.5), (double)im->width);

            for (int64_t x = (int64_t)from; x < (int64_t)to; x++) {
                im->data[y * im->width + x] = 255;
                ++*count;
            }
        }
    }
done:
    fk_free(at);
    return st;
}

static fleck_status draw_shape(fk_image *im, const char *text, fleck_error *err)
{
    polygon p = {0};
    int64_t count;
    fleck_status st;

    FK_DO(parse(&p, text, err));
    FK_DO(fill(im, &p, &count, err));
    if (count == 0)
        FK_FAIL(err, FLECK_E_OPTION, "area \"%s\": no pixel of the photo of %lldx%lld is inside",
                text, (long long)im->width, (long long)im->height);
done:
    polygon_free(&p);
    return st;
}

/* ---- Drawing ---- */

/* Add the white pixels of what to out. */
static void unite(fk_image *out, const fk_image *what)
{
    for (int64_t i = 0; i < out->width * out->height; i++)
        out->data[i] |= what->data[i];
}

static fleck_status draw_file(fk_image *im, fk_area_note *note, const char *path, fleck_error *err)
{
    fk_image mask = {0}, sized = {0};
    fleck_status st;

    FK_DO(fk_mask_load(&mask, &note->kinds, path, NULL, 0, 0, err));
    note->width = mask.width;
    note->height = mask.height;
    if (im->data == NULL)
        FK_DO(fk_image_init(im, mask.width, mask.height, 1, err));
    FK_DO(fk_image_resize(&sized, &mask, im->width, im->height, FK_FILTER_NEAREST, err));
    unite(im, &sized);
done:
    fk_image_free(&mask);
    fk_image_free(&sized);
    return st;
}

/* Make a black image of the photo's size if an area is in its pixels. */
static fleck_status frame(fk_image *out, const fk_areas *a, fleck_error *err)
{
    const char *shape = fk_areas_shape(a);

    if (shape == NULL)
        return FLECK_OK;
    if (a->width < 1 || a->height < 1)
        return fk_error_set(err, FLECK_E_OPTION,
                            "area \"%s\": expected a mask file, since this area is in pixels of a "
                            "photo whose size is not known here",
                            shape);
    return fk_image_init(out, a->width, a->height, 1, err);
}

fleck_status fk_areas_draw(fk_image *out, fk_area_note *notes, const fk_areas *a, fleck_error *err)
{
    fk_image ignored = {0}, only = {0};
    bool has_only = length(a->only) > 0;
    fleck_status st;

    *out = (fk_image){0};
    FK_DO(frame(&ignored, a, err));
    for (int64_t i = 0; i < fk_areas_count(a); i++) {
        fk_image *to = is_only(a, i) ? &only : &ignored;
        fk_area_note none, *note = notes != NULL ? &notes[i] : &none;

        *note = (fk_area_note){0};
        if (to == &only && only.data == NULL && ignored.data != NULL)
            FK_DO(fk_image_init(&only, ignored.width, ignored.height, 1, err));
        st = is_file(a, i) ? draw_file(to, note, fk_areas_text(a, i), err)
                           : draw_shape(to, fk_areas_text(a, i), err);
        if (st == FLECK_E_NOTFOUND && (a->mask == NULL || i > 0))
            fk_error_context(err, "area (neither x,y,w,h nor x,y x,y x,y ..., so a mask file)");
        if (st != FLECK_OK)
            goto done;
        if (to == &only)
            note->kinds &= ~(1u << FK_MASK_LARGE); /* areas of only usually cover most of a photo */
    }
    if (has_only && ignored.data == NULL)
        FK_DO(fk_image_init(&ignored, only.width, only.height, 1, err));
    for (int64_t i = 0; has_only && i < ignored.width * ignored.height; i++)
        ignored.data[i] |= (uint8_t)~only.data[i];
    *out = ignored;
    ignored = (fk_image){0};
done:
    fk_image_free(&ignored);
    fk_image_free(&only);
    return st;
}

void fk_areas_say_sizes(const fk_areas *a, const fk_area_note *notes, int64_t width, int64_t height,
                        fk_warn warn)
{
    for (int64_t i = 0; width > 0 && i < fk_areas_count(a); i++)
        if (notes[i].width > 0 && (notes[i].width != width || notes[i].height != height))
            fk_warn_say(warn, "mask %s: %lldx%lld, stretched over %lldx%lld", fk_areas_text(a, i),
                        (long long)notes[i].width, (long long)notes[i].height, (long long)width,
                        (long long)height);
}

fleck_status fk_areas_say(const fk_areas *a, const fk_area_note *notes, fk_warn warn,
                          fleck_error *err)
{
    fk_mask_notes all = {0};
    fleck_status st = FLECK_OK;

    fk_areas_say_sizes(a, notes, a->width, a->height, warn);
    for (int64_t i = 0; i < fk_areas_count(a) && st == FLECK_OK; i++)
        st = fk_mask_note(&all, notes[i].kinds, fk_areas_text(a, i), err);
    if (st == FLECK_OK)
        st = fk_mask_say(&all, warn, err);
    fk_mask_notes_free(&all);
    return st;
}

/* ---- Into the model ---- */

/* Add m's own mask to placed, at the size of placed. */
static fleck_status add_own(fk_image *placed, const fk_model *m, fleck_error *err)
{
    fk_image own = {m->mask_width, m->mask_height, 1, m->mask}, sized = {0};
    fleck_status st = FLECK_OK;

    if (m->mask == NULL)
        return FLECK_OK;
    FK_DO(fk_image_resize(&sized, &own, placed->width, placed->height, FK_FILTER_NEAREST, err));
    unite(placed, &sized);
done:
    fk_image_free(&sized);
    return st;
}

static fleck_status check_rest(const fk_image *placed, const fk_areas *a, bool more,
                               fleck_error *err)
{
    const char *text = fk_areas_text(a, 0);
    int64_t free = 0;

    if (placed->width > MAX_SIDE || placed->height > MAX_SIDE)
        return fk_error_set(err, FLECK_E_LIMIT,
                            "mask %s: expected at most %d pixels each way, found %lldx%lld", text,
                            MAX_SIDE, (long long)placed->width, (long long)placed->height);
    for (int64_t i = 0; i < placed->width * placed->height; i++)
        free += placed->data[i] == 0;
    if (free > 0)
        return FLECK_OK;
    if (more)
        return fk_error_set(err, FLECK_E_OPTION,
                            "area \"%s\": nothing remains to score: all of the photo is ignored",
                            text);
    if (fk_areas_count(a) == 1 && a->mask != NULL)
        return fk_error_set(err, FLECK_E_OPTION,
                            "mask %s: white everywhere, so nothing remains to learn", text);
    return fk_error_set(err, FLECK_E_OPTION,
                        "area \"%s\": nothing remains to learn: all of the photo is ignored", text);
}

fleck_status fk_areas_place(fk_model *m, const fk_areas *a, bool more, fk_area_note *notes,
                            int64_t size[2], fleck_error *err)
{
    fk_image drawn = {0}, placed = {0};
    uint8_t **to = more ? &m->more : &m->mask;
    fleck_status st = FLECK_OK;

    if (fk_areas_count(a) == 0)
        return FLECK_OK;
    FK_DO(fk_areas_draw(&drawn, notes, a, err));
    if (size != NULL) {
        size[0] = drawn.width;
        size[1] = drawn.height;
    }
    FK_DO(fk_place_mask(&placed, &drawn, &m->pre, err));
    if (more)
        FK_DO(add_own(&placed, m, err));
    FK_DO(check_rest(&placed, a, more, err));
    fk_free(*to);
    *to = placed.data; /* moved */
    *(more ? &m->more_width : &m->mask_width) = placed.width;
    *(more ? &m->more_height : &m->mask_height) = placed.height;
    placed = (fk_image){0};
done:
    fk_image_free(&drawn);
    fk_image_free(&placed);
    return st;
}
