/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/fetch/file.h"

#include <stdlib.h>

#include "tool/fetch/fetch.h"

bool fetch_file(const char *verb, const char *what, const char *url, size_t max, struct tool_file *out)
{
    struct fetch_manners manners = { .quiet = true };
    struct fetch_reply reply = { 0 };
    struct fetch *fetch = NULL;
    const char *unfit;
    char *trouble = NULL;

    *out = (struct tool_file){ 0 };
    if (!fetch_manners_read(verb, &(struct fetch_options){ 0 }, &manners)) {
        return false;
    }
    unfit = fetch_url_trouble(url, &manners);
    if (unfit != NULL) {
        tool_error("%s: %s: %s: %s", verb, what, url, unfit);
        return false;
    }
    fetch = fetch_new(&manners);
    if (fetch == NULL) {
        tool_error("%s: libcurl cannot be used", verb);
        return false;
    }
    fetch_start(fetch, url, url, NULL, max, &reply);
    fetch_wait(fetch, &reply);
    trouble = fetch_trouble(&reply);
    if (trouble != NULL) {
        tool_error("%s: %s: %s: %s", verb, what, url, trouble);
    } else {
        *out = (struct tool_file){ reply.body, reply.len };
        reply.body = NULL;
    }
    free(trouble);
    fetch_free(fetch);
    fetch_reply_clear(&reply);
    return out->data != NULL;
}
