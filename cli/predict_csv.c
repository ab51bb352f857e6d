/* SPDX-License-Identifier: Apache-2.0 */
/* fleck predict --csv: a table of the images, and a table of their regions. */
#define _GNU_SOURCE
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static FILE *open_text(char **text, size_t *size, const char *head)
{
    FILE *f = need(open_memstream(text, size));

    fputs(head, f);
    return f;
}

bool results_csv_begin(results_csv *c, const char *path, bool overwrite)
{
    const size_t n = strlen(path), stem = n > 4 && strcmp(path + n - 4, ".csv") == 0 ? n - 4 : n;
    const size_t size = n + sizeof "-regions.csv";

    *c = (results_csv){.path = path, .regions_path = need(malloc(size))};
    snprintf(c->regions_path, size, "%.*s-regions.csv", (int)stem, path);
    if (!output_ready(path, FLECK_OUTPUT_RESULTS, NULL, overwrite) ||
        !output_ready(c->regions_path, FLECK_OUTPUT_REGIONS, NULL, overwrite))
        return false;
    c->images = open_text(&c->images_text, &c->images_size,
                          "path,score,limit,ratio,above,verdict,regions\n");
    c->regions = open_text(&c->regions_text, &c->regions_size,
                           "path,region,x,y,width,height,area,percent,area_mm2,centroid_x,"
                           "centroid_y,peak,peak_x,peak_y,mean\n");
    return true;
}

bool results_csv_apart(const results_csv *c, const char *const *inputs, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!output_apart("--csv", c->path, &inputs[i], 1) ||
            !output_apart("--csv", c->regions_path, &inputs[i], 1))
            return false;
    return true;
}

static void put_path(FILE *to, const char *path)
{
    putc('"', to);
    for (; *path != '\0'; path++) {
        if (*path == '"')
            putc('"', to);
        putc(*path, to);
    }
    putc('"', to);
}

/* Print ",v", or only the comma if v is NaN. */
static void put_number(FILE *to, double v)
{
    putc(',', to);
    if (isfinite(v))
        fprintf(to, "%.9g", v);
}

static void put_region(FILE *to, const char *path, int64_t number, const fleck_region *r,
                       const region_scale *s)
{
    put_path(to, path);
    fprintf(to, ",%lld,%lld,%lld,%lld,%lld,%lld", (long long)number, (long long)r->x,
            (long long)r->y, (long long)r->width, (long long)r->height, (long long)r->area);
    put_number(to, region_percent(r, s));
    put_number(to, region_mm2(r, s));
    put_number(to, r->centroid_x);
    put_number(to, r->centroid_y);
    put_number(to, r->peak);
    fprintf(to, ",%lld,%lld", (long long)r->peak_x, (long long)r->peak_y);
    put_number(to, r->mean);
    putc('\n', to);
}

void results_csv_add(results_csv *c, const char *path, const fleck_result *r,
                     const fleck_regions *regions, double mm_per_px)
{
    const char *verdict = "not judged";

    put_path(c->images, path);
    if (r == NULL) {
        fputs(",,,,,failed,\n", c->images);
        return;
    }
    if (!isnan(r->threshold))
        verdict = r->defective ? "defective" : "good";
    put_number(c->images, r->score);
    put_number(c->images, r->threshold);
    put_number(c->images, r->ratio);
    put_number(c->images, r->above);
    fprintf(c->images, ",%s,", verdict);
    if (regions != NULL)
        fprintf(c->images, "%lld", (long long)regions->count);
    putc('\n', c->images);
    for (int64_t k = 0; regions != NULL && k < regions->count; k++) {
        region_scale s = {regions, mm_per_px};

        put_region(c->regions, path, k + 1, &regions->list[k], &s);
    }
}

int results_csv_write(results_csv *c)
{
    fleck_error err = {0};

    if (fflush(c->images) != 0 || fflush(c->regions) != 0)
        (void)need(NULL);
    if (fleck_file_write(c->regions_path, c->regions_text, c->regions_size, &err) != FLECK_OK ||
        fleck_file_write(c->path, c->images_text, c->images_size, &err) != FLECK_OK)
        return failed(&err);
    return EXIT_DONE;
}

void results_csv_free(results_csv *c)
{
    if (c->images != NULL)
        fclose(c->images);
    if (c->regions != NULL)
        fclose(c->regions);
    free(c->images_text);
    free(c->regions_text);
    free(c->regions_path);
    *c = (results_csv){0};
}
