/* SPDX-License-Identifier: Apache-2.0 */
/* Counts of inspections: by verdict, against the operators' marks, and over time. */
#include "api.h"

/* Parameters 1 to 3 of every statement here. */
#define WHERE                                                                                      \
    " FROM inspection WHERE product = ?1 AND (?2 IS NULL OR time >= ?2) AND (?3 IS NULL OR time "  \
    "< ?3)"

/* {verdict: {mark: count}}, with each verdict and mark there is. */
static json_t *confusion_json(const json_t *rows)
{
    static const char *const verdicts[] = {"good", "defective", "none", "error"};
    json_t *table = json_object(), *row;
    size_t i;

    for (int v = 0; v < 4; v++)
        json_object_set_new(table, verdicts[v],
                            json_pack("{s:i, s:i, s:i}", "good", 0, "defect", 0, "none", 0));
    json_array_foreach(rows, i, row)
        json_object_set(json_object_get(table, json_string_value(json_object_get(row, "verdict"))),
                        json_string_value(json_object_get(row, "mark")), json_object_get(row, "n"));
    return table;
}

static json_t *counts_json(const json_t *confusion)
{
    json_t *counts = json_object(), *marks, *n;
    const char *verdict, *mark;

    json_object_foreach((json_t *)confusion, verdict, marks)
    {
        json_int_t sum = 0;

        json_object_foreach(marks, mark, n) sum += json_integer_value(n);
        json_object_set_new(counts, verdict, json_integer(sum));
    }
    return counts;
}

json_t *sv_summary(sv_server *s, int64_t product, const char *from, const char *to,
                   fleck_error *err)
{
    json_t *rows, *trend, *confusion;
    int64_t length;

    rows = sv_db_rows(&s->db, err,
                      "SELECT verdict, COALESCE(mark, 'none') AS mark, COUNT(*) AS n" WHERE
                      " GROUP BY 1, 2",
                      "iss", product, from, to);
    if (rows == NULL)
        return NULL;
    /* Days, or hours where all lies within three days. */
    length = sv_db_int(&s->db, NULL,
                       "SELECT CASE WHEN julianday(MAX(time)) - julianday(MIN(time)) > 3 THEN 10"
                       " ELSE 13 END" WHERE,
                       "iss", product, from, to);
    trend = sv_db_rows(&s->db, err,
                       "SELECT substr(time, 1, ?4) AS at, COUNT(*) AS inspected,"
                       " SUM(verdict = 'defective') AS defective, SUM(verdict = 'error') AS failed,"
                       " COUNT(mark) AS marked,"
                       " COALESCE(SUM(verdict = 'defective' AND mark = 'good'), 0) AS false_alarms,"
                       " COALESCE(SUM(verdict = 'good' AND mark = 'defect'), 0) AS missed" WHERE
                       " GROUP BY 1 ORDER BY 1 DESC LIMIT 90",
                       "issi", product, from, to, length);
    if (trend == NULL) {
        json_decref(rows);
        return NULL;
    }
    confusion = confusion_json(rows);
    json_decref(rows);
    return json_pack("{s:o, s:o, s:s, s:o}", "counts", counts_json(confusion), "confusion",
                     confusion, "bucket", length == 10 ? "day" : "hour", "trend", trend);
}

void sv_summary_get(sv_request *r)
{
    fleck_error err = {0};
    json_t *summary;

    if (!sv_need_product(r, r->ids[0]))
        return;
    summary =
        sv_summary(r->server, r->ids[0], sv_query_time(r, "from"), sv_query_time(r, "to"), &err);
    if (summary != NULL)
        sv_reply_json(r, 200, summary);
    else
        sv_reply_error(r, &err);
}
