// SPDX-License-Identifier: Apache-2.0

// read_log reads a tiled log as a Go program would: every entry with crypto/x509, a match of URIs, and the tree to the
// signed root, with what Go's standard library has. usage: read_log URL PREFIX; prints entries and matches.
package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
)

func get(url string) []byte {
	response, err := http.Get(url)
	if err != nil || response.StatusCode != 200 {
		fmt.Fprintln(os.Stderr, url, err)
		os.Exit(1)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		fmt.Fprintln(os.Stderr, url, err)
		os.Exit(1)
	}
	return body
}

func path(n uint64) string {
	out := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		out = fmt.Sprintf("x%03d/%s", n%1000, out)
	}
	return out
}

func node(left, right [32]byte) [32]byte {
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

func u24(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }

func main() {
	base, prefix := os.Args[1], os.Args[2]
	lines := strings.Split(string(get(base+"checkpoint")), "\n")
	size, _ := strconv.ParseUint(lines[1], 10, 64)
	signed, _ := base64.StdEncoding.DecodeString(lines[2])
	var range_ [][32]byte
	entries, matches := uint64(0), 0
	var bundles []chan []byte
	for n := uint64(0); n*256 < size; n++ {
		bundles = append(bundles, make(chan []byte, 1))
	}
	tokens := make(chan bool, 6)
	go func() {
		for n := range bundles {
			tokens <- true
			go func(n int) {
				name := path(uint64(n))
				if rest := size - uint64(n)*256; rest < 256 {
					name += fmt.Sprintf(".p/%d", rest)
				}
				bundles[n] <- get(base + "tile/data/" + name)
			}(n)
		}
	}()
	for _, bundle := range bundles {
		data := <-bundle
		<-tokens
		for len(data) > 0 {
			start, end := 10, 0
			if binary.BigEndian.Uint16(data[8:]) == 1 {
				start += 32
			}
			body := data[start+3 : start+3+u24(data[start:])]
			end = start + 3 + len(body)
			end += 2 + int(binary.BigEndian.Uint16(data[end:]))
			hash := sha256.Sum256(append([]byte{0, 0, 0}, data[:end]...))
			if start == 10 {
				certificate, err := x509.ParseCertificate(body)
				if err == nil {
					for _, uri := range certificate.URIs {
						if strings.HasPrefix(uri.String(), prefix) {
							matches++
						}
					}
				}
			} else {
				end += 3 + u24(data[end:])
			}
			end += 2 + int(binary.BigEndian.Uint16(data[end:]))
			data = data[end:]
			for carry := entries; carry&1 == 1; carry >>= 1 {
				hash = node(range_[len(range_)-1], hash)
				range_ = range_[:len(range_)-1]
			}
			range_ = append(range_, hash)
			entries++
		}
	}
	root := range_[len(range_)-1]
	for i := len(range_) - 2; i >= 0; i-- {
		root = node(range_[i], root)
	}
	if !bytes.Equal(root[:], signed) {
		fmt.Fprintln(os.Stderr, "not the signed root")
		os.Exit(1)
	}
	fmt.Println(entries, matches)
}
