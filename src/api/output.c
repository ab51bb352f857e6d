/* SPDX-License-Identifier: Apache-2.0 */
/* fleck.h: outputs. */
#include "base/file.h"
#include "run/output.h"

#include <string.h>

fleck_status fleck_output_name(char **out, const char *image, const char *ending, fleck_error *err)
{
    if (out == NULL)
        return fk_error_set(err, FLECK_E_OPTION, "a name needs somewhere to go");
    *out = NULL;
    if (image == NULL || image[0] == '\0' || ending == NULL || strlen(ending) > 64)
        return fk_error_set(err, FLECK_E_OPTION, "expected an image's path and a short ending");
    return fk_output_name(out, image, ending, err);
}

fleck_status fleck_output_check(const char *path, fleck_error *err)
{
    if (path == NULL)
        return fk_error_set(err, FLECK_E_OPTION, "expected the path of an output");
    return fk_writer_check(path, err);
}

fleck_status fleck_output_replace(const char *path, fleck_output_kind kind, const char *image,
                                  bool any, fleck_error *err)
{
    if (path == NULL)
        return fk_error_set(err, FLECK_E_OPTION, "expected the path of an output");
    return fk_output_replace(path, kind, image, any, err);
}

fleck_status fleck_file_copy(const char *from, const char *to, fleck_error *err)
{
    return fleck_file_copy_with(from, to, NULL, NULL, err);
}

fleck_status fleck_file_copy_with(const char *from, const char *to, fleck_progress *progress,
                                  void *progress_ctx, fleck_error *err)
{
    fk_watch watch = {.call = progress, .ctx = progress_ctx};
    fleck_status st;

    if (from == NULL || to == NULL)
        return fk_error_set(err, FLECK_E_OPTION, "expected the paths of a file and of its copy");
    FK_DO(fk_output_apart(to, from, err));
    st = fk_file_copy(from, to, NULL, &watch, err);
done:
    return st;
}

fleck_status fleck_file_write(const char *path, const void *bytes, size_t size, fleck_error *err)
{
    if (path == NULL || (bytes == NULL && size > 0))
        return fk_error_set(err, FLECK_E_OPTION, "expected the path of an output and its bytes");
    return fk_file_write(path, bytes, size, err);
}
