/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/log.h"

#include <openssl/err.h>
#include <pthread.h>
#include <string.h>

#include "base/der.h"
#include "list_fixture.h"
#include "log_keys.h"

static struct ct_bytes decode(const char *base64, uint8_t *out)
{
    size_t len = strlen(base64);
    int n = EVP_DecodeBlock(out, (const unsigned char *)base64, (int)len);

    ck_assert(n > 0);
    n -= (base64[len - 1] == '=') + (base64[len - 2] == '=');
    return (struct ct_bytes){ out, (size_t)n };
}

static struct ct_log log_with_key(const char *base64)
{
    uint8_t spki[2048];
    struct ct_log log = { 0 };
    const char *why = NULL;

    ck_assert_msg(ct_log_set_key(&log, decode(base64, spki), &why), "%s", why);
    return log;
}

START_TEST(takes_p256_and_rsa_2048_and_nothing_else)
{
    static const struct {
        const char *name, *key, *why; /* why NULL: accepted */
        enum ct_key_type type;
    } rows[] = {
        { "P-256", KEY_P256_A, NULL, CT_KEY_P256 },
        { "RSA-2048", KEY_RSA_2048, NULL, CT_KEY_RSA },
        { "RSA-1024", KEY_RSA_1024, "shorter than 2048", CT_KEY_RSA },
        { "P-384", KEY_P384, "neither ECDSA P-256 nor RSA", CT_KEY_P256 },
        { "Ed25519", KEY_ED25519, "neither ECDSA P-256 nor RSA", CT_KEY_P256 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t spki[2048];
        struct ct_log log = { 0 };
        const char *why = NULL;
        bool ok = ct_log_set_key(&log, decode(rows[i].key, spki), &why);

        ck_assert_msg(ok == (rows[i].why == NULL), "%s: %s", rows[i].name, why != NULL ? why : "accepted");
        ck_assert_msg(ok ? log.key_type == rows[i].type : strstr(why, rows[i].why) != NULL, "%s: %s", rows[i].name,
                      why);
        ck_assert_msg(ok || (log.spki.data == NULL && log.spki.len == 0), "%s: a refused key stays", rows[i].name);
        ck_assert_msg((ct_log_get0_key(&log) != NULL) == ok, "%s: decoding", rows[i].name);
        ct_log_clear(&log);
    }
}
END_TEST

START_TEST(id_is_sha256_of_the_key)
{
    struct ct_log log = log_with_key(KEY_P256_A);
    uint8_t want[64];

    ck_assert_mem_eq(log.id, decode(ID_P256_A, want).data, CT_LOG_ID_LEN);
    ck_assert(log.identified && log.unusable == NULL);
    ct_log_clear(&log);
}
END_TEST

START_TEST(every_cut_and_every_extra_byte_is_refused)
{
    static const char *const keys[] = { KEY_P256_A, KEY_RSA_2048 };

    for (size_t k = 0; k < 2; k++) {
        uint8_t spki[2048] = { 0 };
        struct ct_bytes whole = decode(keys[k], spki);

        for (size_t len = 0; len <= whole.len + 1; len++) {
            struct ct_log log = { 0 };
            const char *why = NULL;

            ck_assert_msg(ct_log_set_key(&log, (struct ct_bytes){ spki, len }, &why) == (len == whole.len),
                          "key %zu with %zu of %zu bytes", k, len, whole.len);
            ct_log_clear(&log);
        }
    }
}
END_TEST

START_TEST(refuses_what_is_not_exactly_the_der_form)
{
    static const struct {
        const char *name, *key;
        size_t at;
        uint8_t value;
        const char *why;
    } rows[] = {
        { "P-256: compressed point's first byte", KEY_P256_A, 26, 0x02, "uncompressed" },
        { "P-256: unused bits", KEY_P256_A, 25, 1, "SubjectPublicKeyInfo" },
        { "P-256: another curve", KEY_P256_A, 22, 0x06, "neither" },
        { "P-256: outer SEQUENCE is a SET", KEY_P256_A, 0, 0x31, "SubjectPublicKeyInfo" },
        { "RSA: another algorithm (PSS)", KEY_RSA_2048, 16, 0x0a, "neither" },
        { "RSA: modulus is negative", KEY_RSA_2048, 32, 0x80, "RSAPublicKey" },
        { "RSA: even modulus", KEY_RSA_2048, 288, 0x02, "even" },
        { "RSA: even exponent", KEY_RSA_2048, 293, 0x00, "exponent" },
        { "RSA: exponent is an OCTET STRING", KEY_RSA_2048, 289, 0x04, "RSAPublicKey" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t spki[2048];
        struct ct_bytes key = decode(rows[i].key, spki);
        struct ct_log log = { 0 };
        const char *why = NULL;

        ck_assert_msg(rows[i].at < key.len && spki[rows[i].at] != rows[i].value, "%s: changes nothing", rows[i].name);
        spki[rows[i].at] = rows[i].value;
        ck_assert_msg(!ct_log_set_key(&log, key, &why), "%s: accepted", rows[i].name);
        ck_assert_msg(strstr(why, rows[i].why) != NULL, "%s: %s", rows[i].name, why);
        ct_log_clear(&log);
    }
}
END_TEST

/* SubjectPublicKeyInfo of an RSAPublicKey with these INTEGER contents, and bytes behind them at two depths. */
static struct ct_bytes rsa_spki(uint8_t *out, size_t modulus_len, const char *exponent, size_t exponent_len,
                                size_t more_in_sequence, size_t more_in_bits)
{
    static const uint8_t algorithm[] = {
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    };
    size_t key = 1 + ct_der_length_size(modulus_len) + modulus_len + 2 + exponent_len + more_in_sequence;
    size_t bits = 1 + 1 + ct_der_length_size(key) + key + more_in_bits;
    uint8_t *at = ct_der_write_header(out, CT_DER_SEQUENCE, sizeof algorithm + 1 + ct_der_length_size(bits) + bits);

    memcpy(at, algorithm, sizeof algorithm);
    at = ct_der_write_header(at + sizeof algorithm, CT_DER_BIT_STRING, bits);
    *at++ = 0;
    at = ct_der_write_header(at, CT_DER_SEQUENCE, key);
    at = ct_der_write_header(at, CT_DER_INTEGER, modulus_len);
    memset(at, 0xff, modulus_len);
    at[0] = 0; /* a modulus of 8 * (modulus_len - 1) bits */
    at = ct_der_write_header(at + modulus_len, CT_DER_INTEGER, exponent_len);
    memcpy(at, exponent, exponent_len);
    memset(at + exponent_len, 0, more_in_sequence + more_in_bits);
    return (struct ct_bytes){ out, (size_t)(at - out) + exponent_len + more_in_sequence + more_in_bits };
}

START_TEST(rsa_keys_are_bounded_and_exact)
{
    static const struct {
        const char *name;
        size_t modulus_len;
        const char *exponent;
        size_t exponent_len, in_sequence, in_bits;
        const char *why; /* NULL: accepted */
    } rows[] = {
        { "2048 bits", 257, "\x01\x00\x01", 3, 0, 0, NULL },
        { "2040 bits", 256, "\x01\x00\x01", 3, 0, 0, "shorter than 2048" },
        { "8192 bits", 1025, "\x01\x00\x01", 3, 0, 0, NULL },
        { "8200 bits", 1026, "\x01\x00\x01", 3, 0, 0, "longer than 8192" },
        { "exponent 3", 257, "\x03", 1, 0, 0, NULL },
        { "exponent 1", 257, "\x01", 1, 0, 0, "exponent" },
        { "exponent 0", 257, "\x00", 1, 0, 0, "RSAPublicKey" },
        { "negative exponent", 257, "\x81", 1, 0, 0, "RSAPublicKey" },
        { "exponent with a leading zero", 257, "\x00\x03", 2, 0, 0, "RSAPublicKey" },
        { "exponent of 64 bits", 257, "\x00\xff\xff\xff\xff\xff\xff\xff\xff", 9, 0, 0, NULL },
        { "exponent of 65 bits", 257, "\x01\xff\xff\xff\xff\xff\xff\xff\xff", 9, 0, 0, "exponent" },
        { "no exponent", 257, "", 0, 0, 0, "RSAPublicKey" },
        { "more in the SEQUENCE", 257, "\x01\x00\x01", 3, 2, 0, "RSAPublicKey" },
        { "more behind the SEQUENCE", 257, "\x01\x00\x01", 3, 0, 2, "RSAPublicKey" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t spki[2048];
        struct ct_log log = { 0 };
        const char *why = NULL;
        bool ok = ct_log_set_key(&log,
                                 rsa_spki(spki, rows[i].modulus_len, rows[i].exponent, rows[i].exponent_len,
                                          rows[i].in_sequence, rows[i].in_bits),
                                 &why);

        ck_assert_msg(ok == (rows[i].why == NULL), "%s: %s", rows[i].name, ok ? "accepted" : why);
        ck_assert_msg(ok || strstr(why, rows[i].why) != NULL, "%s: %s", rows[i].name, why);
        ct_log_clear(&log);
    }
}
END_TEST

START_TEST(p256_point_has_65_bytes)
{
    for (size_t point = 0; point <= 100; point++) {
        uint8_t spki[2048];
        uint8_t whole[2048] = { 0 };
        struct ct_bytes key = decode(KEY_P256_A, spki);
        uint8_t *at = ct_der_write_header(whole, CT_DER_SEQUENCE, 21 + 2 + 1 + point);
        struct ct_log log = { 0 };
        const char *why = NULL;

        memcpy(at, key.data + 2, 21);
        at = ct_der_write_header(at + 21, CT_DER_BIT_STRING, 1 + point);
        memcpy(at + 1, key.data + 26, point < 65 ? point : 65);
        ck_assert_msg(ct_log_set_key(&log, (struct ct_bytes){ whole, (size_t)(at - whole) + 1 + point }, &why) ==
                          (point == 65),
                      "%zu bytes", point);
        ct_log_clear(&log);
    }
}
END_TEST

START_TEST(knows_the_logs_whose_private_keys_are_public)
{
    static const char *const hex[] = {
        "f44195d6f00e2db55435cadd577892e53e15ad417058f878e14ff6b918741589",
        "b22f7edeb5af6afe503de04081b2d74c12538492fedf2cb2a526503cef53ced2",
    };

    for (size_t i = 0; i < 2; i++) {
        uint8_t id[CT_LOG_ID_LEN];

        ck_assert(ct_unhex(hex[i], strlen(hex[i]), id, sizeof id));
        ck_assert_msg(ct_log_id_is_mimic(id), "%s", hex[i]);
        id[31] ^= 1;
        ck_assert_msg(!ct_log_id_is_mimic(id), "%s with another last bit", hex[i]);
    }
}
END_TEST

START_TEST(point_off_the_curve_gives_no_key_and_leaves_the_error_queue_alone)
{
    uint8_t spki[2048];
    struct ct_bytes key = decode(KEY_P256_A, spki);
    struct ct_log log = { 0 };
    const char *why = NULL;

    spki[90] ^= 1;
    ck_assert(ct_log_set_key(&log, key, &why));
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 1);
    ck_assert_ptr_null(ct_log_get0_key(&log));
    ck_assert_int_eq(ERR_GET_LIB(ERR_get_error()), ERR_LIB_USER);
    ck_assert_int_eq(ERR_get_error(), 0);
    ct_log_clear(&log);
}
END_TEST

static void *decode_key(void *log)
{
    return ct_log_get0_key(log);
}

START_TEST(threads_share_one_decoded_key)
{
    for (int round = 0; round < 50; round++) {
        struct ct_log log = log_with_key(KEY_P256_A);
        pthread_t threads[4];
        void *keys[4];

        for (int i = 0; i < 4; i++) {
            ck_assert_int_eq(pthread_create(&threads[i], NULL, decode_key, &log), 0);
        }
        for (int i = 0; i < 4; i++) {
            ck_assert_int_eq(pthread_join(threads[i], &keys[i]), 0);
        }
        for (int i = 0; i < 4; i++) {
            ck_assert_ptr_nonnull(keys[i]);
            ck_assert_ptr_eq(keys[i], keys[0]);
        }
        ck_assert_ptr_eq(ct_log_get0_key(&log), keys[0]);
        ct_log_clear(&log);
    }
}
END_TEST

START_TEST(operator_is_the_one_at_the_time)
{
    char first[] = "first", second[] = "second", now[] = "now";
    struct ct_previous_operator previous[] = { { first, 1000 }, { second, 2000 } };
    struct ct_log log = { .log_operator = now, .previous = previous, .previous_count = 2 };
    struct ct_log nobody = { 0 };

    ck_assert_str_eq(ct_log_operator_at(&log, 0), "first");
    ck_assert_str_eq(ct_log_operator_at(&log, 999), "first");
    ck_assert_str_eq(ct_log_operator_at(&log, 1000), "second");
    ck_assert_str_eq(ct_log_operator_at(&log, 1999), "second");
    ck_assert_str_eq(ct_log_operator_at(&log, 2000), "now");
    ck_assert_ptr_null(ct_log_operator_at(&nobody, 0));
}
END_TEST

START_TEST(set_finds_every_log_and_no_other)
{
    struct ct_log_set set = { 0 };
    uint8_t id[CT_LOG_ID_LEN] = { 0 };

    ck_assert_ptr_null(ct_log_set_find(&set, id));
    for (unsigned i = 0; i < 1000; i++) {
        struct ct_log log = { 0 };

        log.id[0] = (uint8_t)(i * 7);
        log.id[31] = (uint8_t)(i >> 8);
        log.id[30] = (uint8_t)i;
        log.state_since_ms = i;
        ck_assert(ct_log_set_add(&set, &log));
        ck_assert_int_eq(log.state_since_ms, 0);
    }
    ct_log_set_sort(&set);
    for (unsigned i = 0; i < 1000; i++) {
        const struct ct_log *found;

        id[0] = (uint8_t)(i * 7);
        id[31] = (uint8_t)(i >> 8);
        id[30] = (uint8_t)i;
        found = ct_log_set_find(&set, id);
        ck_assert_msg(found != NULL && found->state_since_ms == i, "log %u", i);
        id[15] = 1;
        ck_assert_msg(ct_log_set_find(&set, id) == NULL, "neighbour of %u", i);
        id[15] = 0;
    }
    ct_log_set_clear(&set);
}
END_TEST

START_TEST(set_keeps_entries_of_one_id_in_their_order)
{
    struct ct_log_set set = { 0 };

    for (uint8_t i = 0; i < 10; i++) {
        struct ct_log log = { 0 };

        log.id[0] = i == 9 ? 4 : i;
        log.state_since_ms = i;
        ck_assert(ct_log_set_add(&set, &log));
    }
    ct_log_set_sort(&set);
    ck_assert_int_eq(set.logs[4].id[0], 4);
    ck_assert_int_eq(set.logs[5].id[0], 4);
    ck_assert_int_eq(set.logs[4].state_since_ms, 4);
    ck_assert_int_eq(set.logs[5].state_since_ms, 9);
    ct_log_set_clear(&set);
}
END_TEST

START_TEST(states_have_the_names_of_the_schema)
{
    ck_assert_str_eq(ct_log_state_name(CT_LOG_PENDING), "pending");
    ck_assert_str_eq(ct_log_state_name(CT_LOG_REJECTED), "rejected");
    ck_assert_str_eq(ct_log_state_name(CT_LOG_STATE_COUNT), "unknown-state");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        takes_p256_and_rsa_2048_and_nothing_else,
        id_is_sha256_of_the_key,
        every_cut_and_every_extra_byte_is_refused,
        refuses_what_is_not_exactly_the_der_form,
        rsa_keys_are_bounded_and_exact,
        p256_point_has_65_bytes,
        knows_the_logs_whose_private_keys_are_public,
        point_off_the_curve_gives_no_key_and_leaves_the_error_queue_alone,
        threads_share_one_decoded_key,
        operator_is_the_one_at_the_time,
        set_finds_every_log_and_no_other,
        set_keeps_entries_of_one_id_in_their_order,
        states_have_the_names_of_the_schema,
    };

    return unit_run(suite_of("log", tests, sizeof tests / sizeof tests[0]));
}
