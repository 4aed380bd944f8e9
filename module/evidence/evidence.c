/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources share, and the one that needs no file: SCTs embedded in the certificate. */
#include "evidence/evidence.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ct_evidence_init(struct ct_evidence *out)
{
    *out = (struct ct_evidence){ .from_ms = INT64_MIN, .until_ms = INT64_MAX };
}

void ct_evidence_clear(struct ct_evidence *evidence)
{
    if (evidence == NULL) {
        return;
    }
    free(evidence->owned);
    ct_file_clear(&evidence->file);
    ct_evidence_init(evidence);
}

void ct_evidence_embedded(const struct ct_certificate *certificate, struct ct_evidence *out)
{
    struct ct_bytes list = { NULL, 0 };

    ct_evidence_init(out);
    if (certificate == NULL || !certificate->has_sct_list) {
        return;
    }
    if (!ct_certificate_sct_list(certificate, &list) || list.len == 0) {
        out->trouble = CLIENTCT_MALFORMED_SCT_LIST;
        snprintf(out->detail, sizeof out->detail,
                 "the SCT-list extension does not hold exactly one DER OCTET STRING with a list in it");
        return;
    }
    out->list = list;
    out->present = true;
}

/* Short, for people: the file's name is the certificate's hash, which every report has already. */
static void describe_failure(const char *dir, const char *suffix, int error, struct ct_evidence *out)
{
    const char *what;

    switch (error) {
    case EFBIG:
        what = "is larger than 128 KiB";
        break;
    case EINVAL:
        what = "is not a regular file";
        break;
    case ELOOP:
        what = "is a symbolic link";
        break;
    case EACCES:
    case EPERM:
        what = "may not be read by this process";
        break;
    default:
        what = "could not be read";
        break;
    }
    snprintf(out->detail, sizeof out->detail, "the certificate's %s file in %.80s %s", suffix, dir, what);
}

/* By hand, for every repeated verdict comes here: snprintf took as long as the record's names. */
bool ct_evidence_path(const char *dir, const uint8_t sha256[32], const char *suffix, char path[CT_EVIDENCE_PATH_SIZE])
{
    size_t dir_len = strlen(dir);
    size_t suffix_len = strlen(suffix);

    if (dir_len + 1 + 2 * 32 + suffix_len >= CT_EVIDENCE_PATH_SIZE) {
        return false;
    }
    memcpy(path, dir, dir_len);
    path[dir_len] = '/';
    ct_hex(sha256, 32, path + dir_len + 1);
    memcpy(path + dir_len + 1 + 2 * 32, suffix, suffix_len + 1);
    return true;
}

bool ct_evidence_read_file(const uint8_t sha256[32], const char *dir, const char *suffix, struct ct_file *file,
                           struct ct_evidence *out)
{
    char path[CT_EVIDENCE_PATH_SIZE];
    int error;

    if (dir == NULL) {
        return false;
    }
    if (!ct_evidence_path(dir, sha256, suffix, path)) {
        describe_failure(dir, suffix, ENAMETOOLONG, out);
        return false;
    }
    error = ct_file_read(path, CT_EVIDENCE_MAX_BYTES, false, file);
    out->stamp = file->stamp;
    if (error == 0) {
        return true;
    }
    ct_file_clear(file);
    if (error == ENOMEM) {
        out->trouble = CLIENTCT_INTERNAL_ERROR;
    }
    if (error != ENOENT && error != ENOTDIR) {
        describe_failure(dir, suffix, error, out);
    }
    return false;
}
