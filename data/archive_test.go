package data

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

// miniRecords is the number of records in each file of the archive that tests use.
const miniRecords = 20

// entry is an entry of a tar archive.
type entry struct {
	name string
	body []byte
	kind byte // tar.TypeReg where 0
	link string
}

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
			b[i*cifarRecord] = byte(i % cifarClasses)
		}
		entries = append(entries, entry{name: "cifar-10-batches-bin/" + m.Name, body: b})
	}
	return entries
}

// pack makes a gzipped tar archive.
func pack(t testing.TB, entries []entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.body)), Typeflag: tar.TypeReg, Linkname: e.link}
		if e.kind != 0 {
			h.Typeflag, h.Size = e.kind, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if e.kind == 0 {
			if _, err := w.Write(e.body); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// official returns the entries in the order and with the extra files of the
// official archive.
func official() []entry {
	l := []entry{{name: "cifar-10-batches-bin/", kind: tar.TypeDir}}
	l = append(l, miniFiles()...)
	return append(l,
		entry{name: "cifar-10-batches-bin/batches.meta.txt", body: []byte("airplane\n")},
		entry{name: "cifar-10-batches-bin/readme.html", body: []byte("<html>\n")})
}

// miniArchive describes the archive of body as if it were the official one.
func miniArchive(body []byte, url string) *archive {
	a := *cifar10Archive
	a.Sources = []source{{
		URLs:   []string{url + "/cifar-10-binary.tar.gz"},
		Size:   int64(len(body)),
		SHA256: fmt.Sprintf("%x", sha256.Sum256(body)),
		Packed: true,
	}}
	a.Files = cifar10Files(miniRecords)
	return &a
}

// openCIFAR10 opens the set of a as if a were the official archive.
func (a *archive) openCIFAR10(ctx context.Context, o Options) (*Set, error) {
	d := cifar10Set()
	d.archive = a
	return d.openSet(ctx, o)
}

// miniFolder writes the unpacked files into a new folder.
func miniFolder(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "cifar-10-batches-bin")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, e := range miniFiles() {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(e.name)), e.body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// wantError checks that err is one and that it says each of words.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error does not say %q: %v", w, err)
		}
	}
}

// wantInstalled checks that dir holds the set of miniFiles, officially, and nothing
// that a failed attempt left.
func wantInstalled(t *testing.T, a *archive, dir string) {
	t.Helper()
	s, err := a.openCIFAR10(context.Background(), Options{Dir: dir, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	if s.Info.Source != "archive" || s.Info.Bytes != record.Official {
		t.Errorf("source %q, bytes %q; want archive, official", s.Info.Source, s.Info.Bytes)
	}
	wantMini(t, s)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if n := e.Name(); n != a.Folder && n != ".cifar10.lock" && n != cacheFolder {
			t.Errorf("%s was left in the folder", n)
		}
	}
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
		rec := files[i/miniRecords].body[i%miniRecords*cifarRecord:][:cifarRecord]
		if split.Labels[j] != int32(rec[0]) {
			t.Fatalf("image %d has label %d, want %d", i, split.Labels[j], rec[0])
		}
		img := s.Image(split, j)
		for p, v := range img {
			if want := rec[1+p%3*cifarPixels+p/3]; v != want {
				t.Fatalf("image %d, row %d, column %d, channel %d is %d, want %d", i, p/3/32, p/3%32, p%3, v, want)
			}
		}
	}
	for i, f := range s.Info.Files {
		if want := fmt.Sprintf("%x", sha256.Sum256(files[i].body)); f.SHA256 != want || f.Name != filepath.Base(files[i].name) {
			t.Errorf("file %d is %+v, want %s with hash %s", i, f, files[i].name, want)
		}
	}
}

func TestFolderIsAcceptedOnItsStructure(t *testing.T) {
	a := miniArchive(nil, "")
	folder := miniFolder(t)
	for _, dir := range []string{folder, filepath.Dir(folder)} {
		s, err := a.openCIFAR10(context.Background(), Options{Dir: dir, Offline: true})
		if err != nil {
			t.Fatal(err)
		}
		wantMini(t, s)
		if s.Info.Source != "folder" || s.Info.Bytes != record.Unofficial {
			t.Errorf("source %q, bytes %q; want folder, %s", s.Info.Source, s.Info.Bytes, record.Unofficial)
		}
	}
	t.Setenv(EnvDir, filepath.Dir(folder))
	if _, err := a.openCIFAR10(context.Background(), Options{Offline: true}); err != nil {
		t.Errorf("%s: %v", EnvDir, err)
	}
}

