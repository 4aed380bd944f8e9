/* SPDX-License-Identifier: Apache-2.0 */
/* Operands of `clientct prove`: files of certificates, archives, and folders of certificates or of the store's SCTs. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/snapshot.h"
#include "evidence/evidence.h"
#include "tool/folder.h"
#include "tool/prove/work.h"
#include "tool/replay/record.h"
#include "tool/sct_answer.h"

#define STORE_SUFFIX ".sct"

/* --- files of certificates --- */

/* What the configuration's ocsp_store, or a record, has for it. */
static void add_ocsp(const struct prove_work *work, struct prove_subject *subject, struct ct_bytes response,
                     int64_t at_ms, struct ct_evidence *out)
{
    const struct ct_snapshot *snapshot = work->sources.snapshot;
    struct ct_certificate certificate;
    X509 *leaf = sk_X509_value(subject->chain, 0);

    if (ct_certificate_read(leaf, &certificate) != CT_CERTIFICATE_OK) {
        tool_out_of_memory();
    }
    ct_evidence_ocsp(&certificate, leaf, subject->chain,
                     snapshot != NULL && !subject->of_record ? snapshot->config->settings.ocsp_store.path : NULL,
                     response, at_ms, out);
    if (out->present) {
        subject->lists[subject->count++] = (struct prove_list){ out->list, CLIENTCT_SOURCE_OCSP };
    }
    ct_certificate_clear(&certificate);
}

static STACK_OF(X509) *chain_of(const struct prove_work *work, STACK_OF(X509) *given)
{
    STACK_OF(X509) *candidates = sk_X509_dup(given);
    STACK_OF(X509) *chain;
    X509 *leaf = sk_X509_value(given, 0);

    if (candidates == NULL) {
        tool_out_of_memory();
    }
    (void)sk_X509_shift(candidates);
    for (int i = 0; work->issuers != NULL && i < sk_X509_num(work->issuers); i++) {
        if (sk_X509_push(candidates, sk_X509_value(work->issuers, i)) <= 0) {
            tool_out_of_memory();
        }
    }
    chain = tool_chain_build(leaf, candidates);
    sk_X509_free(candidates);
    return chain;
}

/* Takes `given`. */
static void take_certificates(struct prove_work *work, const char *file, STACK_OF(X509) *given)
{
    struct prove_subject subject = { .file = file, .chain = chain_of(work, given) };
    struct ct_evidence ocsp = { 0 };

    if (work->scts.data != NULL) {
        subject.lists[subject.count++] =
            (struct prove_list){ { work->scts.data, work->scts.len }, CLIENTCT_SOURCE_TLS };
    }
    add_ocsp(work, &subject, (struct ct_bytes){ 0 }, ct_now_ms(), &ocsp);
    prove_subject(work, &subject);
    ct_evidence_clear(&ocsp);
    tool_certificates_free(subject.chain);
    tool_certificates_free(given);
}

/* --- archives --- */

struct archive {
    struct prove_work *work;
    const char *name;
};

static STACK_OF(X509) *chain_of_record(const struct replay_record *record)
{
    STACK_OF(X509) *chain = sk_X509_new_null();

    for (size_t i = 0; chain != NULL && i < record->chain_count; i++) {
        const unsigned char *at = record->chain[i].data;
        X509 *certificate = d2i_X509(NULL, &at, (long)record->chain[i].len);

        if (certificate == NULL) {
            break;
        }
        if (sk_X509_push(chain, certificate) <= 0) {
            tool_out_of_memory();
        }
    }
    if (chain == NULL) {
        tool_out_of_memory();
    }
    return chain;
}

static void take_record(struct prove_work *work, const char *name, const struct replay_record *record)
{
    struct prove_subject subject = { .file = name, .chain = chain_of_record(record), .of_record = true };
    struct ct_evidence ocsp = { 0 };

    if (sk_X509_num(subject.chain) == 0) {
        work->foreign++;
        sk_X509_free(subject.chain);
        return;
    }
    if (record->store.len > 0) {
        subject.lists[subject.count++] = (struct prove_list){ record->store, CLIENTCT_SOURCE_STORE };
    }
    if (record->tls_scts.len > 0) {
        subject.lists[subject.count++] = (struct prove_list){ record->tls_scts, CLIENTCT_SOURCE_TLS };
    }
    if (record->ocsp.len > 0) {
        add_ocsp(work, &subject, record->ocsp, record->at_ms, &ocsp);
    }
    prove_subject(work, &subject);
    ct_evidence_clear(&ocsp);
    tool_certificates_free(subject.chain);
}

