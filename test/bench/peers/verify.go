// SPDX-License-Identifier: Apache-2.0

// Checks a list of SCTs over a finished certificate with Go's crypto, as a Go server would have to do it itself.
// usage: verify CERTIFICATE.der LIST.sct LOG-LIST.json ROUNDS; prints the median of nanoseconds for the whole list.
package main

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"time"
)

type logList struct {
	Operators []struct {
		Logs []struct {
			Key string `json:"key"`
		} `json:"logs"`
	} `json:"operators"`
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(name string) []byte {
	data, err := os.ReadFile(name)
	check(err)
	return data
}

func keys(data []byte) map[[32]byte]*ecdsa.PublicKey {
	var list logList
	check(json.Unmarshal(data, &list))
	result := map[[32]byte]*ecdsa.PublicKey{}
	for _, operator := range list.Operators {
		for _, log := range operator.Logs {
			spki, err := base64.StdEncoding.DecodeString(log.Key)
			check(err)
			key, err := x509.ParsePKIXPublicKey(spki)
			check(err)
			result[sha256.Sum256(spki)] = key.(*ecdsa.PublicKey)
		}
	}
	return result
}

// The digitally-signed struct of RFC 6962, section 3.2, for an x509_entry; the SCTs of the benchmark have no extensions.
func verify(certificate, sct []byte, logs map[[32]byte]*ecdsa.PublicKey) bool {
	key := logs[[32]byte(sct[1:33])]
	if key == nil || sct[41] != 0 || sct[42] != 0 {
		return false
	}
	signed := append([]byte{0, 0}, sct[33:41]...)
	signed = append(signed, 0, 0, byte(len(certificate)>>16), byte(len(certificate)>>8), byte(len(certificate)))
	signed = append(append(signed, certificate...), 0, 0)
	digest := sha256.Sum256(signed)
	return ecdsa.VerifyASN1(key, digest[:], sct[47:])
}

func main() {
	if len(os.Args) != 5 {
		check(fmt.Errorf("usage: verify CERTIFICATE.der LIST.sct LOG-LIST.json ROUNDS"))
	}
	certificate, list, logs := read(os.Args[1]), read(os.Args[2]), keys(read(os.Args[3]))
	rounds, err := strconv.Atoi(os.Args[4])
	check(err)
	times := make([]time.Duration, rounds)
	for round := range times {
		start := time.Now()
		for rest := list[2:]; len(rest) > 0; {
			end := 2 + int(binary.BigEndian.Uint16(rest))
			if !verify(certificate, rest[2:end], logs) {
				check(fmt.Errorf("an SCT does not verify"))
			}
			rest = rest[end:]
		}
		times[round] = time.Since(start)
	}
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	fmt.Println(times[rounds/2].Nanoseconds())
}
