package data

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/gocollapse/collapse/data/archive"
	"github.com/gocollapse/collapse/record"
)

// miniSTL10 is STL-10 with 12 training and 11 test images of stlPixel, and its files.
func miniSTL10(t *testing.T) (d dataset, files map[string][]byte) {
	t.Helper()
	names := []string{"train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin"}
	files = map[string][]byte{}
	for s, n := range []int{12, 11} {
		var images, labels []byte
		for i := range n {
			labels = append(labels, byte(1+i%10))
			for j := range stlImage { // planes of columns
				images = append(images, stlPixel(i, j/stlSide/stlSide, j/stlSide%stlSide, j%stlSide))
			}
		}
		files[names[2*s]], files[names[2*s+1]] = images, labels
	}
	d = known(t, "stl10")
	d.archive.Files = nil
	for _, name := range names {
		b := files[name]
		d.archive.Files = append(d.archive.Files,
			archive.Member{Name: name, Size: int64(len(b)), MD5: fmt.Sprintf("%x", md5.Sum(b))})
	}
	return d, files
}

// stlPixel is the value of channel c at column x and row y of image n.
func stlPixel(n, c, x, y int) byte { return byte(31*n + 70*c + 3*x + 5*y + x*y) }

func TestSTL10(t *testing.T) {
	d, files := miniSTL10(t)
	s, err := d.openSet(t.Context(), Options{Dir: write(t, files)})
	if err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, 12, 11, 10)
	if s.Info.Bytes != record.Official {
		t.Errorf("bytes %q: the MD5 sums are the published ones", s.Info.Bytes)
	}
	for i := range s.Train.Len() {
		if s.Train.Labels[i] != int32(i%10) {
			t.Errorf("label %d is %d, want %d", i, s.Train.Labels[i], i%10)
		}
		for p, v := range s.Image(s.Train, i) {
			y, x, c := p/3/stlSide, p/3%stlSide, p%3
			if want := stlPixel(i, c, x, y); v != want {
				t.Fatalf("image %d, row %d, column %d, channel %d is %d, want %d", i, y, x, c, v, want)
			}
		}
	}
}

func TestSTL10Faults(t *testing.T) {
	d, files := miniSTL10(t)
	for _, c := range []struct {
		file, words string
		damage      func([]byte) []byte
	}{
		{"train_y.bin", "label 2 is 0, want 1 to 10", func(b []byte) []byte { b[2] = 0; return b }},
		{"train_y.bin", "label 2 is 11, want 1 to 10", func(b []byte) []byte { b[2] = 11; return b }},
		{"test_X.bin", "want 304128", func(b []byte) []byte { return b[1:] }},
	} {
		bad := maps.Clone(files)
		bad[c.file] = c.damage(bytes.Clone(files[c.file]))
		_, err := d.openSet(t.Context(), Options{Dir: write(t, bad)})
		wantError(t, err, c.file, c.words)
	}
}

// The unlabelled images, most of the archive, stay in it.
func TestSTL10Unlabelled(t *testing.T) {
	d, files := miniSTL10(t)
	var entries []entry
	for name, b := range files {
		entries = append(entries, entry{Name: "stl10_binary/" + name, Body: b})
	}
	entries = append(entries, entry{Name: "stl10_binary/unlabeled_X.bin", Body: make([]byte, 3<<20)})
	body := pack(t, entries)
	d.archive.Sources = []archive.Source{{
		URLs: []string{serve(t, body).URL + "/stl10_binary.tar.gz"},
		Size: int64(len(body)), MD5: fmt.Sprintf("%x", md5.Sum(body)), Packed: true,
	}}
	dir := t.TempDir()
	s, err := d.openSet(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, 12, 11, 10)
	if s.Info.Source != "archive" || s.Info.Bytes != record.Official {
		t.Errorf("source %q, bytes %q", s.Info.Source, s.Info.Bytes)
	}
	if _, err := os.Stat(filepath.Join(dir, "stl10_binary", "unlabeled_X.bin")); err == nil {
		t.Error("the unlabelled images were unpacked")
	}
}

func FuzzDecodeSTL(f *testing.F) {
	f.Add(make([]byte, stlImage), 1)
	f.Add([]byte{1, 2, 3}, 3)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n < 0 || n > 5 {
			return
		}
		err := decodeSTLImages(bytes.NewReader(b), make([]byte, n*stlImage))
		if (err == nil) != (len(b) == n*stlImage) {
			t.Errorf("%d bytes as %d images: error %v", len(b), n, err)
		}
		labels := make([]int32, n)
		if err := decodeSTLLabels(bytes.NewReader(b), labels); err == nil {
			for i, l := range labels {
				if l != int32(b[i])-1 || l < 0 || l > 9 {
					t.Errorf("label %d of %v is %d", i, b, l)
				}
			}
		}
	})
}
