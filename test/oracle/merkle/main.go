// SPDX-License-Identifier: Apache-2.0

// merkle asks github.com/transparency-dev/merkle what it thinks of inclusion and consistency proofs, good and damaged
// ones, and prints question and answer, a line each, for merkle_check to compare with ours:
//
//	I INDEX SIZE LEAF ROOT yes|no HASH...
//	C OLD_SIZE SIZE OLD_ROOT ROOT yes|no HASH...
package main

import (
	"bufio"
	"fmt"
	"math/rand"
	"os"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
)

const (
	small  = 600    // every pair up to this size
	large  = 100000 // a tree of which samples are taken
	sample = 3000
)

var (
	out    = bufio.NewWriterSize(os.Stdout, 1<<20)
	random = rand.New(rand.NewSource(6962))
	hasher = rfc6962.DefaultHasher
)

func say(kind byte, a, b uint64, x, y []byte, hashes [][]byte, err error) {
	verdict := "yes"
	if err != nil {
		verdict = "no"
	}
	fmt.Fprintf(out, "%c %d %d %x %x %s", kind, a, b, x, y, verdict)
	for _, h := range hashes {
		fmt.Fprintf(out, " %x", h)
	}
	out.WriteByte('\n')
}

func inclusion(index, size uint64, leaf, root []byte, hashes [][]byte) {
	say('I', index, size, leaf, root, hashes, proof.VerifyInclusion(hasher, index, size, leaf, hashes, root))
}

func consistency(old, size uint64, oldRoot, root []byte, hashes [][]byte) {
	say('C', old, size, oldRoot, root, hashes, proof.VerifyConsistency(hasher, old, size, hashes, oldRoot, root))
}

// damaged gives the proof with one thing changed.
func damaged(hashes [][]byte) [][]byte {
	other := append([][]byte{}, hashes...)
	switch k := random.Intn(4); {
	case k == 0 && len(other) > 0:
		return other[:len(other)-1]
	case k == 1 && len(other) > 1:
		i := random.Intn(len(other) - 1)
		other[i], other[i+1] = other[i+1], other[i]
		return other
	case k == 2 && len(other) > 0:
		i := random.Intn(len(other))
		other[i] = hasher.HashLeaf(other[i])
		return other
	}
	return append(other, hasher.HashLeaf([]byte{1}))
}

func must[T any](v T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return v
}

func ask(tree *testonly.Tree, m, n uint64, leaf bool) {
	root := tree.HashAt(n)
	if leaf {
		hashes := must(tree.InclusionProof(m, n))
		inclusion(m, n, tree.LeafHash(m), root, hashes)
		if random.Intn(20) == 0 {
			inclusion(m, n, tree.LeafHash(m), root, damaged(hashes))
			inclusion(uint64(random.Intn(int(n))), n, tree.LeafHash(m), root, hashes)
			inclusion(m, n+uint64(random.Intn(5)), tree.LeafHash(m), root, hashes)
		}
		return
	}
	hashes := must(tree.ConsistencyProof(m, n))
	consistency(m, n, tree.HashAt(m), root, hashes)
	if random.Intn(20) == 0 {
		consistency(m, n, tree.HashAt(m), root, damaged(hashes))
		consistency(m, n+uint64(random.Intn(5)), tree.HashAt(m), root, hashes)
		consistency(m, n, root, tree.HashAt(m), hashes)
	}
}

func main() {
	defer out.Flush()
	tree := testonly.New(hasher)
	for i := 0; i < large; i++ {
		tree.AppendData([]byte(fmt.Sprintf("leaf %d", i)))
	}
	for n := uint64(1); n <= small; n++ {
		for m := uint64(0); m < n; m++ {
			ask(tree, m, n, true)
			ask(tree, m+1, n, false)
		}
	}
	for i := 0; i < sample; i++ {
		n := 1 + uint64(random.Int63n(large))
		ask(tree, uint64(random.Int63n(int64(n))), n, true)
		ask(tree, 1+uint64(random.Int63n(int64(n))), n, false)
	}
	// Trees larger than any that can be built: made-up hashes, and the root that they lead to.
	for i := 0; i < sample; i++ {
		size := 1 + uint64(random.Int63n(1<<uint(1+random.Intn(40))))
		index := uint64(random.Int63n(int64(size)))
		leaf := hasher.HashLeaf([]byte{byte(i)})
		for length := 0; length <= 41; length++ {
			hashes := make([][]byte, length)
			for j := range hashes {
				hashes[j] = hasher.HashLeaf([]byte{byte(i), byte(j)})
			}
			root, err := proof.RootFromInclusionProof(hasher, index, size, leaf, hashes)
			if err == nil {
				inclusion(index, size, leaf, root, hashes)
				inclusion(index, size, leaf, root, damaged(hashes))
				break
			}
		}
	}
}