func TestFolderFaults(t *testing.T) {
	a := miniArchive(nil, "")
	for _, c := range []struct {
		name   string
		damage func(path string, b []byte) error
		words  []string
	}{
		{"cut", func(p string, b []byte) error { return os.WriteFile(p, b[:len(b)-1], 0o644) },
			[]string{"data_batch_3.bin", "61459 bytes, want 61460"}},
		{"extended", func(p string, b []byte) error { return os.WriteFile(p, append(b, 0), 0o644) },
			[]string{"data_batch_3.bin", "61461 bytes, want 61460"}},
		{"empty", func(p string, b []byte) error { return os.WriteFile(p, nil, 0o644) },
			[]string{"data_batch_3.bin", "0 bytes"}},
		{"label", func(p string, b []byte) error { b[7*cifarRecord] = 10; return os.WriteFile(p, b, 0o644) },
			[]string{"data_batch_3.bin", "record 7 has label 10, want 0 to 9"}},
		{"missing", func(p string, b []byte) error { return os.Remove(p) },
			[]string{"data_batch_3.bin", "missing", "collapse fetch"}},
		{"a folder", func(p string, b []byte) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o755)) },
			[]string{"data_batch_3.bin", "not a file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := miniFolder(t)
			path := filepath.Join(folder, "data_batch_3.bin")
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.damage(path, b); err != nil {
				t.Fatal(err)
			}
			_, err = a.openCIFAR10(context.Background(), Options{Dir: folder, Offline: true})
			wantError(t, err, c.words...)
			_, err = a.fetchFrom(context.Background(), folder, Options{Dir: t.TempDir()}, newFetcher(Options{}))
			wantError(t, err, c.words...)
		})
	}
}

// A folder is no data set when it is a file.
func TestFolderIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Open(context.Background(), "cifar10", Options{Dir: path})
	wantError(t, err, path, "is a file, want a folder")
}

