// SPDX-License-Identifier: Apache-2.0

// A TLS client that answers the server's wish for SCTs: OpenSSL's own clients cannot (extension 18 in the Certificate
// message, RFC 8446, section 4.4.2.1). Prints one line, "accepted VERSION" or "refused VERSION: ERROR", and exits 0 or 1.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"time"
)

var (
	connect    = flag.String("connect", "", "HOST:PORT")
	cert       = flag.String("cert", "", "client certificate and chain, PEM; none: no certificate")
	key        = flag.String("key", "", "its key, PEM")
	scts       = flag.String("scts", "", "a SignedCertificateTimestampList to send (TLS 1.3 only)")
	ca         = flag.String("ca", "", "the server's CA, PEM")
	serverName = flag.String("server-name", "localhost", "SNI, and the name in the server's certificate")
	version    = flag.String("tls", "1.3", "1.2 or 1.3")
	send       = flag.String("send", "GET / HTTP/1.0\r\n\r\n", "what to send once connected")
	timeout    = flag.Duration("timeout", 20*time.Second, "for everything")
)

// Taken apart only because crypto/tls wants the SCTs one by one; what is in them is sent as it stands.
func readSCTs(name string) ([][]byte, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if len(data) < 2 || int(binary.BigEndian.Uint16(data)) != len(data)-2 {
		return nil, errors.New("the list's length is not the file's")
	}
	var list [][]byte
	for data = data[2:]; len(data) > 0; {
		if len(data) < 2 || int(binary.BigEndian.Uint16(data)) > len(data)-2 {
			return nil, errors.New("an SCT is longer than the list")
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		list = append(list, data[2:end])
		data = data[end:]
	}
	return list, nil
}

func config() (*tls.Config, error) {
	c := &tls.Config{ServerName: *serverName, MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS13}
	if *version == "1.2" {
		c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	} else if *version != "1.3" {
		return nil, fmt.Errorf("-tls %s: expected 1.2 or 1.3", *version)
	}
	pem, err := os.ReadFile(*ca)
	if err != nil {
		return nil, err
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in -ca")
	}
	if *cert == "" {
		return c, nil
	}
	pair, err := tls.LoadX509KeyPair(*cert, *key)
	if err != nil {
		return nil, err
	}
	if *scts != "" {
		if pair.SignedCertificateTimestamps, err = readSCTs(*scts); err != nil {
			return nil, fmt.Errorf("%s: %w", *scts, err)
		}
	}
	// Whatever CAs the server names: which certificate it gets is the test's choice.
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	return c, nil
}

// In TLS 1.3 the client is done before the server has looked at its certificate: only an answer means acceptance.
func talk(c *tls.Config) error {
	plain, err := net.DialTimeout("tcp", *connect, *timeout)
	if err != nil {
		return err
	}
	defer plain.Close()
	plain.SetDeadline(time.Now().Add(*timeout))
	conn := tls.Client(plain, c)
	if err := conn.Handshake(); err != nil {
		return err
	}
	if _, err := conn.Write([]byte(*send)); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	return err
}

func main() {
	flag.Parse()
	c, err := config()
	if err != nil {
		fmt.Fprintln(os.Stderr, "goclient:", err)
		os.Exit(2)
	}
	if err := talk(c); err != nil {
		fmt.Printf("refused %s: %v\n", *version, err)
		os.Exit(1)
	}
	fmt.Printf("accepted %s\n", *version)
}
