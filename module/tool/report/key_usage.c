/* SPDX-License-Identifier: Apache-2.0 */
/* Who still comes with a certificate that is not meant for clients alone: public CAs stop issuing those. */
#include "tool/report/key_usage.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "record/audit_writer.h"
#include "tool/tool.h"

#define ROWS_MAX 50
#define SEEN_LATELY_MS (7 * CT_DAY_MS) /* of the end of the lines: who renews comes back */

/* In the order in which they are shown: those who must do something first. */
enum kind { PUBLIC, SERVER_ONLY, BOTH, NEITHER, CLIENT, ANYTHING, KINDS };

static const struct {
    const char *name, *text;
} kinds[KINDS] = {
    [PUBLIC] = { "public", "of a public CA" },
    [SERVER_ONLY] = { "server_only", "serverAuth without clientAuth" },
    [BOTH] = { "server_and_client", "serverAuth and clientAuth, as public CAs issued them" },
    [NEITHER] = { "neither", "for neither clients nor servers" },
    [CLIENT] = { "client", "clientAuth" },
    [ANYTHING] = { "any", "no extended key usage, or any, or lines from before 0.2.0" },
};

struct row {
    uint64_t issuer;
    const char *name;
    enum kind kind;
    uint64_t certificates;
    int64_t first_end_ms, last_end_ms; /* REPORT_UNKNOWN_TIME: no line says */
};

struct rows {
    struct row *items;
    size_t count;
    const struct report_tally *tally;
    bool knows_public;
};

/* --- public CAs --- */

/* As the audit writes it; NULL: it cannot be written. */
static char *text_of_name(const X509_NAME *name)
{
    char buffer[1024];
    struct ct_audit_writer w;
    json_t *object;
    char *text = NULL;

    ct_audit_begin(&w, buffer, sizeof buffer);
    ct_audit_name(&w, "name", name);
    ct_audit_bytes(&w, "}", 1);
    object = w.full ? NULL : json_loadb(buffer, (size_t)(w.at - buffer), 0, NULL);
    if (object != NULL) {
        text = tool_format("%s", json_string_value(json_object_get(object, "name")));
        json_decref(object);
    }
    return text;
}

char *report_names_in(const char *path)
{
    STACK_OF(X509) *certificates = tool_read_certificates("the file of public CAs", path);
    char *names = tool_format("%s", "");

    for (int i = 0; certificates != NULL && i < sk_X509_num(certificates); i++) {
        char *name = text_of_name(X509_get_subject_name(sk_X509_value(certificates, i)));
        char *longer = tool_format("%s%s\n", names, name != NULL ? name : "");

        free(name);
        free(names);
        names = longer;
    }
    if (certificates == NULL) {
        free(names);
        return NULL;
    }
    tool_certificates_free(certificates);
    return names;
}

static bool is_listed(const char *names, const char *issuer)
{
    size_t len = strlen(issuer);

    for (const char *at = names; at != NULL && *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
        if (strcspn(at, "\n") == len && memcmp(at, issuer, len) == 0) {
            return true;
        }
    }
    return false;
}

/* --- rows --- */

static enum kind kind_of(unsigned usages)
{
    bool client = (usages & REPORT_USAGE_CLIENT) != 0;
    bool server = (usages & REPORT_USAGE_SERVER) != 0;

    if ((usages & REPORT_USAGE_ANY) != 0 || usages == 0) {
        return ANYTHING;
    }
    return server ? (client ? BOTH : SERVER_ONLY) : client ? CLIENT : NEITHER;
}

/* Where nobody has said which CAs are public, those who issue for both may be. */
static bool must_move(const struct rows *rows, enum kind kind)
{
    return kind == PUBLIC || kind == SERVER_ONLY || kind == NEITHER || (kind == BOTH && !rows->knows_public);
}

static int by_issuer(const void *a, const void *b)
{
    const struct row *one = a, *two = b;

    if (one->issuer != two->issuer) {
        return one->issuer < two->issuer ? -1 : 1;
    }
    return (one->kind > two->kind) - (one->kind < two->kind);
}

static int by_need(const void *a, const void *b)
{
    const struct row *one = a, *two = b;

    if (one->kind != two->kind) {
        return one->kind < two->kind ? -1 : 1;
    }
    if (one->certificates != two->certificates) {
        return one->certificates > two->certificates ? -1 : 1;
    }
    return strcmp(one->name, two->name);
}

static void join(struct row *into, const struct row *row)
{
    into->certificates += row->certificates;
    if (row->first_end_ms != REPORT_UNKNOWN_TIME &&
        (into->first_end_ms == REPORT_UNKNOWN_TIME || row->first_end_ms < into->first_end_ms)) {
        into->first_end_ms = row->first_end_ms;
    }
    if (row->last_end_ms != REPORT_UNKNOWN_TIME && row->last_end_ms > into->last_end_ms) {
        into->last_end_ms = row->last_end_ms;
    }
}

