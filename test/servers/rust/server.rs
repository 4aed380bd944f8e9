// SPDX-License-Identifier: Apache-2.0
// usage: server PORT FOLDER, where server.pem, server.key and ca.pem are
use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod, SslVerifyMode};
use std::io::{Read, Write};
use std::net::TcpListener;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let (port, pki) = (&arguments[1], &arguments[2]);
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    builder.set_certificate_chain_file(format!("{pki}/server.pem")).unwrap();
    builder.set_private_key_file(format!("{pki}/server.key"), SslFiletype::PEM).unwrap();
    builder.set_ca_file(format!("{pki}/ca.pem")).unwrap();
    builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    builder.set_session_id_context(b"server").unwrap();
    let acceptor = builder.build();
    for plain in TcpListener::bind(format!("127.0.0.1:{port}")).unwrap().incoming() {
        match acceptor.accept(plain.unwrap()) {
            Ok(mut tls) => {
                let _ = tls.read(&mut [0; 4096]);
                let _ = tls.write_all(b"HTTP/1.0 200 OK\r\n\r\nserved\n");
                let _ = tls.shutdown();
            }
            Err(problem) => eprintln!("{problem}"),
        }
    }
}
