package data

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

// The files are those that SciPy writes, compressed and not (testdata/make.py).
func TestSVHN(t *testing.T) {
	for _, name := range []string{"svhn.mat", "svhn-plain.mat"} {
		s, err := decodeSVHN(bytes.NewReader(testdata(t, name)), 3)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.Equal(s.Labels, []int32{0, 1, 9}) {
			t.Errorf("%s: labels %v, want 0 (written as 10), 1, 9", name, s.Labels)
		}
		for i, v := range s.Images {
			n, r, c, ch := i/svhnImage, i/96%32, i/3%32, i%3
			if want := byte(3*r + 5*c + 70*ch + 11*n); v != want {
				t.Fatalf("%s: image %d, row %d, column %d, channel %d is %d, want %d", name, n, r, c, ch, v, want)
			}
		}
	}
}

func TestSVHNFaults(t *testing.T) {
	plain := testdata(t, "svhn-plain.mat")
	at := func(text string) int { // of the name of an array
		i := bytes.Index(plain, []byte(text))
		if i < 0 {
			t.Fatalf("no %q in the file", text)
		}
		return i
	}
	x := at("\x01\x00\x01\x00X") // the small element of the name
	for _, c := range []struct {
		name, words string
		n           int
		damage      func(b []byte) []byte
	}{
		{"empty", "128 bytes", 3, func(b []byte) []byte { return nil }},
		{"a page", "128 bytes", 3, func(b []byte) []byte { return []byte("<html>") }},
		{"another file", "not a MAT file", 3, func(b []byte) []byte { return make([]byte, 500) }},
		{"MATLAB 7.3", "save -v7", 3, func(b []byte) []byte {
			return append(make([]byte, 512), "\x89HDF\r\n\x1a\n"...)
		}},
		{"no arrays", "no array", 3, func(b []byte) []byte { return b[:128] }},
		{"more images wanted", "dimensions [32 32 3 3], want [32 32 3 4]", 4, func(b []byte) []byte { return b }},
		{"cut", "cut", 3, func(b []byte) []byte { return b[:5000] }},
		{"cut in a tag", "cut in the tag", 3, func(b []byte) []byte { return b[:132] }},
		{"label 0", "label 1 is 0", 3, func(b []byte) []byte {
			return bytes.Replace(b, []byte{10, 1, 9}, []byte{10, 0, 9}, 1)
		}},
		{"another name", "no array X", 3, func(b []byte) []byte { b[x+4] = 'Z'; return b }},
		{"doubles", "type 9, want", 3, func(b []byte) []byte { b[x+8] = 9; return b }},
		{"a huge element", "array X", 3, func(b []byte) []byte { copy(b[x+12:], "\xff\xff\xff\x7f"); return b }},
		{"unknown element", "element of type 99", 3, func(b []byte) []byte { b[128] = 99; return b }},
	} {
		_, err := decodeSVHN(bytes.NewReader(c.damage(bytes.Clone(plain))), c.n)
		if err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.words)
		}
	}
	// zlib's checksum is looked at.
	small := testdata(t, "svhn.mat")
	small[len(small)-1] ^= 1
	_, err := decodeSVHN(bytes.NewReader(small), 3)
	wantError(t, err, "checksum")
}

func TestSVHNFolder(t *testing.T) {
	b := testdata(t, "svhn.mat")
	d := known(t, "svhn")
	d.read = svhnReader(3, 3)
	dir := write(t, map[string][]byte{"svhn/train_32x32.mat": b, "svhn/test_32x32.mat": b})
	s, err := d.openSet(t.Context(), Options{Dir: dir, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, 3, 3, 10)
	if s.Info.Bytes != record.Unofficial {
		t.Errorf("bytes %q, want %q", s.Info.Bytes, record.Unofficial)
	}
}

func FuzzSVHN(f *testing.F) {
	f.Add(testdata(f, "svhn.mat"))
	f.Add(testdata(f, "svhn-plain.mat"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeSVHN(bytes.NewReader(b), 3)
		if err != nil {
			return
		}
		if len(s.Images) != 3*svhnImage || len(s.Labels) != 3 {
			t.Errorf("%d bytes of images, labels %v", len(s.Images), s.Labels)
		}
	})
}
