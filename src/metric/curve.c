/* The points of ROC and precision-recall curves. */
#include "base/mem.h"
#include "metric/metric.h"

#include <math.h>
#include <stdlib.h>

typedef struct scored {
    double score;
    bool defective;
} scored;

static int downward(const void *x, const void *y)
{
    const scored *a = x, *b = y;

    return a->score > b->score ? -1 : a->score < b->score ? 1 : 0;
}

fleck_status fk_metric_curve(fk_curve_point *out, int64_t *n_points, const double *scores,
                             const uint8_t *labels, int64_t n, fleck_error *err)
{
    scored *list = NULL;
    int64_t found = 0, alarms = 0, points = 0;
    fleck_status st;

    *n_points = 0;
    FK_DO(FK_ALLOC(&list, n, err));
    for (int64_t i = 0; i < n; i++) {
        if (isnan(scores[i]))
            FK_FAIL(err, FLECK_E_FORMAT, "curve: score %lld of %lld is not a number",
                    (long long)i + 1, (long long)n);
        list[i] = (scored){scores[i], labels[i] != 0};
    }
    qsort(list, (size_t)n, sizeof *list, downward);
    out[points++] = (fk_curve_point){INFINITY, 0, 0};
    for (int64_t i = 0; i < n; i++) {
        found += list[i].defective;
        alarms += !list[i].defective;
        if (i + 1 == n || list[i + 1].score != list[i].score)
            out[points++] = (fk_curve_point){list[i].score, found, alarms};
    }
    *n_points = points;
done:
    fk_free(list);
    return st;
}