/* One row for each issuer and kind. */
static void unite(struct rows *rows, size_t count)
{
    qsort(rows->items, count, sizeof *rows->items, by_issuer);
    rows->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct row *last = rows->count > 0 ? &rows->items[rows->count - 1] : NULL;

        if (last != NULL && by_issuer(last, &rows->items[i]) == 0) {
            join(last, &rows->items[i]);
        } else {
            rows->items[rows->count++] = rows->items[i];
        }
    }
}

static void make_rows(struct rows *rows, const char *public_names, int64_t now_ms)
{
    const struct report_tally *tally = rows->tally;
    double scale = report_sample_scale(&tally->certificates);
    size_t count = 0;

    rows->items = calloc(tally->kept + 1, sizeof *rows->items);
    if (rows->items == NULL) {
        tool_out_of_memory();
    }
    for (size_t i = 0; i < tally->kept; i++) {
        const struct report_certificate *c = tally->sorted[i];
        int64_t end_ms = c->state.not_after_ms;
        bool over = end_ms != REPORT_UNKNOWN_TIME && end_ms < now_ms &&
                    c->state.at_ms < ct_time_add(tally->last_ms, -SEEN_LATELY_MS);

        if (!over) {
            rows->items[count++] = (struct row){ c->issuer, NULL, kind_of(c->state.usages), 1, end_ms, end_ms };
        }
    }
    unite(rows, count);
    for (size_t i = 0; i < rows->count; i++) {
        struct row *row = &rows->items[i];

        row->name = report_issuer_of(tally, row->issuer);
        row->kind = is_listed(public_names, row->name) ? PUBLIC : row->kind;
    }
    unite(rows, rows->count);
    for (size_t i = 0; i < rows->count; i++) {
        rows->items[i].certificates = (uint64_t)(scale * (double)rows->items[i].certificates + 0.5);
    }
    qsort(rows->items, rows->count, sizeof *rows->items, by_need);
}

/* --- output --- */

static void day_of(int64_t ms, char out[16])
{
    char text[TOOL_TIME_SIZE] = "unknown";

    if (ms != REPORT_UNKNOWN_TIME) {
        ct_time_format(ms, text, sizeof text);
    }
    snprintf(out, 16, "%.10s", text);
}

static void show_text(const struct rows *rows)
{
    size_t shown = 0;

    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->items[i];
        bool first = i == 0 || rows->items[i - 1].kind != row->kind;
        char from[16], until[16];

        shown = first ? 0 : shown;
        if (first) {
            tool_put(must_move(rows, row->kind) ? TOOL_BAD : TOOL_GOOD, "%s%s",
                     must_move(rows, row->kind) ? "Must move: " : "Can stay: ", kinds[row->kind].text);
            tool_end_line();
        }
        if (shown++ >= ROWS_MAX) {
            continue;
        }
        day_of(row->first_end_ms, from);
        day_of(row->last_end_ms, until);
        tool_line("  %6" PRIu64 " certificate%s, %s %s%s%s  %s", row->certificates, tool_s(row->certificates),
                  row->certificates == 1 ? "ends" : "the first ends", from, row->certificates == 1 ? "" : ", the last ",
                  row->certificates == 1 ? "" : until, row->name);
    }
    if (rows->count == 0) {
        tool_line("no certificate to go by");
    }
    if (!rows->knows_public) {
        tool_line("Which CAs are public is not known here: --public FILE names them by their certificates.");
    }
}

static json_t *json_of_end(int64_t ms)
{
    return ms == REPORT_UNKNOWN_TIME ? json_null() : tool_json_time(ms);
}

static void show_json(const struct rows *rows)
{
    json_t *out = tool_json_object(), *list = tool_json_array();

    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->items[i];
        json_t *item = tool_json_object();

        tool_json_set(item, "issuer", tool_json_text(row->name));
        tool_json_set(item, "kind", tool_json_text(kinds[row->kind].name));
        tool_json_set(item, "must_move", tool_json_bool(must_move(rows, row->kind)));
        tool_json_set(item, "certificates", tool_json_count(row->certificates));
        tool_json_set(item, "first_end", json_of_end(row->first_end_ms));
        tool_json_set(item, "last_end", json_of_end(row->last_end_ms));
        tool_json_append(list, item);
    }
    tool_json_set(out, "public_cas_known", tool_json_bool(rows->knows_public));
    tool_json_set(out, "estimated", tool_json_bool(rows->tally->beyond > 0));
    tool_json_set(out, "key_usage", list);
    tool_json_print(out);
}

void report_show_key_usage(const struct report_tally *tally, const char *public_names, int64_t now_ms, bool json,
                           int *code)
{
    struct rows rows = { .tally = tally, .knows_public = public_names != NULL };

    make_rows(&rows, public_names, now_ms);
    for (size_t i = 0; i < rows.count; i++) {
        *code = must_move(&rows, rows.items[i].kind) ? TOOL_NO : *code;
    }
    if (json) {
        show_json(&rows);
    } else {
        show_text(&rows);
    }
    free(rows.items);
}
