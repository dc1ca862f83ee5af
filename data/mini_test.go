package data

import (
	"archive/tar"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/gocollapse/collapse/data/archive"
	"github.com/gocollapse/collapse/data/archive/archivetest"
)

var (
	pack, serve, wantError = archivetest.Pack, archivetest.Serve, archivetest.WantError
	write                  = archivetest.Write
)

type entry = archivetest.Entry

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// known returns a set of the table with a copy of its archive, for a test to change.
func known(t testing.TB, name string) dataset {
	t.Helper()
	d, err := find(name)
	if err != nil {
		t.Fatal(err)
	}
	a := *d.archive
	d.archive = &a
	return d
}

// miniRecords is the number of records in each file of the small CIFAR-10.
const miniRecords = 20

// miniFiles makes the six files of a small CIFAR-10 of random pixels.
func miniFiles() []entry {
	rng := rand.New(rand.NewPCG(1, 2))
	var entries []entry
	for _, m := range cifar10Files(miniRecords) {
		b := make([]byte, m.Size)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		for i := range miniRecords {
			b[i*cifarRecord] = byte(i % 10)
		}
		entries = append(entries, entry{Name: "cifar-10-batches-bin/" + m.Name, Body: b})
	}
	return entries
}

// official returns the entries in the order and with the extra files of the official archive.
func official() []entry {
	l := []entry{{Name: "cifar-10-batches-bin/", Kind: tar.TypeDir}}
	l = append(l, miniFiles()...)
	return append(l,
		entry{Name: "cifar-10-batches-bin/batches.meta.txt", Body: []byte("airplane\n")},
		entry{Name: "cifar-10-batches-bin/readme.html", Body: []byte("<html>\n")})
}

// miniSet is CIFAR-10 as if body were its official archive.
func miniSet(t testing.TB, body []byte, url string) dataset {
	d := known(t, "cifar10")
	d.archive.Sources = []archive.Source{{
		URLs:   []string{url + "/cifar-10-binary.tar.gz"},
		Size:   int64(len(body)),
		SHA256: fmt.Sprintf("%x", sha256.Sum256(body)),
		Packed: true,
	}}
	d.archive.Files = cifar10Files(miniRecords)
	return d
}

// miniFolder writes the unpacked files into a new folder.
func miniFolder(t testing.TB) string {
	t.Helper()
	files := map[string][]byte{}
	for _, e := range miniFiles() {
		files[e.Name] = e.Body
	}
	return filepath.Join(write(t, files), "cifar-10-batches-bin")
}

// wantMini checks the images, labels and hashes of miniFiles.
func wantMini(t *testing.T, s *Set) {
	t.Helper()
	files := miniFiles()
	if s.Train.Len() != 5*miniRecords || s.Test.Len() != miniRecords {
		t.Fatalf("%d + %d images, want %d + %d", s.Train.Len(), s.Test.Len(), 5*miniRecords, miniRecords)
	}
	for i := range 6 * miniRecords {
		split, j := s.Train, i
		if i >= 5*miniRecords {
			split, j = s.Test, i-5*miniRecords
		}
		rec := files[i/miniRecords].Body[i%miniRecords*cifarRecord:][:cifarRecord]
		if split.Labels[j] != int32(rec[0]) {
			t.Fatalf("image %d has label %d, want %d", i, split.Labels[j], rec[0])
		}
		for p, v := range s.Image(split, j) {
			if want := rec[1+p%3*cifarPixels+p/3]; v != want {
				t.Fatalf("image %d, row %d, column %d, channel %d is %d, want %d", i, p/3/32, p/3%32, p%3, v, want)
			}
		}
	}
	for i, f := range s.Info.Files {
		want := fmt.Sprintf("%x", sha256.Sum256(files[i].Body))
		if f.SHA256 != want || f.Name != filepath.Base(files[i].Name) {
			t.Errorf("file %d is %+v, want %s with hash %s", i, f, files[i].Name, want)
		}
	}
}

// wantSet checks what every set promises: sizes that fit, labels in range, an Info that says the
// same, and statistics that are those of the images or customary.
func wantSet(t *testing.T, s *Set, train, test, k int) {
	t.Helper()
	in := s.Info
	if in.Train != train || in.Test != test || len(in.Classes) != k ||
		in.Height != s.Height || in.Width != s.Width || in.Channels != s.Channels {
		t.Fatalf("info %d + %d images of %d classes, %d×%d×%d; want %d + %d of %d, %d×%d×%d",
			in.Train, in.Test, len(in.Classes), in.Height, in.Width, in.Channels,
			train, test, k, s.Height, s.Width, s.Channels)
	}
	one := s.Height * s.Width * s.Channels
	for _, p := range []struct {
		s Split
		n int
	}{{s.Train, train}, {s.Test, test}} {
		if p.s.Len() != p.n || len(p.s.Images) != p.n*one {
			t.Fatalf("%d labels and %d bytes of images, want %d and %d", p.s.Len(), len(p.s.Images), p.n, p.n*one)
		}
		for i, l := range p.s.Labels {
			if l < 0 || int(l) >= k {
				t.Fatalf("label %d is %d, want 0 to %d", i, l, k-1)
			}
		}
	}
	if len(in.Mean) != s.Channels || len(in.Std) != s.Channels || in.Name == "" || in.Preparation == "" ||
		len(in.Files) == 0 {
		t.Errorf("info is not complete: %+v", in)
	}
	for _, f := range in.Files {
		if len(f.SHA256) != 64 || f.Name == "" || f.Size < 1 {
			t.Errorf("file %+v", f)
		}
	}
}
