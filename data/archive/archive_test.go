package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/data/archive/archivetest"
	"github.com/gocollapse/collapse/record"
)

var (
	pack, serve, wantError         = archivetest.Pack, archivetest.Serve, archivetest.WantError
	hangUp, answer, whole, chunked = archivetest.HangUp, archivetest.Answer, archivetest.Whole, archivetest.Chunked
)

// fileSize is the size of each of the six files of the set that tests use.
const fileSize = 61460

// members are the files of CIFAR-10, small.
func members() []Member {
	var l []Member
	for i := range 5 {
		l = append(l, Member{Name: fmt.Sprintf("data_batch_%d.bin", i+1), Size: fileSize})
	}
	return append(l, Member{Name: "test_batch.bin", Size: fileSize})
}

// contents are the files of the set, of random bytes.
func contents() map[string][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	files := map[string][]byte{}
	for _, m := range members() {
		b := make([]byte, m.Size)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		files[m.Name] = b
	}
	return files
}

type entry = archivetest.Entry

// entries returns the files in the order and with the extra files of the official archive.
func entries() []entry {
	files := contents()
	l := []entry{{Name: "cifar-10-batches-bin/", Kind: tar.TypeDir}}
	for _, m := range members() {
		l = append(l, entry{Name: "cifar-10-batches-bin/" + m.Name, Body: files[m.Name]})
	}
	return append(l,
		entry{Name: "cifar-10-batches-bin/batches.meta.txt", Body: []byte("airplane\n")},
		entry{Name: "cifar-10-batches-bin/readme.html", Body: []byte("<html>\n")})
}

// mini describes the archive of body as if it were the official one.
func mini(body []byte, url string) *Archive {
	return &Archive{
		Set: "cifar10",
		Sources: []Source{{
			URLs:   []string{url + "/cifar-10-binary.tar.gz"},
			Size:   int64(len(body)),
			SHA256: fmt.Sprintf("%x", sha256.Sum256(body)),
			Packed: true,
		}},
		Folder:   "cifar-10-batches-bin",
		Files:    members(),
		Optional: []string{"batches.meta.txt", "readme.html"},
	}
}

// in returns the options of an installation of a in dir.
func in(a *Archive, dir string) Options {
	return Options{Dir: dir, Check: func(ctx context.Context, folder string) ([]Sum, error) {
		var sums []Sum
		for _, m := range a.Files {
			s, err := m.Read(ctx, folder, Discard)
			if err != nil {
				return nil, err
			}
			sums = append(sums, s)
		}
		return sums, nil
	}}
}

// unpacked writes the files into a new folder of the set's name.
func unpacked(t testing.TB) string {
	t.Helper()
	files := map[string][]byte{}
	for name, b := range contents() {
		files["cifar-10-batches-bin/"+name] = b
	}
	return filepath.Join(archivetest.Write(t, files), "cifar-10-batches-bin")
}

// packed writes body into a new file.
func packed(t *testing.T, body []byte) string {
	t.Helper()
	return filepath.Join(archivetest.Write(t, map[string][]byte{"any-name.tgz": body}), "any-name.tgz")
}

