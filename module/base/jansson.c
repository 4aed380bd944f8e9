/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of jansson that the module calls, under their own names and
 * hidden: a host program that exports a json_delete of its own (ProFTPD does, and
 * so does whatever contains another JSON library and is linked with -rdynamic)
 * would otherwise be called in jansson's place. Ours go to the library that was
 * loaded with us and to nothing else. They are found when we are loaded, because
 * later there may be no library to open (chroot) and nothing may wait (handshake).
 *
 * A function that is missing here would be bound as usual, past this file;
 * test/provider/test_library.py finds it.
 */
#include <dlfcn.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
#define FUNCTIONS(X) \
    X(json_array_get) X(json_array_size) X(json_delete) X(json_integer_value) X(json_loadb) X(json_object_get) \
    X(json_object_iter) X(json_object_iter_key) X(json_object_iter_next) X(json_object_iter_value) \
    X(json_object_size) X(json_real_value) X(json_string_length) X(json_string_value)
/* clang-format on */

#define MEMBER(name) __typeof__(&name) name;
static struct {
    FUNCTIONS(MEMBER)
} own;

#define FIND(name) \
    *(void **)&own.name = dlsym(library, #name); \
    found = found && own.name != NULL;

static bool available;

/* The name that clientct.so asks the loader for; it has been this one since jansson 2.0. */
static const char soname[] = "libjansson.so.4";

__attribute__((constructor)) static void find_all(void)
{
    void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL); /* never closed */
    bool found = library != NULL;

    if (library != NULL) {
        FUNCTIONS(FIND)
    }
    available = found;
}

/* jansson drops a NUL byte behind a number, where other readers of JSON stop: none of them is to see another text. */
static bool refuse_nul(const char *buffer, size_t len, json_error_t *error)
{
    const char *end = len == 0 ? NULL : memchr(buffer, '\0', len);

    if (end != NULL && error != NULL) {
        memset(error, 0, sizeof *error);
        error->line = 1;
        for (const char *at = buffer; at < end; at++) {
            error->line += *at == '\n';
        }
        error->position = (int)(end - buffer);
        snprintf(error->text, sizeof error->text, "found a NUL byte, which no text has");
    }
    return end != NULL;
}

/* The only source of values: where it gives none, none of the other functions is ever called. */
json_t *json_loadb(const char *buffer, size_t len, size_t flags, json_error_t *error)
{
    if (!available) {
        if (error != NULL) {
            memset(error, 0, sizeof *error);
            snprintf(error->text, sizeof error->text, "%s, which reads JSON, cannot be loaded", soname);
        }
        return NULL;
    }
    return refuse_nul(buffer, len, error) ? NULL : own.json_loadb(buffer, len, flags, error);
}

void json_delete(json_t *json)
{
    own.json_delete(json);
}

json_t *json_array_get(const json_t *array, size_t index)
{
    return array != NULL ? own.json_array_get(array, index) : NULL;
}

size_t json_array_size(const json_t *array)
{
    return array != NULL ? own.json_array_size(array) : 0;
}

json_int_t json_integer_value(const json_t *integer)
{
    return integer != NULL ? own.json_integer_value(integer) : 0;
}

json_t *json_object_get(const json_t *object, const char *key)
{
    return object != NULL ? own.json_object_get(object, key) : NULL;
}

void *json_object_iter(json_t *object)
{
    return object != NULL ? own.json_object_iter(object) : NULL;
}

const char *json_object_iter_key(void *iter)
{
    return iter != NULL ? own.json_object_iter_key(iter) : NULL;
}

void *json_object_iter_next(json_t *object, void *iter)
{
    return object != NULL && iter != NULL ? own.json_object_iter_next(object, iter) : NULL;
}

json_t *json_object_iter_value(void *iter)
{
    return iter != NULL ? own.json_object_iter_value(iter) : NULL;
}

size_t json_object_size(const json_t *object)
{
    return object != NULL ? own.json_object_size(object) : 0;
}

double json_real_value(const json_t *real)
{
    return real != NULL ? own.json_real_value(real) : 0;
}

size_t json_string_length(const json_t *string)
{
    return string != NULL ? own.json_string_length(string) : 0;
}

const char *json_string_value(const json_t *string)
{
    return string != NULL ? own.json_string_value(string) : NULL;
}
