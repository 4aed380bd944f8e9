/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between doctor and its stand-in: an object that is preloaded into a program and runs in place of its main(), with the
 * program's own OpenSSL, as a TLS server for a few handshakes. Its arguments are the program's:
 *
 *   PROGRAM  WORDS MATERIAL CONNECTIONS  CONFIG-NAME LIBRARY AWAY
 *
 * WORDS, MATERIAL and CONNECTIONS (separated by commas) are descriptors. Where CONFIG-NAME is "-" no configuration is
 * read, and where it is empty the usual one; with "=" before it, openssl_conf is not taken where it is missing.
 * LIBRARY is loaded first. AWAY is a file that cannot be loaded: its device and inode as "DEV:INO". Both may be empty.
 */
#ifndef CT_TOOL_STAND_IN_H
#define CT_TOOL_STAND_IN_H

/*
 * It answers with lines: a word, a space, and text to the end of the line.
 *
 *   library TEXT     version and path of the OpenSSL that the program has
 *   file ERRNO PATH  the openssl.cnf that is meant, and whether it can be opened (0: it can)
 *   setting NAME VALUE   what an SSL_CTX has without being told, and which providers there are
 *   second PATH      another libcrypto is there
 *   absent TEXT      there is no OpenSSL in the program; the end
 *   init-failed      the initialisation failed
 *   error TEXT       an entry of the error queue; belongs to the line before
 *   component PATH   a component is there that publishes its status, as "DEV:INO PATH"
 *   context-failed   no SSL_CTX could be made or filled; the end
 *   client N in|out  how handshake N ended: let in, or not
 *   status HEX       struct ct_process_status, after what happened last
 *   end              all is said
 */
#define STAND_IN_NO_CONFIG "-"

/* Four blobs, each with its length as four bytes, big end first, before it: */
enum stand_in_material {
    STAND_IN_CERTIFICATE, /* the server's, in DER */
    STAND_IN_KEY,         /* PKCS#8 or as d2i_AutoPrivateKey takes it */
    STAND_IN_CA,          /* what the server trusts */
    STAND_IN_OTHER_CA,    /* the same; empty: none */
    STAND_IN_MATERIAL_COUNT
};
#define STAND_IN_BLOB_MAX 65536u
#define STAND_IN_ANSWER "in\n" /* what the server sends to who is let in */

#endif
