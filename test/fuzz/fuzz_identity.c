/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate in a log's entry, walked without building an X509. */
#include "evidence/identity.h"
#include "fuzz.h"

static int within(struct ct_bytes inner, const uint8_t *data, size_t size)
{
    return inner.len == 0 || (inner.data >= data && inner.data + inner.len <= data + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_identity identity;
    struct ct_bytes oid, value;
    unsigned kind;
    uint8_t tag;

    if (!ct_identity_of_certificate((struct ct_bytes){ data, size }, &identity) &&
        !ct_identity_of_tbs((struct ct_bytes){ data, size }, &identity)) {
        return 0;
    }
    FUZZ_REQUIRE(identity.serial.len > 0 && within(identity.serial, data, size));
    FUZZ_REQUIRE(within(identity.issuer, data, size) && within(identity.subject, data, size));
    FUZZ_REQUIRE(within(identity.spki, data, size) && within(identity.usages, data, size));
    struct ct_reader names = ct_reader_of(identity.alternative_names);
    size_t left = names.left + 1;
    while (ct_identity_next_name(&names, &kind, &value)) {
        FUZZ_REQUIRE(within(value, data, size) && names.left < left);
        left = names.left;
    }
    struct ct_name_walk walk = ct_name_walk_of(identity.subject);
    size_t steps = 0;
    while (ct_name_walk_next(&walk, &oid, &tag, &value)) {
        FUZZ_REQUIRE(within(oid, data, size) && within(value, data, size) && ++steps <= size);
    }
    return 0;
}