// originOf returns what a record says of the set in dir.
func originOf(t *testing.T, a *Archive, dir string) (source, official string) {
	t.Helper()
	folder, found := a.Locate(dir)
	if !found {
		t.Fatalf("no set in %s", dir)
	}
	sums, err := in(a, dir).Check(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if source, official, err = a.Origin(folder, sums); err != nil {
		t.Fatal(err)
	}
	return source, official
}

// wantContents checks the bytes of the files in dir.
func wantContents(t *testing.T, a *Archive, dir string) {
	t.Helper()
	folder, _ := a.Locate(dir)
	files := contents()
	for _, m := range a.Files {
		b, err := os.ReadFile(filepath.Join(folder, m.Name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b, files[m.Name]) {
			t.Errorf("%s has other bytes than were packed", m.Name)
		}
	}
}

// wantInstalled checks that dir holds the set of contents, officially, and nothing that a failed
// attempt left.
func wantInstalled(t *testing.T, a *Archive, dir string) {
	t.Helper()
	if source, official := originOf(t, a, dir); source != "archive" || official != record.Official {
		t.Errorf("source %q, bytes %q; want archive, official", source, official)
	}
	wantContents(t, a, dir)
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		if n := e.Name(); n != a.Folder && n != ".cifar10.lock" {
			t.Errorf("%s was left in the folder", n)
		}
	}
}

func TestFetchFromArchive(t *testing.T) {
	body := pack(t, entries())
	a := mini(body, "")
	file := packed(t, body)
	dir := t.TempDir()
	for range 2 { // the second finds the same files there
		folder, err := a.FetchFrom(t.Context(), file, in(a, dir))
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
	// A copy of an installed folder stays official.
	other := t.TempDir()
	if _, err := a.FetchFrom(t.Context(), dir, in(a, other)); err != nil {
		t.Fatal(err)
	}
	wantInstalled(t, a, other)

	body = bytes.Clone(body)
	body[len(body)/2] ^= 1
	_, err := a.FetchFrom(t.Context(), packed(t, body), in(a, t.TempDir()))
	wantError(t, err, "any-name.tgz", "SHA-256", a.Sources[0].SHA256)
	_, err = a.FetchFrom(t.Context(), packed(t, body[:100]), in(a, t.TempDir()))
	wantError(t, err, "any-name.tgz", "100 bytes", fmt.Sprint(a.Sources[0].Size))
}

func TestFetchFromFolder(t *testing.T) {
	body := pack(t, entries())
	a := mini(body, "")
	from := unpacked(t)
	dir := t.TempDir()
	if _, err := a.FetchFrom(t.Context(), filepath.Dir(from), in(a, dir)); err != nil {
		t.Fatal(err)
	}
	if source, official := originOf(t, a, dir); source != "folder" || official != record.Unofficial {
		t.Errorf("source %q, bytes %q; want folder, %s", source, official, record.Unofficial)
	}
	wantContents(t, a, dir)

	// Other files do not replace those that are there.
	changeByte(t, filepath.Join(from, "test_batch.bin"))
	_, err := a.FetchFrom(t.Context(), from, in(a, dir))
	wantError(t, err, "already holds other files")
	wantContents(t, a, dir)

	// The archive, once had, says that the files are the official ones.
	if _, err := a.FetchFrom(t.Context(), packed(t, body), in(a, dir)); err != nil {
		t.Fatal(err)
	}
	wantInstalled(t, a, dir)

	_, err = a.FetchFrom(t.Context(), t.TempDir(), in(a, t.TempDir()))
	wantError(t, err, "no files of cifar10", "data_batch_1.bin")
	_, err = a.FetchFrom(t.Context(), "/does/not/exist", in(a, t.TempDir()))
	wantError(t, err, "/does/not/exist", "cifar-10-binary.tar.gz")
}

// changeByte changes one byte of a file.
func changeByte(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[100] ^= 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// FetchFrom takes a folder that holds the archive as it was downloaded.
func TestFetchFromFolderOfTheArchive(t *testing.T) {
	body := pack(t, entries())
	a := mini(body, "http://example.org")
	from := archivetest.Write(t, map[string][]byte{"cifar-10-binary.tar.gz": body, "other.txt": nil})
	o := in(a, t.TempDir())
	if _, err := a.FetchFrom(t.Context(), from, o); err != nil {
		t.Fatal(err)
	}
	wantInstalled(t, a, o.Dir)
}

// What was installed and changed since is not used.
func TestChangedSinceInstalled(t *testing.T) {
	body := pack(t, entries())
	a := mini(body, "")
	o := in(a, t.TempDir())
	folder, err := a.FetchFrom(t.Context(), packed(t, body), o)
	if err != nil {
		t.Fatal(err)
	}
	changeByte(t, filepath.Join(folder, "data_batch_2.bin"))
	sums, err := o.Check(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = a.Origin(folder, sums)
	wantError(t, err, "data_batch_2.bin", "changed since it was installed", "collapse fetch cifar10")
	_, err = a.Fetch(t.Context(), o)
	wantError(t, err, "data_batch_2.bin", "changed since it was installed")

	for _, bad := range []string{"", "{", "null", `{"format":"x"}`, `{"format":"collapse-manifest","version":2}`} {
		if err := os.WriteFile(filepath.Join(folder, ManifestName), []byte(bad), 0o644); err != nil {
			t.Fatal(err)
		}
		_, _, err = a.Origin(folder, sums)
		wantError(t, err, ManifestName)
	}
}

// A manifest that names another archive, or none, does not make bytes official.
func TestManifestOfAnotherArchive(t *testing.T) {
	a := mini(pack(t, entries()), "")
	folder := unpacked(t)
	sums, err := in(a, folder).Check(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(manifest{Format: manifestFormat, Version: 1, Set: "cifar10", Files: Records(sums),
		Archive: &origin{Name: "x", SHA256: strings.Repeat("0", 64)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, ManifestName), b, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, official := originOf(t, a, folder); official != record.Unofficial {
		t.Errorf("bytes %q, want %q", official, record.Unofficial)
	}
}

// A set without a published hash installs from a folder only.
func TestNoPublishedHash(t *testing.T) {
	a := mini(nil, "")
	a.Sources = nil
	o := in(a, t.TempDir())
	_, err := a.Fetch(t.Context(), o)
	wantError(t, err, "no published hash", "--from")
	if _, err := a.FetchFrom(t.Context(), unpacked(t), o); err != nil {
		t.Fatal(err)
	}
	if _, official := originOf(t, a, o.Dir); official == record.Official {
		t.Error("called official")
	}
}
