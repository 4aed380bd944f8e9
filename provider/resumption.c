#include "resumption.h"

void ct_resumption_refuse(SSL *ssl)
{
    SSL_SESSION *session = SSL_get_session(ssl);

    /* Enough for TLS 1.3, where the tickets are sent after this; 1.2 has announced its ticket already. */
    SSL_set_num_tickets(ssl, 0);
    if (session == NULL) {
        return;
    }
    /* A session made in January 1970 is over, in the server's cache as well as in a ticket that comes back. */
#if OPENSSL_VERSION_NUMBER >= 0x30300000L
    SSL_SESSION_set_time_ex(session, 1);
#else
    SSL_SESSION_set_time(session, 1);
#endif
}
