// SPDX-License-Identifier: Apache-2.0

//go:build pinned

// Package pinned names the CT log that test_ct_log.py builds, so that its version and the hashes of all its modules
// stay in go.mod and go.sum. Nothing here is compiled.
package pinned

import _ "github.com/transparency-dev/tesseract/cmd/tesseract/posix"