func TestFetchFromArchive(t *testing.T) {
	body := pack(t, official())
	a := miniArchive(body, "")
	file := filepath.Join(t.TempDir(), "any-name.tgz")
	if err := os.WriteFile(file, body, 0o644); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for range 2 { // the second finds the same files there
		folder, err := a.fetchFrom(context.Background(), file, Options{Dir: dir}, newFetcher(Options{}))
		if err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(dir, "cifar-10-batches-bin"); folder != want {
			t.Errorf("folder %s, want %s", folder, want)
		}
		wantInstalled(t, a, dir)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the user's archive is gone: %v", err)
	}
	// A copy of an installed folder keeps its standing.
	other := t.TempDir()
	if _, err := a.fetchFrom(context.Background(), dir, Options{Dir: other}, newFetcher(Options{})); err != nil {
		t.Fatal(err)
	}
	wantInstalled(t, a, other)

	body[len(body)/2] ^= 1
	if err := os.WriteFile(file, body, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := a.fetchFrom(context.Background(), file, Options{Dir: t.TempDir()}, newFetcher(Options{}))
	wantError(t, err, "any-name.tgz", "SHA-256", a.Sources[0].SHA256)
	if err := os.WriteFile(file, body[:100], 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = a.fetchFrom(context.Background(), file, Options{Dir: t.TempDir()}, newFetcher(Options{}))
	wantError(t, err, "any-name.tgz", "100 bytes", fmt.Sprint(a.Sources[0].Size))
}

func TestFetchFromFolder(t *testing.T) {
	body := pack(t, official())
	a := miniArchive(body, "")
	from := miniFolder(t)
	dir := t.TempDir()
	if _, err := a.fetchFrom(context.Background(), filepath.Dir(from), Options{Dir: dir}, newFetcher(Options{})); err != nil {
		t.Fatal(err)
	}
	s, err := a.openCIFAR10(context.Background(), Options{Dir: dir, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	wantMini(t, s)
	if s.Info.Source != "folder" || s.Info.Bytes != record.Unofficial {
		t.Errorf("source %q, bytes %q; want folder, %s", s.Info.Source, s.Info.Bytes, record.Unofficial)
	}

	// Other files do not replace those that are there.
	b, err := os.ReadFile(filepath.Join(from, "test_batch.bin"))
	if err != nil {
		t.Fatal(err)
	}
	b[5] ^= 1
	if err := os.WriteFile(filepath.Join(from, "test_batch.bin"), b, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = a.fetchFrom(context.Background(), from, Options{Dir: dir}, newFetcher(Options{}))
	wantError(t, err, "already holds other files")
	if again, err := a.openCIFAR10(context.Background(), Options{Dir: dir, Offline: true}); err != nil {
		t.Error(err)
	} else {
		wantMini(t, again)
	}

	// The archive, once had, says that the files are the official ones.
	file := filepath.Join(t.TempDir(), "a.tar.gz")
	if err := os.WriteFile(file, body, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := a.fetchFrom(context.Background(), file, Options{Dir: dir}, newFetcher(Options{})); err != nil {
		t.Fatal(err)
	}
	wantInstalled(t, a, dir)

	_, err = a.fetchFrom(context.Background(), t.TempDir(), Options{Dir: t.TempDir()}, newFetcher(Options{}))
	wantError(t, err, "no files of cifar10", "data_batch_1.bin")
	_, err = a.fetchFrom(context.Background(), "/does/not/exist", Options{Dir: t.TempDir()}, newFetcher(Options{}))
	wantError(t, err, "/does/not/exist", "cifar-10-binary.tar.gz")
}

// What was installed and changed since is not used.
func TestChangedSinceInstalled(t *testing.T) {
	body := pack(t, official())
	a := miniArchive(body, "")
	file := filepath.Join(t.TempDir(), "a.tar.gz")
	if err := os.WriteFile(file, body, 0o644); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	folder, err := a.fetchFrom(context.Background(), file, Options{Dir: dir}, newFetcher(Options{}))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "data_batch_2.bin")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[100] ^= 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = a.openCIFAR10(context.Background(), Options{Dir: dir})
	wantError(t, err, "data_batch_2.bin", "changed since it was installed", "collapse fetch cifar10")
	_, err = a.fetch(context.Background(), Options{Dir: dir}, newFetcher(Options{}))
	wantError(t, err, "data_batch_2.bin", "changed since it was installed")

	for _, bad := range []string{"", "{", "null", `{"format":"x"}`, `{"format":"collapse-manifest","version":2}`} {
		if err := os.WriteFile(filepath.Join(folder, manifestName), []byte(bad), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err = a.openCIFAR10(context.Background(), Options{Dir: dir})
		wantError(t, err, manifestName)
	}
}

// A manifest that names another archive, or none, does not make bytes official.
func TestManifestOfAnotherArchive(t *testing.T) {
	a := miniArchive(pack(t, official()), "")
	folder := miniFolder(t)
	_, sums, err := a.Read(context.Background(), a, folder)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(manifest{Format: manifestFormat, Version: 1, Set: "cifar10", Files: records(sums),
		Archive: &origin{Name: "x", SHA256: strings.Repeat("0", 64)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, manifestName), b, 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := a.openCIFAR10(context.Background(), Options{Dir: folder})
	if err != nil {
		t.Fatal(err)
	}
	if s.Info.Bytes != record.Unofficial {
		t.Errorf("bytes %q, want %q", s.Info.Bytes, record.Unofficial)
	}
}

func TestExtractTakesOnlyItsOwnFiles(t *testing.T) {
	good := official()
	with := func(e ...entry) []entry { return append(append([]entry{}, good...), e...) }
	long := append([]byte{}, good[3].body...)
	for _, c := range []struct {
		name    string
		entries []entry
		words   string
	}{
		{"parent", with(entry{name: "../evil", body: []byte("x")}), "does not belong"},
		{"parent inside", with(entry{name: "cifar-10-batches-bin/../../evil", body: []byte("x")}), "does not belong"},
		{"absolute", with(entry{name: "/evil", body: []byte("x")}), "does not belong"},
		{"other folder", with(entry{name: "evil/data_batch_1.bin", body: []byte("x")}), "does not belong"},
		{"symbolic link", with(entry{name: "cifar-10-batches-bin/readme.html", kind: tar.TypeSymlink, link: "/etc/passwd"}), "does not belong"},
		{"hard link", with(entry{name: "cifar-10-batches-bin/batches.meta.txt", kind: tar.TypeLink, link: "/etc/passwd"}), "does not belong"},
		{"device", with(entry{name: "cifar-10-batches-bin/readme.html", kind: tar.TypeChar}), "does not belong"},
		{"link for the folder", append([]entry{{name: "cifar-10-batches-bin", kind: tar.TypeSymlink, link: ".."}}, good...), "does not belong"},
		{"own manifest", with(entry{name: "cifar-10-batches-bin/" + manifestName, body: []byte("{}")}), "does not belong"},
		{"twice", with(good[1]), "comes twice"},
		{"too large", append([]entry{{name: "cifar-10-batches-bin/readme.html", body: make([]byte, optionalBytes+1)}}, good...), "want at most"},
		{"missing", good[:6], "test_batch.bin is missing"},
		{"cut file", append([]entry{{name: good[3].name, body: long[:len(long)-1]}}, good...), "61459 bytes, want 61460"},
		{"extended file", append([]entry{{name: good[3].name, body: append(long, 1)}}, good...), "61461 bytes, want 61460"},
		{"many folders", append(slices.Repeat(good[:1], maxEntries+1), good...), "more than 64 entries"},
		{"no entries", nil, "is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "in")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			body := pack(t, c.entries)
			a := miniArchive(body, "")
			wantError(t, a.extract(bytes.NewReader(body), dir, osDisk), c.words)
			wantOnlyKnown(t, a, parent, dir)

			// Through the front door nothing is placed either.
			file := filepath.Join(parent, "a.tar.gz")
			if err := os.WriteFile(file, body, 0o644); err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(parent, "to")
			_, err := a.fetchFrom(context.Background(), file, Options{Dir: to}, newFetcher(Options{}))
			wantError(t, err, c.words)
			entries, err := os.ReadDir(to)
			if err != nil {
				t.Fatal(err)
			}
			if len(entries) != 1 || entries[0].Name() != ".cifar10.lock" {
				t.Errorf("left in the folder: %v", entries)
			}
		})
	}
}

// wantOnlyKnown checks that nothing was written outside dir, and in it only plain
// files of the set of at most their size.
func wantOnlyKnown(t testing.TB, a *archive, parent, dir string) {
	t.Helper()
	outside, err := os.ReadDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	if len(outside) != 1 {
		t.Errorf("written outside the folder: %v", outside)
	}
	inside, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range inside {
		st, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := a.known(a.Folder + "/" + e.Name()); !ok || !st.Mode().IsRegular() || st.Size() > optionalBytes {
			t.Errorf("%s (%v, %d bytes) was written", e.Name(), st.Mode(), st.Size())
		}
	}
}

func FuzzExtract(f *testing.F) {
	// A tar of two tiny files keeps the fuzzer quick.
	a := *cifar10Archive
	a.Files = []member{{Name: "a.bin", Size: 3}, {Name: "b.bin", Size: 600}}
	tiny := []entry{
		{name: a.Folder + "/", kind: tar.TypeDir},
		{name: a.Folder + "/a.bin", body: []byte("abc")},
		{name: a.Folder + "/b.bin", body: make([]byte, 600)},
		{name: a.Folder + "/readme.html", body: []byte("r")},
	}
	unzip := func(b []byte) []byte {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			f.Fatal(err)
		}
		raw, err := io.ReadAll(z)
		if err != nil {
			f.Fatal(err)
		}
		return raw
	}
	f.Add(unzip(pack(f, tiny)))
	f.Add(unzip(pack(f, append(tiny, entry{name: "../x", body: []byte("x")}))))
	f.Add(unzip(pack(f, append(tiny, entry{name: a.Folder + "/batches.meta.txt", kind: tar.TypeSymlink, link: "/etc/passwd"}))))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(raw)
		z.Close()
		parent := t.TempDir()
		dir := filepath.Join(parent, "in")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		err := a.extract(&b, dir, osDisk)
		wantOnlyKnown(t, &a, parent, dir)
		if err != nil {
			return
		}
		for _, m := range a.Files {
			if _, err := m.checkSize(dir); err != nil {
				t.Errorf("accepted, but %v", err)
			}
		}
	})
}
