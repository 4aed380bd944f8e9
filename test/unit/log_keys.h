/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys for tests of logs and lists, in base64, with their log ids. Nobody holds the private keys. */
#ifndef CT_TEST_LOG_KEYS_H
#define CT_TEST_LOG_KEYS_H

#define KEY_P256_A \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErx1N2bVIEv0EV8AfekE/2cK2q+oAJfX7JPHxj70QhT6LqhhWiuJ7X9EIp6CAnExT" \
    "nCa61YAcem8ZfOle4679Mw=="
#define ID_P256_A "kxiNfqQsXQgWTM6Xt4pzIiRwSSKZttMSucQT0GttMOI="

#define KEY_P256_B \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfUQqE3R+845wS/wq8OJvRHAp3D+MYgZLJHRRqBBoW/XJLtqDjMGzi/9oUCoi2TR5" \
    "6DTrYGACs0mtnzm5lczHQA=="
#define ID_P256_B "8fCZ4Iyg+odlxMpD0EDhVf5Z1/yMrkUaA2bt8vKXAw4="

#define KEY_P256_C \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsbt+fhwwPy534rgzA62fah8KtHY51UGy3NygTq1BhZ1XNKuMrR8qV+UBDfwnXurT" \
    "Qs/gGqHPXZUb1oj4FY06WQ=="
#define ID_P256_C "4Iaps+gxAwai1J+1y5FE6tGZeNb3k1GGtyD3/hasbz0="

#define KEY_RSA_2048 \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3LvjaeWfUfMQPo7yVl4BQsrIU+G2+TN1jpJufOVlQBK/9ecLrAYvJa6K" \
    "RnSXLKs/Zv2JtsFzLc7XSC4YB+rmAlBcgIJRDcvB2U9FZUnmBVFJXPHyu/0vWbiQZH/jH8EoqRJL5ET73r3U/2OcMF6A2Ditk7ZG" \
    "lG4iAhtXLV7WUpIh4zRmUTgNd5UOTifSF79OwZisNYa5+mSpw9tl7plhyM/OqP+W9MMZ9ICwUSaUpzs+NRX0CWFZzSv5eOgIct7C" \
    "IIu51FCpCCT9x+AZUnmV1RJ4LoFW8c8t1c61NybaEa8mmLS5jm7/9twf2cPQY+fEheTepqoGH6WuIcZqfjavLQIDAQAB"
#define ID_RSA_2048 "ELL9QKHf0u23peb2TlZqC1isjTKvMZwN4eR+zaPLnoM="

#define KEY_RSA_1024 \
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDo2Ivk9p13XeJL8ynesZYR4HUdlkTbXKtuldWNIVxVD4HyzxuKoJKBBV7vbmGJ" \
    "tiZXwmjwMRMipObvxtOmfigmQqqLhahXDVSny9eQ3JBcobta5SQn++vH+1X5pcnz+cCyugaOnfIZ2c1On0/sG2ilcrjuDvg2tdp6" \
    "lNsi0WDKGwIDAQAB"

#define KEY_P384 \
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE5Sq1Y/b+9DhE4hHcUqAHuLMD03MGjSeYcf8yHDM86HJJp60puk8llvqa75aCrXlBd+6Z" \
    "aKHMaQfyXX7h4iPYndVmI7PkqwpameFPB/wCb85r+JUS4lJzbmQkX6QbtYJt"

#define KEY_ED25519 "MCowBQYDK2VwAyEAq2deBB455B19+9dbApiu69hi8JxAyPRGpPz7ogWh3Mo="

/* The RSAPublicKey in KEY_RSA_2048. */
#define BARE_RSA_2048 \
    "MIIBCgKCAQEA3LvjaeWfUfMQPo7yVl4BQsrIU+G2+TN1jpJufOVlQBK/9ecLrAYvJa6KRnSXLKs/Zv2JtsFzLc7XSC4YB+rmAlBc" \
    "gIJRDcvB2U9FZUnmBVFJXPHyu/0vWbiQZH/jH8EoqRJL5ET73r3U/2OcMF6A2Ditk7ZGlG4iAhtXLV7WUpIh4zRmUTgNd5UOTifS" \
    "F79OwZisNYa5+mSpw9tl7plhyM/OqP+W9MMZ9ICwUSaUpzs+NRX0CWFZzSv5eOgIct7CIIu51FCpCCT9x+AZUnmV1RJ4LoFW8c8t" \
    "1c61NybaEa8mmLS5jm7/9twf2cPQY+fEheTepqoGH6WuIcZqfjavLQIDAQAB"

#endif
