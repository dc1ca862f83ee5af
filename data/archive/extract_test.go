package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// badArchives are archives that are not the official one, with words of the error.
func badArchives() []badArchive {
	const folder = "cifar-10-batches-bin"
	good := entries()
	with := func(e ...entry) []entry { return append(slices.Clone(good), e...) }
	first := func(e entry) []entry { return append([]entry{e}, good...) }
	third := good[3].Body
	x := []byte("x")
	return []badArchive{
		{"parent", with(entry{Name: "../evil", Body: x}), "does not belong"},
		{"parent inside", with(entry{Name: folder + "/../../evil", Body: x}), "does not belong"},
		{"absolute", with(entry{Name: "/evil", Body: x}), "does not belong"},
		{"other folder", with(entry{Name: "evil/data_batch_1.bin", Body: x}), "does not belong"},
		{"symbolic link", with(entry{Name: folder + "/readme.html", Kind: tar.TypeSymlink, Link: "/etc/passwd"}),
			"does not belong"},
		{"hard link", with(entry{Name: folder + "/batches.meta.txt", Kind: tar.TypeLink, Link: "/etc/passwd"}),
			"does not belong"},
		{"device", with(entry{Name: folder + "/readme.html", Kind: tar.TypeChar}), "does not belong"},
		{"link for the folder", first(entry{Name: folder, Kind: tar.TypeSymlink, Link: ".."}), "does not belong"},
		{"own manifest", with(entry{Name: folder + "/" + ManifestName, Body: []byte("{}")}), "does not belong"},
		{"twice", with(good[1]), "comes twice"},
		{"too large", first(entry{Name: folder + "/readme.html", Body: make([]byte, optionalBytes+1)}), "want at most"},
		{"missing", good[:6], "test_batch.bin is missing"},
		{"cut file", first(entry{Name: good[3].Name, Body: third[:len(third)-1]}), "61459 bytes, want 61460"},
		{"extended file", first(entry{Name: good[3].Name, Body: append(slices.Clone(third), 1)}),
			"61461 bytes, want 61460"},
		{"many folders", append(slices.Repeat(good[:1], maxEntries+1), good...), "more than 64 entries"},
		{"no entries", nil, "is missing"},
	}
}

type badArchive struct {
	name    string
	entries []entry
	words   string
}

func TestExtractTakesOnlyItsOwnFiles(t *testing.T) {
	for _, c := range badArchives() {
		t.Run(c.name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "in")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			body := pack(t, c.entries)
			a := mini(body, "")
			wantError(t, a.extract(bytes.NewReader(body), dir, OS), c.words)
			wantOnlyKnown(t, a, parent, dir)

			// Through the front door nothing is placed either.
			to := filepath.Join(parent, "to")
			_, err := a.FetchFrom(t.Context(), packed(t, body), in(a, to))
			wantError(t, err, c.words)
			left, err := os.ReadDir(to)
			if err != nil {
				t.Fatal(err)
			}
			if len(left) != 1 || left[0].Name() != ".cifar10.lock" {
				t.Errorf("left in the folder: %v", left)
			}
		})
	}
}

// wantOnlyKnown checks that nothing was written outside dir, and in it only plain files of the set
// of at most their size.
func wantOnlyKnown(t testing.TB, a *Archive, parent, dir string) {
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
		_, ok := a.known(a.Folder + "/" + e.Name())
		if !ok || !st.Mode().IsRegular() || st.Size() > optionalBytes {
			t.Errorf("%s (%v, %d bytes) was written", e.Name(), st.Mode(), st.Size())
		}
	}
}

func FuzzExtract(f *testing.F) {
	// A tar of two tiny files keeps the fuzzer quick.
	a := mini(nil, "")
	a.Files = []Member{{Name: "a.bin", Size: 3}, {Name: "b.bin", Size: 600}}
	tiny := []entry{
		{Name: a.Folder + "/", Kind: tar.TypeDir},
		{Name: a.Folder + "/a.bin", Body: []byte("abc")},
		{Name: a.Folder + "/b.bin", Body: make([]byte, 600)},
		{Name: a.Folder + "/readme.html", Body: []byte("r")},
	}
	add := func(entries []entry) {
		z, err := gzip.NewReader(bytes.NewReader(pack(f, entries)))
		if err != nil {
			f.Fatal(err)
		}
		raw, err := io.ReadAll(z)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	add(tiny)
	add(append(slices.Clone(tiny), entry{Name: "../x", Body: []byte("x")}))
	link := entry{Name: a.Folder + "/batches.meta.txt", Kind: tar.TypeSymlink, Link: "/etc/passwd"}
	add(append(slices.Clone(tiny), link))
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
		err := a.extract(&b, dir, OS)
		wantOnlyKnown(t, a, parent, dir)
		if err != nil {
			return
		}
		for _, m := range a.Files {
			if _, err := m.CheckSize(dir); err != nil {
				t.Errorf("accepted, but %v", err)
			}
		}
	})
}
