/* SPDX-License-Identifier: Apache-2.0 */
/* Texts from outside: names of files, messages, what clients send. */
#ifndef FLECK_SERVE_TEXT_H
#define FLECK_SERVE_TEXT_H

#include <jansson.h>

/* Valid UTF-8 of at most `most` bytes; free() it.  NULL: out of memory, or text is NULL. */
char *sv_text_clean(const char *text, size_t most);
/* A text as JSON, made valid; null for NULL. */
json_t *sv_text_json(const char *text);
/* A number as JSON; null where it is not finite. */
json_t *sv_number_json(double x);
/* "a, b or c", of n names, for a message. */
void sv_text_list(char *out, size_t size, const char *const *names, int n);
/* In a message, put name in the place of path; size: of the message. */
void sv_text_rename(char *message, size_t size, const char *path, const char *name);

#endif
