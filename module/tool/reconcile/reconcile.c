/* SPDX-License-Identifier: Apache-2.0 */
/* clientct reconcile: what the CA says it issued, what the logs hold, and whom servers saw, one against the other. */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tool/monitor/monitor.h"
#include "tool/report/line.h"
#include "tool/tool.h"
#include "tool/verbs.h"

/* The four ways in which they can disagree: identifier, name in JSON, bit of the exit status, heading. */
#define DISAGREEMENTS(X) \
    X(NOT_LOGGED, "issued_not_logged", 1, "issued by the records, and not in the logs") \
    X(NOT_ISSUED, "logged_not_issued", 2, "in the logs, and not issued by the records: the break-in") \
    X(SERVED_NOT_LOGGED, "served_not_logged", 4, "seen by servers, and not in the logs") \
    X(SERVED_NOT_ISSUED, "served_not_issued", 8, "seen by servers, and not issued by the records")
enum disagreement {
#define DISAGREEMENT_ENUM(id, name, bit, heading) id,
    DISAGREEMENTS(DISAGREEMENT_ENUM)
#undef DISAGREEMENT_ENUM
        DISAGREEMENT_COUNT
};
static const struct {
    const char *name;
    int bit;
    const char *heading;
} disagreements[] = {
#define DISAGREEMENT_ROW(id, name, bit, heading) { name, bit, heading },
    DISAGREEMENTS(DISAGREEMENT_ROW)
#undef DISAGREEMENT_ROW
};
#define EXIT_DISAGREE 16

struct request {
    const char *issued, *state, *since;
    bool json;
};

/* A certificate that a notice of the monitor, or an audit line, speaks of. */
struct sighting {
    uint8_t serial[RECORD_SERIAL_MAX];
    size_t serial_len; /* 0: not known */
    uint64_t key;      /* ca_identity_key; 0: not known */
    bool has_hash;
    uint8_t sha256[32];
    int64_t not_after_ms; /* 0: not known */
    char *subject, *issuer, *where;
    bool matched;
};
struct sightings {
    struct sighting *items;
    size_t count, room;
};

struct work {
    const struct request *request;
    int64_t since_ms;
    struct ca_records records;
    struct sightings logged, served;
    size_t counts[DISAGREEMENT_COUNT];
    json_t *tables[DISAGREEMENT_COUNT]; /* with --json */
};

static struct sighting *add(struct sightings *sightings)
{
    sightings->items = tool_grown(sightings->items, sightings->count, &sightings->room, sizeof *sightings->items);
    sightings->items[sightings->count] = (struct sighting){ .serial_len = 0 };
    return &sightings->items[sightings->count++];
}

static void clear(struct sightings *sightings)
{
    for (size_t i = 0; i < sightings->count; i++) {
        free(sightings->items[i].subject);
        free(sightings->items[i].issuer);
        free(sightings->items[i].where);
    }
    free(sightings->items);
    memset(sightings, 0, sizeof *sightings);
}

/* Without the zeros in front, which some write and others do not. */
static void set_serial(struct sighting *sighting, const char *hex)
{
    size_t len = hex != NULL ? strlen(hex) : 0;

    while (len > 2 && hex[0] == '0' && hex[1] == '0') {
        hex += 2;
        len -= 2;
    }
    if (len / 2 <= sizeof sighting->serial && len > 0 && ct_unhex(hex, len, sighting->serial, len / 2)) {
        sighting->serial_len = len / 2;
    }
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void add_notice(struct work *work, const json_t *notice)
{
    const char *action = text_of(notice, "event.action"), *hash = text_of(notice, "tls.client.hash.sha256");
    const char *key = text_of(notice, "clientct.notice"), *end = text_of(notice, "tls.client.not_after");
    struct sighting *sighting;

    if (action == NULL || strcmp(action, "log-entry") != 0) {
        return;
    }
    sighting = add(&work->logged);
    set_serial(sighting, text_of(notice, "tls.client.x509.serial_number"));
    sighting->has_hash = hash != NULL && ct_unhex(hash, strlen(hash), sighting->sha256, 32);
    if (key == NULL || !ct_unhex(key, strlen(key), (uint8_t *)&sighting->key, sizeof sighting->key)) {
        sighting->key = 0;
    }
    if (end == NULL || !ct_time_parse(end, &sighting->not_after_ms)) {
        sighting->not_after_ms = 0;
    }
    const char *subject = text_of(notice, "tls.client.subject"), *issuer = text_of(notice, "tls.client.issuer");
    const char *log = text_of(notice, "clientct.log");
    sighting->subject = tool_format("%s", subject != NULL ? subject : "(unreadable)");
    sighting->issuer = tool_format("%s", issuer != NULL ? issuer : "");
    sighting->where = tool_format("%s, entry %lld", log != NULL ? log : "",
                                  (long long)json_integer_value(json_object_get(notice, "clientct.entry.index")));
}

static bool each_line(const char *path, void (*take)(struct work *, const char *, size_t), struct work *work)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    ssize_t len;

    if (file == NULL) {
        tool_error("reconcile: %s cannot be read: %s", path, strerror(errno));
        return false;
    }
    while ((len = getline(&line, &room, file)) > 0) {
        if ((size_t)len <= REPORT_LINE_MAX * 4) {
            take(work, line, (size_t)len);
        }
    }
    free(line);
    if (file != stdin) {
        fclose(file);
    }
    return true;
}