static void take_line(void *arg, enum replay_read read, const struct replay_record *record)
{
    const struct archive *archive = arg;

    if (read == REPLAY_READ) {
        take_record(archive->work, archive->name, record);
    } else if (read == REPLAY_FOREIGN) {
        archive->work->foreign++;
    } else {
        archive->work->newer++;
    }
}

/* --- what an operand is: archives are lines of JSON objects --- */

static bool take_open_file(struct prove_work *work, const char *name, int fd)
{
    struct archive archive = { work, strcmp(name, "-") == 0 ? "standard input" : name };
    struct tool_file file = { malloc(1), 0 };
    STACK_OF(X509) *given = NULL;
    ssize_t got;

    if (file.data == NULL) {
        tool_out_of_memory();
    }
    while ((got = read(fd, file.data, 1)) < 0 && errno == EINTR) {}
    file.len = got > 0 ? 1 : 0;
    if (file.len == 1 && file.data[0] == '{') {
        bool good =
            replay_records_read("prove", archive.name, fd, (struct ct_bytes){ file.data, 1 }, take_line, &archive);

        if (fd != STDIN_FILENO) {
            close(fd);
        }
        tool_file_clear(&file);
        return good;
    }
    if (!tool_read_open_file("the certificate", name, fd, TOOL_CERTIFICATES_MAX_BYTES, &file)) {
        return false;
    }
    given = tool_certificates_of("the certificate", name, &file);
    tool_file_clear(&file);
    if (given != NULL) {
        take_certificates(work, name, given);
    }
    return given != NULL;
}

static bool take_file(struct prove_work *work, const char *name)
{
    int fd = tool_open_file("the certificate", name);

    return fd >= 0 && take_open_file(work, name, fd);
}

/* --- stores --- */

