package data

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/data/idx"
)

// A file that declares much more than it holds costs no more memory than it holds.
func TestDeclaredSizesAreNotTrusted(t *testing.T) {
	plain := testdata(t, "svhn-plain.mat")
	x := bytes.Index(plain, []byte("\x01\x00\x01\x00X"))
	const n = 1 << 20 // 3 GiB of images
	mat := slices.Concat(plain[:x+16], make([]byte, 100))
	binary.LittleEndian.PutUint32(mat[x-4:], n)            // the last dimension
	binary.LittleEndian.PutUint32(mat[x+12:], n*svhnImage) // the size of the values
	binary.LittleEndian.PutUint32(mat[132:], 1<<32-8)      // the size of the matrix
	images := slices.Concat([]byte{0, 0, 8, 3}, []byte{0, 0x0F, 0xFF, 0xFF}, []byte{0, 0, 0, 28}, []byte{0, 0, 0, 28},
		make([]byte, 100))
	cache := slices.Concat([]byte(cacheMagic), []byte{cacheVersion, 0, 0, 0}, []byte{0, 0, 0xFF, 0}, make([]byte, 104))
	for _, c := range []struct {
		name string
		read func() error
	}{
		{"MAT", func() error { _, err := decodeSVHN(bytes.NewReader(mat), n); return err }},
		{"IDX", func() error { _, err := idx.Read(bytes.NewReader(images), 3, 1<<30); return err }},
		{"decoded copy", func() error { _, _, err := readCacheHead(bytes.NewReader(cache)); return err }},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := c.read()
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "cut") {
			t.Errorf("%s: error %v, want one that says that the file is cut", c.name, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
			t.Errorf("%s: took %d bytes of memory for a file of a few hundred", c.name, took)
		}
	}
}