static void take_notice(struct work *work, const char *line, size_t len)
{
    json_t *notice = json_loadb(line, len, 0, NULL);

    add_notice(work, notice);
    json_decref(notice);
}

/* The notices of all logs that the monitor follows. */
static bool read_logged(struct work *work)
{
    const char *state = work->request->state;
    DIR *directory = opendir(state);
    struct dirent *entry;
    bool good = true;
    size_t logs = 0;

    if (directory == NULL) {
        tool_error("reconcile: --state: %s cannot be read: %s", state, strerror(errno));
        return false;
    }
    while (good && (entry = readdir(directory)) != NULL) {
        uint8_t id[CT_LOG_ID_LEN];

        if (ct_unhex(entry->d_name, strlen(entry->d_name), id, sizeof id)) {
            char *path = tool_format("%s/%s/notices.jsonl", state, entry->d_name);

            good = each_line(path, take_notice, work);
            free(path);
            logs++;
        }
    }
    closedir(directory);
    if (good && logs == 0) {
        tool_error("reconcile: --state: %s is no folder of clientct monitor: there is no log in it", state);
        return false;
    }
    return good;
}

static void take_audit_line(struct work *work, const char *text, size_t len)
{
    struct report_line *line = malloc(sizeof *line);
    struct sighting *sighting;
    char *serial;

    if (line == NULL) {
        tool_out_of_memory();
    }
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
        len--;
    }
    /* Who wrote a line does not matter here: it can only add a certificate, never excuse one. */
    report_read((struct ct_bytes){ (const uint8_t *)text, len }, REPORT_FROM_FILE, NULL, line);
    if (line->kind == REPORT_DECISION && line->has_certificate && !line->stranger && line->at_ms >= work->since_ms) {
        sighting = add(&work->served);
        memcpy(sighting->sha256, line->sha256, sizeof sighting->sha256);
        sighting->has_hash = true;
        serial = tool_format("%.*s", (int)line->serial.len, line->serial.data);
        set_serial(sighting, serial);
        free(serial);
        sighting->not_after_ms = line->not_after_ms != REPORT_UNKNOWN_TIME ? line->not_after_ms : 0;
        sighting->subject = tool_format("%.*s", (int)line->subject.len, line->subject.data);
        sighting->issuer = tool_format("%.*s", (int)line->issuer.len, line->issuer.data);
        sighting->where = tool_format("%.*s", (int)line->process.len, line->process.data);
    }
    free(line);
}

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(((const struct sighting *)a)->sha256, ((const struct sighting *)b)->sha256, 32);
}

/* A client comes often: one line of each is enough. */
static void unite(struct sightings *served)
{
    size_t kept = 0;

    if (served->count > 0) {
        qsort(served->items, served->count, sizeof *served->items, compare_hashes);
    }
    for (size_t i = 0; i < served->count; i++) {
        if (kept > 0 && compare_hashes(&served->items[kept - 1], &served->items[i]) == 0) {
            struct sightings one = { calloc(1, sizeof(struct sighting)), 1, 1 };

            if (one.items == NULL) {
                tool_out_of_memory();
            }
            one.items[0] = served->items[i];
            clear(&one);
        } else {
            served->items[kept++] = served->items[i];
        }
    }
    served->count = kept;
}

static int compare_serials(const void *a, const void *b)
{
    const struct sighting *x = a, *y = b;

    return x->serial_len != y->serial_len ? (x->serial_len > y->serial_len) - (x->serial_len < y->serial_len)
                                          : memcmp(x->serial, y->serial, x->serial_len);
}

