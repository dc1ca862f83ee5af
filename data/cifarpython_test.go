package data

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/data/archive"
	"github.com/gocollapse/collapse/record"
)

// sampleSet returns a set of CIFAR whose files have as many images as the samples in
// testdata/cifar, which testdata/make_cifar_python.py wrote in both forms.
func sampleSet(t testing.TB, name string) dataset {
	t.Helper()
	d := known(t, name)
	other := *d.other.archive
	other.Files = slices.Clone(other.Files)
	for i := range other.Files {
		b := testdata(t, filepath.Join("cifar", other.Folder, other.Files[i].Name))
		other.Files[i].MD5 = fmt.Sprintf("%x", md5.Sum(b))
	}
	p, size := cifarPython{[]string{"labels"}, cifar10Format, []int{2, 2, 2, 2, 2, 2}}, int64(cifarRecord)
	switch name {
	case "cifar10":
		d.archive.Files = cifar10Files(2)
	default:
		p, size = cifarPython{[]string{"coarse_labels", "fine_labels"}, cifar100Format, []int{4, 2}}, cifar100Record
		if name != "cifar100" {
			p.format = cifar100CoarseFormat
		}
		d.archive.Files = []archive.Member{{Name: "train.bin", Size: 4 * size}, {Name: "test.bin", Size: 2 * size}}
	}
	d.other = &form{&other, p.reader(make([]string, d.classes))}
	return d
}

// The images of the python archive are those of the binary one, byte for byte, in the same order.
func TestCIFARPython(t *testing.T) {
	t.Setenv(EnvDir, t.TempDir())
	for _, name := range []string{"cifar10", "cifar100", "cifar100-coarse"} {
		d := sampleSet(t, name)
		var sets []*Set
		for _, a := range []*archive.Archive{d.archive, d.other.archive} {
			s, err := d.openSet(t.Context(), Options{Dir: filepath.Join("testdata", "cifar", a.Folder), NoCache: true})
			if err != nil {
				t.Fatalf("%s: %v", a.Folder, err)
			}
			sets = append(sets, s)
		}
		binary, python := sets[0], sets[1]
		wantSet(t, python, binary.Train.Len(), binary.Test.Len(), d.classes)
		if !bytes.Equal(python.Train.Images, binary.Train.Images) ||
			!bytes.Equal(python.Test.Images, binary.Test.Images) ||
			!slices.Equal(python.Train.Labels, binary.Train.Labels) ||
			!slices.Equal(python.Test.Labels, binary.Test.Labels) {
			t.Errorf("%s: the python files hold other images or labels than the binary ones", name)
		}
		// From a folder, but each file has its published hash.
		if python.Info.Bytes != record.Official || python.Info.Source != "folder" {
			t.Errorf("%s from a %s, %s", name, python.Info.Source, python.Info.Bytes)
		}
	}
}

// The python archive is installed from a file, from the folder that holds it and from its unpacked
// folder, and found, verified and opened afterwards under the set's name.
func TestCIFARPythonFrom(t *testing.T) {
	d := sampleSet(t, "cifar100")
	folder := d.other.archive.Folder
	entries := []entry{{Name: folder + "/file.txt~", Body: []byte("left")}}
	for _, m := range d.other.archive.Files {
		entries = append(entries, entry{Name: folder + "/" + m.Name,
			Body: testdata(t, filepath.Join("cifar", folder, m.Name))})
	}
	packed := pack(t, entries)
	source := d.other.archive.Sources[0]
	source.Size, source.SHA256 = int64(len(packed)), fmt.Sprintf("%x", sha256.Sum256(packed))
	d.other.archive.Sources = []archive.Source{source}
	holds := write(t, map[string][]byte{source.Name(): packed})
	renamed := write(t, map[string][]byte{"download": packed})
	for _, c := range []struct{ from, source string }{
		{filepath.Join(holds, source.Name()), "archive"}, {filepath.Join(renamed, "download"), "archive"},
		{holds, "archive"}, {filepath.Join("testdata", "cifar", folder), "folder"},
		{filepath.Join("testdata", "cifar", folder) + "/..", "folder"},
	} {
		// A folder of a file's name in the folder of the sets is another thing.
		o := Options{Dir: write(t, map[string][]byte{"train/x.png": nil, "test/x.png": nil}), Offline: true}
		from := d
		if strings.HasSuffix(c.from, "..") { // which holds the binary form too
			from.archive = &archive.Archive{Set: "none", Folder: "none", Sources: d.archive.Sources}
		}
		f := from.formOf(c.from)
		dir, err := f.archive.FetchFrom(t.Context(), c.from, f.options(o))
		if err != nil || filepath.Base(dir) != folder {
			t.Errorf("%s: installed in %q, %v", c.from, dir, err)
			continue
		}
		s, err := d.openSet(t.Context(), o)
		if err != nil || s.Info.Source != c.source || s.Info.Bytes != record.Official {
			t.Errorf("%s: %+v, %v", c.from, s, err)
		}
	}
	o := Options{Dir: t.TempDir(), Offline: true}
	_, err := d.in(o).archive.Fetch(t.Context(), d.options(o))
	wantError(t, err, "cifar-100-binary.tar.gz, cifar-100-python.tar.gz or the unpacked folder of one")
}

