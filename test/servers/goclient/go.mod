// SPDX-License-Identifier: Apache-2.0
module clientct.test/goclient

go 1.19