static bool same_record(const struct ca_record *record, const struct sighting *logged)
{
    return (record->key == 0 || record->key == logged->key) &&
           (record->not_after_ms == 0 || record->not_after_ms == logged->not_after_ms);
}

/* Marks both sides of each pair; records and sightings are sorted by serial number. */
static void match_records(struct ca_records *records, struct sightings *logged, bool served)
{
    for (size_t i = 0; i < logged->count; i++) {
        struct sighting *sighting = &logged->items[i];
        struct ca_record *first =
            sighting->serial_len == 0 ? NULL : ca_records_by_serial(records, sighting->serial, sighting->serial_len);

        for (struct ca_record *record = first;
             record != NULL && record < records->items + records->count && record->serial_len == first->serial_len &&
             memcmp(record->serial, first->serial, first->serial_len) == 0;
             record++) {
            /* Of what servers saw the key is not known: serial number and end. */
            bool same = served ? record->not_after_ms == 0 || record->not_after_ms == sighting->not_after_ms
                               : same_record(record, sighting);

            sighting->matched |= same;
            *(served ? &record->served : &record->logged) |= same;
        }
    }
}

/* Is it one of those in the logs: by its hash, or, where the log has the precertificate, by serial number and end? */
static bool is_logged(const struct sightings *logged, const struct sighting *served)
{
    size_t low = 0, high = logged->count;

    while (low < high && served->serial_len > 0) {
        size_t middle = low + (high - low) / 2;

        if (compare_serials(&logged->items[middle], served) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (size_t i = served->serial_len > 0 ? low : 0; i < logged->count; i++) {
        const struct sighting *one = &logged->items[i];

        if (served->serial_len > 0 && compare_serials(one, served) != 0) {
            return false;
        }
        if (one->has_hash ? memcmp(one->sha256, served->sha256, 32) == 0
                          : served->serial_len > 0 && one->not_after_ms == served->not_after_ms) {
            return true;
        }
    }
    return false;
}

static void tell(struct work *work, enum disagreement kind, const uint8_t *serial, size_t serial_len,
                 const char *subject, const char *issuer, const char *where)
{
    char hex[2 * RECORD_SERIAL_MAX + 1];

    ct_hex(serial, serial_len, hex);
    if (work->counts[kind]++ == 0 && !work->request->json) {
        tool_put(TOOL_BOLD, "%s:", disagreements[kind].heading);
        tool_end_line();
    }
    if (!work->request->json) {
        tool_line("  %-40s  %s%s%s  %s", hex, subject, *issuer != '\0' ? "  by " : "", issuer, where);
        return;
    }
    json_t *row = tool_json_object();
    tool_json_set(row, "serial_number", tool_json_text(hex));
    tool_json_set(row, "subject", tool_json_text(subject));
    tool_json_set(row, "issuer", tool_json_text(issuer));
    tool_json_set(row, "where", tool_json_text(where));
    tool_json_append(work->tables[kind], row);
}

static void tell_sighting(struct work *work, enum disagreement kind, const struct sighting *one)
{
    tell(work, kind, one->serial, one->serial_len, one->subject, one->issuer, one->where);
}

static void tell_all(struct work *work, bool has_served)
{
    for (size_t i = 0; i < work->records.count; i++) {
        const struct ca_record *record = &work->records.items[i];

        if (!record->logged) {
            tell(work, NOT_LOGGED, record->serial, record->serial_len, record->name != NULL ? record->name : "", "",
                 "");
        }
    }
    for (size_t i = 0; i < work->logged.count; i++) {
        if (!work->logged.items[i].matched) {
            tell_sighting(work, NOT_ISSUED, &work->logged.items[i]);
        }
    }
    for (size_t i = 0; has_served && i < work->served.count; i++) {
        if (!is_logged(&work->logged, &work->served.items[i])) {
            tell_sighting(work, SERVED_NOT_LOGGED, &work->served.items[i]);
        }
    }
    for (size_t i = 0; has_served && i < work->served.count; i++) {
        /* Lines of older servers have no serial number: they were compared with the logs, by their hash. */
        if (!work->served.items[i].matched && work->served.items[i].serial_len > 0) {
            tell_sighting(work, SERVED_NOT_ISSUED, &work->served.items[i]);
        }
    }
}

static int finish(struct work *work)
{
    json_t *root = tool_json_object();
    int bits = 0;

    for (size_t i = 0; i < DISAGREEMENT_COUNT; i++) {
        bits |= work->counts[i] != 0 ? disagreements[i].bit : 0;
    }
    if (work->request->json) {
        tool_json_set(root, "issued", tool_json_count(work->records.count));
        tool_json_set(root, "logged", tool_json_count(work->logged.count));
        tool_json_set(root, "served", tool_json_count(work->served.count));
        for (size_t i = 0; i < DISAGREEMENT_COUNT; i++) {
            tool_json_set(root, disagreements[i].name, work->tables[i]);
            work->tables[i] = NULL;
        }
        tool_json_print(root);
    } else {
        json_decref(root);
        tool_line("%zu issued, %zu logged, %zu seen by servers: %zu not logged, %zu not issued, %zu seen and not "
                  "logged, %zu seen and not issued",
                  work->records.count, work->logged.count, work->served.count, work->counts[NOT_LOGGED],
                  work->counts[NOT_ISSUED], work->counts[SERVED_NOT_LOGGED], work->counts[SERVED_NOT_ISSUED]);
    }
    return bits == 0 ? TOOL_YES : EXIT_DISAGREE + bits;
}

static bool read_records(struct work *work)
{
    bool good = true;

    for (const char *at = work->request->issued; at != NULL && *at != '\0';) {
        size_t len = strcspn(at, "\n");
        char *path = tool_format("%.*s", (int)len, at);

        good = ca_records_add("reconcile", path, &work->records) && good;
        free(path);
        at += len + (at[len] == '\n');
    }
    ca_records_sort(&work->records);
    return good;
}

static int run(struct work *work, int count, char **files)
{
    const struct request *request = work->request;
    bool good;

    work->since_ms = INT64_MIN;
    if (request->issued == NULL || request->state == NULL) {
        tool_error(
            "reconcile: --issued RECORDS and --state DIR are needed: what the CA says, and what the monitor saw");
        return TOOL_USAGE;
    }
    if (request->since != NULL && !tool_time_parse(request->since, &work->since_ms)) {
        tool_error("reconcile: --since: expected RFC 3339 or seconds since 1970, found \"%s\"", request->since);
        return TOOL_USAGE;
    }
    good = read_records(work) && read_logged(work);
    for (int i = 0; good && i < count; i++) {
        good = each_line(files[i], take_audit_line, work);
    }
    if (!good) {
        return TOOL_USAGE;
    }
    for (size_t i = 0; i < DISAGREEMENT_COUNT; i++) {
        work->tables[i] = request->json ? tool_json_array() : NULL;
    }
    if (work->logged.count > 0) {
        qsort(work->logged.items, work->logged.count, sizeof *work->logged.items, compare_serials);
    }
    unite(&work->served);
    match_records(&work->records, &work->logged, false);
    match_records(&work->records, &work->served, true);
    tell_all(work, count > 0);
    return finish(work);
}

int tool_verb_reconcile(int argc, char **argv)
{
    struct request request = { 0 };
    const struct tool_option options[] = {
        { "issued", "RECORDS...", "what the CA says it issued: a folder, an index.txt, serials", &request.issued,
          NULL },
        { "state", "DIR", "what the logs hold: the folder of clientct monitor", &request.state, NULL },
        { "since", "TIME", "leave out audit lines before TIME", &request.since, NULL },
        { "json", NULL, "answer as JSON", NULL, &request.json },
        { NULL, NULL, NULL, NULL, NULL },
    };
    const struct tool_usage usage = {
        "reconcile",
        "--issued RECORDS... --state DIR [options] [AUDITFILE...]",
        "Holds what the CA says it issued against what the logs hold, as clientct monitor has read them, and both\n"
        "against the clients that servers saw, by their audit lines. See clientct-monitor(1).\n"
        "Exit status: 0 all agree; 2 wrong usage or files; else 16 and, added to it, 1 issued and not logged,\n"
        "2 logged and not issued (the break-in), 4 seen and not logged, 8 seen and not issued.\n",
        options,
        0,
        -1,
    };
    struct work work = { .request = &request };
    int code;

    if (tool_arguments(&usage, argc, argv, &code)) {
        code = run(&work, argc - optind, argv + optind);
    }
    ca_records_clear(&work.records);
    clear(&work.logged);
    clear(&work.served);
    free((char *)request.issued);
    return code;
}
