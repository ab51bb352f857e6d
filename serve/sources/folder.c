/* SPDX-License-Identifier: Apache-2.0 */
/* A folder that is watched for files.  watch.c does the work. */
#define _GNU_SOURCE
#include "../api.h"
#include "../watch.h"

#include <stdlib.h>
#include <string.h>

static const sv_member members[] = {
    {"folder", 's', 0, 0}, {"subfolders", 'b', 0, 0}, {"poll", 'd', 0, 3600}, {NULL, 0, 0, 0}};

static bool check(struct sv_server *s, const json_t *given, json_t **out, fleck_error *err)
{
    const char *folder = json_string_value(json_object_get(given, "folder"));
    const json_t *poll = json_object_get(given, "poll");
    char path[4096];
    struct stat status;

    if (!sv_members_check(given, members, err))
        return false;
    if (folder == NULL)
        return sv_error(err, FLECK_E_OPTION, "folder: expected a path");
    if (!sv_path_below(s->options.watch_root != NULL ? s->options.watch_root
                                                     : s->options.import_root,
                       folder, "--watch-root FOLDER or --import FOLDER", path, err))
        return false;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return sv_error(err, FLECK_E_OPTION, "%s: expected a folder", folder);
    *out = json_pack("{s:s, s:b, s:f}", "folder", path, "subfolders",
                     json_is_true(json_object_get(given, "subfolders")), "poll",
                     json_number_value(poll));
    return *out != NULL || sv_error(err, FLECK_E_FORMAT, "%s: expected UTF-8", folder);
}

static char *label(const json_t *config)
{
    char *out = NULL;

    return asprintf(&out, "watch:%s", json_string_value(json_object_get(config, "folder"))) < 0
               ? NULL
               : out;
}

const sv_source_kind sv_folder_source = {
    .name = "folder", .built = true, .check = check, .label = label, .run = sv_watch_run};