// A pickle that is not CIFAR's is an error, whatever it says, and runs nothing.
func TestUnpickleFaults(t *testing.T) {
	good := testdata(t, "cifar/cifar-10-batches-py/test_batch")
	p := cifarPython{[]string{"labels"}, cifar10Format, nil}
	if _, err := p.decode(bytes.NewReader(good), 2); err != nil {
		t.Fatal(err)
	}
	change := func(old, by string) []byte {
		if !bytes.Contains(good, []byte(old)) {
			t.Fatalf("the sample has no %q", old)
		}
		return bytes.Replace(good, []byte(old), []byte(by), 1)
	}
	for _, c := range []struct {
		name, words string
		b           []byte
	}{
		{"a command", `names "os system"`, []byte("\x80\x02cos\nsystem\n(U\x02lstR.")},
		{"a class", `names "numpy.core.multiarray scalar"`, change("_reconstruct", "scalar")},
		{"cut", "the file is cut", good[:len(good)-700]},
		{"more after it", "bytes follow the pickle", append(bytes.Clone(good), 'x')},
		{"a string that is not there", "bytes, want 2147483647", []byte("\x80\x02T\xff\xff\xff\x7fabc")},
		{"another protocol", "protocol 5", []byte("\x80\x05.")},
		{"not a pickle", `operation 1 ('\x1f')`, []byte("\x1f\x8b\x08")},
		{"another type", "another type than uint8", change("U\x02u1", "U\x02i1")},
		{"another shape", "array of shape [3 3072] with 6144 bytes",
			change("K\x02M\x00\x0c\x86", "K\x03M\x00\x0c\x86")},
		{"no data", "data is not an array", change("U\x04data", "U\x04dato")},
		{"no labels", "labels is not a list of 2", change("U\x06labels", "U\x06babels")},
		{"nothing", "the file is cut", nil},
		{"not one value", "does not end with one value", []byte("\x80\x02NN.")},
	} {
		_, err := p.decode(bytes.NewReader(c.b), 2)
		if err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.words)
		}
	}
	_, err := p.decode(bytes.NewReader(good), 3)
	wantError(t, err, "not an array of 3×3072")
	at := bytes.Index(good, []byte("labels")) + len("labels") + len("q\x00]q\x00(K")
	bad := bytes.Clone(good)
	bad[at] = 10
	_, err = p.decode(bytes.NewReader(bad), 2)
	wantError(t, err, "label 0 is 10, want 0 to 9")
}

func FuzzUnpickle(f *testing.F) {
	f.Add(testdata(f, "cifar/cifar-10-batches-py/test_batch"))
	f.Add(testdata(f, "cifar/cifar-100-python/test"))
	f.Add([]byte("\x80\x04\x95\x0a\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94]\x94(K\x01J\xff\xff\xff\xffes."))
	f.Add([]byte("\x80\x02((e(t(u}]s}]a)\x85\x86\x87Rbh\x00j\x00\x00\x00\x00."))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := unpickle(bytes.NewReader(b))
		if err != nil {
			return
		}
		if a, ok := v.(*pyArray); ok && len(a.data) > len(b) {
			t.Errorf("%d bytes of data from %d", len(a.data), len(b))
		}
		for _, p := range []cifarPython{cifar10Python, cifar100Python} {
			if s, err := p.decode(bytes.NewReader(b), 2); err == nil && s.Len() != 2 {
				t.Errorf("%d images, want 2", s.Len())
			}
		}
	})
}

// All images of the real sets, where a folder of python files made from them is given.
func TestRealCIFARPython(t *testing.T) {
	python := os.Getenv("COLLAPSE_CIFAR_PYTHON")
	if python == "" {
		t.Skip("set COLLAPSE_CIFAR_PYTHON to OUT of python data/testdata/make_cifar_python.py BINARY OUT")
	}
	for _, name := range []string{"cifar10", "cifar100", "cifar100-coarse"} {
		d := known(t, name)
		want, err := d.openSet(t.Context(), Options{Dir: realFolder(t, name), Offline: true})
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.openSet(t.Context(), Options{Dir: python, Offline: true, NoCache: true})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Train.Images, want.Train.Images) || !bytes.Equal(got.Test.Images, want.Test.Images) ||
			!slices.Equal(got.Train.Labels, want.Train.Labels) || !slices.Equal(got.Test.Labels, want.Test.Labels) {
			t.Errorf("%s: other images or labels", name)
		}
	}
}
