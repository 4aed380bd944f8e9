// SPDX-License-Identifier: Apache-2.0
module clientct.test/merkle

go 1.22

require github.com/transparency-dev/merkle v0.0.2
