// SPDX-License-Identifier: Apache-2.0

// tessera reads a static-ct log as a Go program on tessera's client would: bundles from its stream, the tree by
// transparency-dev/merkle to the signed root, every certificate by crypto/x509, a match of URIs.
// usage: tessera URL PREFIX; prints entries and matches.
package main

import (
	"bytes"
	"context"
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

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
)

func fail(what ...any) {
	fmt.Fprintln(os.Stderr, what...)
	os.Exit(1)
}

func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	return io.ReadAll(response.Body)
}

type leaf struct {
	certificate []byte
	hash        []byte
}

func u24(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }

// TileLeafs of c2sp.org/static-ct-api.
func unbundle(data []byte) ([]leaf, error) {
	var leaves []leaf
	for len(data) > 0 {
		start, precertificate := 10, binary.BigEndian.Uint16(data[8:]) == 1
		if precertificate {
			start += sha256.Size
		}
		body := data[start+3 : start+3+u24(data[start:])]
		end := start + 3 + len(body)
		end += 2 + int(binary.BigEndian.Uint16(data[end:]))
		hash := rfc6962.DefaultHasher.HashLeaf(append([]byte{0, 0}, data[:end]...))
		if precertificate {
			body = data[end+3 : end+3+u24(data[end:])]
			end += 3 + len(body)
		}
		end += 2 + sha256.Size*int(binary.BigEndian.Uint16(data[end:])/sha256.Size)
		leaves = append(leaves, leaf{body, hash})
		data = data[end:]
	}
	return leaves, nil
}

func main() {
	base, prefix := os.Args[1], os.Args[2]
	ctx := context.Background()
	checkpoint, err := get(ctx, base+"checkpoint")
	if err != nil {
		fail(err)
	}
	lines := strings.Split(string(checkpoint), "\n")
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil {
		fail(err)
	}
	signed, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil {
		fail(err)
	}
	bundles := client.EntryBundles(ctx, 6,
		func(context.Context) (uint64, error) { return size, nil },
		func(ctx context.Context, index uint64, p uint8) ([]byte, error) {
			return get(ctx, base+"tile/data/"+layout.NWithSuffix(0, index, p))
		}, 0, size)
	tree := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	matches := 0
	for entry, err := range client.Entries(bundles, unbundle) {
		if err != nil {
			fail(err)
		}
		if err := tree.Append(entry.Entry.hash, nil); err != nil {
			fail(err)
		}
		certificate, err := x509.ParseCertificate(entry.Entry.certificate)
		if err != nil {
			continue
		}
		for _, uri := range certificate.URIs {
			if strings.HasPrefix(uri.String(), prefix) {
				matches++
			}
		}
	}
	root, err := tree.GetRootHash(nil)
	if err != nil || !bytes.Equal(root, signed) {
		fail("not the signed root", err)
	}
	fmt.Println(tree.End(), matches)
}
