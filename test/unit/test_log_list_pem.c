/* SPDX-License-Identifier: Apache-2.0 */
#include "list_fixture.h"

#define PEM_A \
    "-----BEGIN PUBLIC KEY-----\n" \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErx1N2bVIEv0EV8AfekE/2cK2q+oA\n" \
    "JfX7JPHxj70QhT6LqhhWiuJ7X9EIp6CAnExTnCa61YAcem8ZfOle4679Mw==\n" \
    "-----END PUBLIC KEY-----\n"
#define PEM_R \
    "-----BEGIN PUBLIC KEY-----\n" \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3LvjaeWfUfMQPo7yVl4B\n" \
    "QsrIU+G2+TN1jpJufOVlQBK/9ecLrAYvJa6KRnSXLKs/Zv2JtsFzLc7XSC4YB+rm\n" \
    "AlBcgIJRDcvB2U9FZUnmBVFJXPHyu/0vWbiQZH/jH8EoqRJL5ET73r3U/2OcMF6A\n" \
    "2Ditk7ZGlG4iAhtXLV7WUpIh4zRmUTgNd5UOTifSF79OwZisNYa5+mSpw9tl7plh\n" \
    "yM/OqP+W9MMZ9ICwUSaUpzs+NRX0CWFZzSv5eOgIct7CIIu51FCpCCT9x+AZUnmV\n" \
    "1RJ4LoFW8c8t1c61NybaEa8mmLS5jm7/9twf2cPQY+fEheTepqoGH6WuIcZqfjav\n" \
    "LQIDAQAB\n" \
    "-----END PUBLIC KEY-----\n"
#define PEM_RSA_1024 \
    "-----BEGIN PUBLIC KEY-----\n" \
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDo2Ivk9p13XeJL8ynesZYR4HUd\n" \
    "lkTbXKtuldWNIVxVD4HyzxuKoJKBBV7vbmGJtiZXwmjwMRMipObvxtOmfigmQqqL\n" \
    "hahXDVSny9eQ3JBcobta5SQn++vH+1X5pcnz+cCyugaOnfIZ2c1On0/sG2ilcrju\n" \
    "Dvg2tdp6lNsi0WDKGwIDAQAB\n" \
    "-----END PUBLIC KEY-----\n"

START_TEST(reads_one_key_or_several)
{
    struct parsed p = parse("Log A, made in March\n" PEM_A "\nsomething between\n" PEM_R "the end");

    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert_int_eq(p.list.format, CT_LIST_PEM);
    ck_assert_uint_eq(p.list.logs.count, 2);
    ck_assert_int_eq(log_named(&p, "93188d7ea42c5d08")->key_type, CT_KEY_P256);
    ck_assert_int_eq(log_named(&p, "10b2fd40a1dfd2ed")->key_type, CT_KEY_RSA);
    ck_assert_int_eq(p.list.logs.logs[0].state, CT_LOG_USABLE);
    ck_assert_ptr_null(p.list.logs.logs[0].log_operator);
    ck_assert_int_eq(p.list.logs.logs[0].sct_until_ms, INT64_MAX);
    parsed_clear(&p);

    assert_accepted("no line feed at the end",
                    "-----BEGIN PUBLIC KEY-----\n"
                    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErx1N2bVIEv0EV8AfekE/2cK2q+oA\n"
                    "JfX7JPHxj70QhT6LqhhWiuJ7X9EIp6CAnExTnCa61YAcem8ZfOle4679Mw==\n"
                    "-----END PUBLIC KEY-----",
                    1);
}
END_TEST

START_TEST(refuses_what_matters_and_says_where)
{
    static const struct {
        const char *name, *text;
        unsigned line; /* where the block ends */
        const char *words;
    } rows[] = {
        { "private key", PEM_A "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 7,
          "expected PUBLIC KEY, found PRIVATE KEY; a log's private key does not belong here" },
        { "old private key", "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", 3,
          "private key does not belong here" },
        { "certificate", PEM_A "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 7,
          "found CERTIFICATE" },
        { "bare RSA key", "-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n", 3,
          "found RSA PUBLIC KEY" },
        { "not a key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", 3, "SubjectPublicKeyInfo" },
        { "RSA-1024", PEM_RSA_1024, 6, "shorter than 2048" },
        { "cut off", PEM_A "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n", 6, "cut off" },
        { "begun and nothing more", PEM_A "-----BEGIN PUBLIC KEY-----\n", 5, "cut off" },
        { "another end", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END CERTIFICATE-----\n", 3, "damaged" },
        { "bad base64", "-----BEGIN PUBLIC KEY-----\n****\n-----END PUBLIC KEY-----\n", 3, "damaged" },
        { "headers", "-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END PUBLIC KEY-----\n", 5,
          "without headers" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed p = parse(rows[i].text);
        bool spoils = strstr(rows[i].words, "cut off") != NULL || strstr(rows[i].words, "damaged") != NULL;
        bool others = strncmp(rows[i].text, PEM_A, strlen(PEM_A)) == 0 && !spoils;

        ck_assert_msg(p.ok == others, "%s: %s", rows[i].name, first_problem(&p));
        ck_assert_msg(counting(&p) == (others ? 1 : 0), "%s: %zu logs count", rows[i].name, counting(&p));
        ck_assert_msg(p.problems.count >= 1 && p.problems.items[0].line == rows[i].line &&
                          strstr(p.problems.items[0].text, rows[i].words) != NULL,
                      "%s: expected line %u \"%s\", found line %u \"%s\"", rows[i].name, rows[i].line, rows[i].words,
                      p.problems.count > 0 ? p.problems.items[0].line : 0, first_problem(&p));
        parsed_clear(&p);
    }
    assert_accepted("the same key twice", PEM_A PEM_A, 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        reads_one_key_or_several,
        refuses_what_matters_and_says_where,
    };

    return unit_run(suite_of("log_list_pem", tests, sizeof tests / sizeof tests[0]));
}
