/* SPDX-License-Identifier: Apache-2.0 */
/* The service about itself. */
#include "api.h"
#include "web.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

void sv_health(sv_request *r)
{
    sv_reply_json(r, 200, json_pack("{s:s, s:s}", "status", "ok", "version", fleck_version()));
}

void sv_ready(sv_request *r)
{
    fleck_error err = {0};

    if (sv_db_int(&r->server->db, &err, "SELECT 1", "") == 1)
        sv_reply_json(r, 200, json_pack("{s:s}", "status", "ready"));
    else
        sv_reply_problem(r, 503, "%s", err.message);
}

static int64_t disk_free(const sv_server *s)
{
    struct statvfs v;

    return statvfs(s->options.folder, &v) == 0 ? (int64_t)v.f_bavail * (int64_t)v.f_frsize : -1;
}

int64_t sv_resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    char text[128] = "", *resident = text;

    if (f == NULL)
        return 0;
    if (fgets(text, sizeof text, f) != NULL)
        (void)strtoll(text, &resident, 10); /* the first number is of all that is mapped */
    fclose(f);
    return strtoll(resident, NULL, 10) * sysconf(_SC_PAGESIZE);
}

void sv_system(sv_request *r)
{
    sv_stats *st = &r->server->stats;
    json_t *counts;

    pthread_mutex_lock(&st->lock);
    counts = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "good", (json_int_t)st->good, "defective",
                       (json_int_t)st->defective, "none", (json_int_t)st->none, "failed",
                       (json_int_t)st->failed, "refused", (json_int_t)st->refused, "dropped",
                       (json_int_t)st->dropped);
    pthread_mutex_unlock(&st->lock);
    sv_reply_json(
        r, 200,
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:s?, s:s?, s:I, s:b, s:o, s:o, s:o, s:o}",
                  "version", fleck_version(), "started", r->server->started, "inspector",
                  sv_inspector_describe(r->server->inspector), "latency_ms", sv_stats_latency(st),
                  "counts", counts, "disk_free", (json_int_t)disk_free(r->server), "memory",
                  (json_int_t)sv_resident_bytes(), "import_root", r->server->options.import_root,
                  "watch_root", r->server->options.watch_root, "most_upload",
                  (json_int_t)r->server->options.upload_bytes, "token",
                  (int)(r->server->token[0] != '\0'), "source_kinds", sv_source_kinds(), "sources",
                  sv_sources_describe(r->server->sources, 0), "sink_kinds", sv_sink_kinds(),
                  "sinks", sv_sinks_describe(r->server->sinks)));
}

/* ---- Prometheus ---- */

static void put(FILE *to, const char *name, const char *kind, const char *help)
{
    fprintf(to, "# HELP fleck_%s %s\n# TYPE fleck_%s %s\n", name, help, name, kind);
}

static void put_counts(FILE *to, sv_stats *st)
{
    pthread_mutex_lock(&st->lock);
    put(to, "inspections_total", "counter", "Images inspected, by verdict.");
    fprintf(to,
            "fleck_inspections_total{verdict=\"good\"} %lld\n"
            "fleck_inspections_total{verdict=\"defective\"} %lld\n"
            "fleck_inspections_total{verdict=\"none\"} %lld\n"
            "fleck_inspections_total{verdict=\"error\"} %lld\n",
            (long long)st->good, (long long)st->defective, (long long)st->none,
            (long long)st->failed);
    put(to, "refused_total", "counter", "Images refused since the queue was full.");
    fprintf(to, "fleck_refused_total %lld\n", (long long)st->refused);
    put(to, "dropped_total", "counter", "Images of live sources dropped from a full queue.");
    fprintf(to, "fleck_dropped_total %lld\n", (long long)st->dropped);
    pthread_mutex_unlock(&st->lock);
}

static void put_latency(FILE *to, sv_stats *st)
{
    json_t *latency = sv_stats_latency(st), *stage, *value;
    const char *name, *quantile;

    put(to, "latency_ms", "gauge", "Milliseconds of the last inspections, by stage.");
    json_object_foreach(latency, name, stage) json_object_foreach(stage, quantile, value)
        fprintf(to, "fleck_latency_ms{stage=\"%s\",quantile=\"0.%s\"} %.3f\n", name, quantile + 1,
                json_real_value(value));
    json_decref(latency);
}

void sv_metrics(sv_request *r)
{
    json_t *inspector = sv_inspector_describe(r->server->inspector);
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    if (to == NULL) {
        sv_reply_problem(r, 503, "out of memory");
        json_decref(inspector);
        return;
    }
    put_counts(to, &r->server->stats);
    put_latency(to, &r->server->stats);
    put(to, "queue_waiting", "gauge", "Images that wait for a worker.");
    fprintf(to, "fleck_queue_waiting %lld\n",
            (long long)json_integer_value(json_object_get(inspector, "waiting")));
    put(to, "disk_free_bytes", "gauge", "Free bytes where the project lies.");
    fprintf(to, "fleck_disk_free_bytes %lld\n", (long long)disk_free(r->server));
    put(to, "resident_bytes", "gauge", "Memory of the process.");
    fprintf(to, "fleck_resident_bytes %lld\n", (long long)sv_resident_bytes());
    json_decref(inspector);
    if (fclose(to) != 0) {
        free(text);
        sv_reply_problem(r, 503, "out of memory");
        return;
    }
    sv_reply_bytes(r, 200, "text/plain; version=0.0.4", text, size, SV_FREE);
}

/* ---- The page ---- */

static void reply_embedded(sv_request *r, const char *name)
{
    for (const sv_web_file *f = sv_web_files; f->name != NULL; f++)
        if (strcmp(f->name, name) == 0) {
            sv_reply_bytes(r, 200, f->type, (void *)(uintptr_t)f->data, f->size, SV_STATIC);
            return;
        }
    sv_reply_problem(r, 404, "there is nothing at this address");
}

void sv_openapi(sv_request *r)
{
    reply_embedded(r, "openapi.json");
}

void sv_page(sv_request *r)
{
    reply_embedded(r, strcmp(r->path, "/") == 0 ? "index.html" : r->path + 1);
}