/* <64 hexadecimal digits>.sct */
static bool store_name(const char *name, uint8_t sha256[32])
{
    size_t digits = strspn(name, "0123456789abcdef");

    if (digits != 64 || strcmp(name + digits, STORE_SUFFIX) != 0) {
        return false;
    }
    for (size_t i = 0; i < 32; i++) {
        const char pair[3] = { name[2 * i], name[2 * i + 1], '\0' };

        sha256[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return true;
}

/* A list whose certificate is not among the operands. */
struct orphan {
    uint8_t sha256[32];
    struct source *source; /* of its first SCT that names a place; NULL: none does */
    uint64_t index;
};

struct orphans {
    struct orphan *items;
    size_t count, room;
};

static int by_place(const void *a, const void *b)
{
    const struct orphan *x = a, *y = b;

    if (x->source != y->source) {
        return (x->source > y->source) - (x->source < y->source);
    }
    return x->index != y->index ? (x->index > y->index) - (x->index < y->index) : memcmp(x->sha256, y->sha256, 32);
}

static bool names_place(struct prove_work *work, const struct ct_sct *sct, struct source **source, uint64_t *index)
{
    *source = sct->decoded ? sources_find(&work->sources, sct->log_id) : NULL;
    return *source != NULL && (*source)->log->tiled && ct_sct_leaf_index(sct->extensions, index);
}

static bool decode_store_file(const uint8_t sha256[32], const char *dir, struct ct_file *file, struct ct_scts *scts)
{
    struct ct_evidence unread = { 0 };
    bool good =
        ct_evidence_read_file(sha256, dir, STORE_SUFFIX, file, &unread) &&
        ct_sct_list_decode((struct ct_bytes){ file->data, file->len }, CLIENTCT_SOURCE_STORE, scts) == CT_LIST_OK;

    if (!good) {
        char name[65];

        ct_hex(sha256, 32, name);
        tool_error("prove: %s/%s" STORE_SUFFIX " %s", dir, name,
                   unread.detail[0] != '\0' ? unread.detail : "is no list of SCTs");
    }
    return good;
}

static void add_orphan(struct prove_work *work, const char *dir, const uint8_t sha256[32], struct orphans *orphans)
{
    struct orphan orphan = { .source = NULL };
    struct ct_file file = { 0 };
    struct ct_scts scts = { 0 };

    if (!decode_store_file(sha256, dir, &file, &scts)) {
        work->failed = true;
    } else {
        memcpy(orphan.sha256, sha256, sizeof orphan.sha256);
        for (size_t i = 0; i < scts.count && !names_place(work, &scts.items[i], &orphan.source, &orphan.index); i++) {
            orphan.source = NULL;
        }
        orphans->items = tool_grown(orphans->items, orphans->count, &orphans->room, sizeof *orphans->items);
        orphans->items[orphans->count++] = orphan;
    }
    ct_scts_clear(&scts);
    ct_file_clear(&file);
}

/* The certificate is asked of the log, where the SCT says which entry it is. */
static void take_orphan(struct prove_work *work, const char *dir, const struct orphan *orphan,
                        struct prove_bundle *bundle)
{
    enum prove_verdict verdict = PROVE_NO_CERTIFICATE;
    struct ct_file file = { 0 };
    struct ct_scts scts = { 0 };
    char hex[65];
    char *path, *why = NULL;
    X509 *certificate = NULL;

    ct_hex(orphan->sha256, 32, hex);
    path = tool_format("%s/%s" STORE_SUFFIX, dir, hex);
    if (orphan->source != NULL && orphan->source->url != NULL && work->request->kept == NULL) {
        certificate =
            prove_certificate_of(&work->prover, orphan->source, orphan->index, orphan->sha256, bundle, &verdict, &why);
    } else {
        why = tool_format("the SCT alone does not say what the log has signed");
    }
    if (certificate != NULL) {
        struct prove_subject subject = { .file = path, .chain = sk_X509_new_null() };

        if (subject.chain == NULL || sk_X509_push(subject.chain, certificate) <= 0) {
            tool_out_of_memory();
        }
        prove_subject(work, &subject);
        tool_certificates_free(subject.chain);
    } else if (decode_store_file(orphan->sha256, dir, &file, &scts)) {
        prove_unknown(work, path, &scts, verdict,
                      verdict == PROVE_NO_CERTIFICATE ? tool_format("%s; name the certificate beside the store", why)
                                                      : tool_format("%s", why));
    }
    ct_scts_clear(&scts);
    ct_file_clear(&file);
    free(why);
    free(path);
}

static void take_store(struct prove_work *work, const char *dir)
{
    struct orphans orphans = { 0 };
    struct prove_bundle bundle = { 0 };
    struct dirent *entry;
    DIR *directory = opendir(dir);
    uint8_t sha256[32];

    if (directory == NULL) {
        tool_error("prove: the folder %s cannot be read: %s", dir, strerror(errno));
        work->failed = true;
        return;
    }
    while ((entry = readdir(directory)) != NULL) {
        if (store_name(entry->d_name, sha256) && !prove_set_has(&work->certificates, sha256)) {
            add_orphan(work, dir, sha256, &orphans);
        }
    }
    closedir(directory);
    if (orphans.count > 0) {
        qsort(orphans.items, orphans.count, sizeof *orphans.items, by_place);
    }
    for (size_t i = 0; i < orphans.count; i++) {
        take_orphan(work, dir, &orphans.items[i], &bundle);
    }
    fetch_reply_clear(&bundle.reply);
    free(orphans.items);
}

static bool is_store(const char *operand)
{
    DIR *directory = opendir(operand);
    struct dirent *entry;
    uint8_t sha256[32];
    bool found = false;

    while (directory != NULL && !found && (entry = readdir(directory)) != NULL) {
        found = store_name(entry->d_name, sha256);
    }
    if (directory != NULL) {
        closedir(directory);
    }
    return found;
}

void prove_inputs(struct prove_work *work, int count, char **operands)
{
    struct tool_names names = { 0 };

    work->stores = calloc((size_t)count + 1, sizeof *work->stores);
    if (work->stores == NULL) {
        tool_out_of_memory();
    }
    for (int i = 0; i < count; i++) {
        if (is_store(operands[i])) {
            work->stores[work->store_count++] = operands[i];
        }
        work->failed |= !tool_names_add("prove", operands[i], &names);
    }
    for (size_t i = 0; i < names.count; i++) {
        work->failed |= !take_file(work, names.items[i]);
    }
    for (size_t i = 0; i < work->store_count && work->stores[i] != NULL; i++) {
        take_store(work, work->stores[i]);
    }
    tool_names_clear(&names);
}

void prove_work_clear(struct prove_work *work)
{
    sources_clear(&work->sources);
    tool_certificates_free(work->issuers);
    tool_file_clear(&work->scts);
    prove_set_clear(&work->certificates);
    prove_set_clear(&work->promises);
    free(work->stores);
}
