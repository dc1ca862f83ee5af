package data

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gocollapse/collapse/data/idx"
	"github.com/gocollapse/collapse/internal/natural"
	"github.com/gocollapse/collapse/npz"
	"github.com/gocollapse/collapse/record"
)

// write puts files into a new folder and returns it.
func write(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wantSet checks what every set promises: sizes that fit, labels in range, an Info
// that says the same, and statistics that are those of the images or customary.
func wantSet(t *testing.T, s *Set, train, test, k int) {
	t.Helper()
	in := s.Info
	if in.Train != train || in.Test != test || len(in.Classes) != k || in.Height != s.Height || in.Width != s.Width || in.Channels != s.Channels {
		t.Fatalf("info %d + %d images of %d classes, %d×%d×%d; want %d + %d of %d, %d×%d×%d",
			in.Train, in.Test, len(in.Classes), in.Height, in.Width, in.Channels, train, test, k, s.Height, s.Width, s.Channels)
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
	if len(in.Mean) != s.Channels || len(in.Std) != s.Channels || in.Name == "" || in.Preparation == "" || len(in.Files) == 0 {
		t.Errorf("info is not complete: %+v", in)
	}
	for _, f := range in.Files {
		if len(f.SHA256) != 64 || f.Name == "" || f.Size < 1 {
			t.Errorf("file %+v", f)
		}
	}
}

func TestCIFAR100(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	make := func(n int) []byte {
		b := make([]byte, n*cifar100Record)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		for i := range n {
			b[i*cifar100Record], b[i*cifar100Record+1] = byte(i%20), byte(i%100)
		}
		return b
	}
	train, test := make(200), make(100)
	folder := write(t, map[string][]byte{"cifar-100-binary/train.bin": train, "cifar-100-binary/test.bin": test})
	a := *cifar100Archive
	a.Files = []member{
		{Name: "train.bin", Size: int64(len(train)), SHA256: fmt.Sprintf("%x", sha256.Sum256(train))},
		{Name: "test.bin", Size: int64(len(test)), SHA256: fmt.Sprintf("%x", sha256.Sum256(test))},
	}
	for _, d := range []dataset{cifar100Set(), cifar100CoarseSet()} {
		d.archive = &a
		s, err := d.openSet(t.Context(), Options{Dir: folder, Offline: true})
		if err != nil {
			t.Fatal(err)
		}
		wantSet(t, s, 200, 100, d.about.Classes)
		// From a folder, but each file has its published hash.
		if s.Info.Name != d.about.Name || s.Info.Source != "folder" || s.Info.Bytes != record.Official {
			t.Errorf("%s from a %s, %s", s.Info.Name, s.Info.Source, s.Info.Bytes)
		}
		at := 1
		if d.about.Classes == 20 {
			at = 0
		}
		for i := range 200 {
			rec := train[i*cifar100Record:][:cifar100Record]
			if s.Train.Labels[i] != int32(rec[at]) {
				t.Fatalf("image %d has label %d, want %d", i, s.Train.Labels[i], rec[at])
			}
			for p, v := range s.Image(s.Train, i) {
				if want := rec[2+p%3*cifarPixels+p/3]; v != want {
					t.Fatalf("image %d: byte %d is %d, want %d", i, p, v, want)
				}
			}
		}
	}
	// A label out of range, coarse or fine, is found whichever is asked for.
	for i, c := range []struct {
		at    int
		value byte
		words string
	}{{0, 20, "label 20, want 0 to 19"}, {1, 100, "label 100, want 0 to 99"}} {
		bad := bytes.Clone(test)
		bad[7*cifar100Record+c.at] = c.value
		err := os.WriteFile(filepath.Join(folder, "cifar-100-binary/test.bin"), bad, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		d := []dataset{cifar100Set(), cifar100CoarseSet()}[i]
		d.archive = &a
		_, err = d.openSet(t.Context(), Options{Dir: folder})
		wantError(t, err, "test.bin", "record 7", c.words)
	}
}

// The publisher's names are those in the archive's own lists.
func TestRealCIFAR100(t *testing.T) {
	dir := realFolder(t, "cifar100")
	s, err := Open(t.Context(), "cifar100", Options{Dir: dir, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, 50000, 10000, 100)
	coarse, err := Open(t.Context(), "cifar100-coarse", Options{Dir: dir, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	wantSet(t, coarse, 50000, 10000, 20)
	if !bytes.Equal(s.Train.Images, coarse.Train.Images) {
		t.Error("the coarse labels come with other images")
	}
	for _, c := range []struct {
		set  *Set
		file string
	}{{s, "fine_label_names.txt"}, {coarse, "coarse_label_names.txt"}} {
		counts := make([]int, len(c.set.Info.Classes))
		for _, l := range c.set.Train.Labels {
			counts[l]++
		}
		for k, n := range counts {
			if n != 50000/len(counts) {
				t.Errorf("class %d has %d training images, want %d", k, n, 50000/len(counts))
			}
		}
		b, err := os.ReadFile(filepath.Join(dir, "cifar-100-binary", c.file))
		if err == nil && !slices.Equal(strings.Fields(string(b)), c.set.Info.Classes) {
			t.Errorf("%s holds %v, the set names %v", c.file, strings.Fields(string(b)), c.set.Info.Classes)
		}
	}
	// Each fine class lies in one coarse class.
	of := make([]int32, 100)
	for i := range of {
		of[i] = -1
	}
	for i, l := range s.Train.Labels {
		if of[l] >= 0 && of[l] != coarse.Train.Labels[i] {
			t.Fatalf("class %d is in the coarse classes %d and %d", l, of[l], coarse.Train.Labels[i])
		}
		of[l] = coarse.Train.Labels[i]
	}
	// The values that the field uses, to their digits.
	for c, want := range []float64{.5071, .4865, .4409} {
		if math.Abs(s.Info.Mean[c]-want) > 5e-4 {
			t.Errorf("channel %d: mean %.5f, want %.4f", c, s.Info.Mean[c], want)
		}
	}
	for c, want := range []float64{.2673, .2564, .2762} {
		if math.Abs(s.Info.Std[c]-want) > 5e-4 {
			t.Errorf("channel %d: standard deviation %.5f, want %.4f", c, s.Info.Std[c], want)
		}
	}
	if s.Info.Bytes != record.Official {
		t.Errorf("bytes %q, want %q: each file has its published hash", s.Info.Bytes, record.Official)
	}
}

// idxSet makes the four files of a small set like MNIST.
func idxSet(t testing.TB, train, test int, zipped bool) (map[string][]byte, []idx.Array) {
	t.Helper()
	files, arrays := map[string][]byte{}, []idx.Array{}
	for i, name := range idxNames {
		n := [2]int{train, test}[i/2]
		a := idx.Array{Dims: []int{n}, Data: make([]byte, n)}
		if i%2 == 0 {
			a = idx.Array{Dims: []int{n, 28, 28}, Data: make([]byte, n*28*28)}
		}
		for j := range a.Data {
			if a.Data[j] = byte(j % 10); i%2 == 0 {
				a.Data[j] = byte(j * j >> 3)
			}
		}
		arrays = append(arrays, a)
		var b bytes.Buffer
		if err := idx.Write(&b, a); err != nil {
			t.Fatal(err)
		}
		if name = strings.TrimSuffix(name, ".gz"); zipped {
			name += ".gz"
			b = *bytes.NewBuffer(gzipped(t, b.Bytes()))
		}
		files[name] = b.Bytes()
	}
	return files, arrays
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// miniMNIST is the archive of MNIST as if it were small.
func miniMNIST(train, test int) dataset {
	d, a := mnistSet(), *mnistArchive
	a.Read = func(ctx context.Context, a *archive, folder string) (*Set, []sum, error) {
		return readMNIST(ctx, a.Set, a.Files, folder, [2]int{train, test}, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"})
	}
	d.archive = &a
	return d
}

func TestMNIST(t *testing.T) {
	d := miniMNIST(30, 20)
	for _, zipped := range []bool{true, false} {
		files, arrays := idxSet(t, 30, 20, zipped)
		s, err := d.openSet(t.Context(), Options{Dir: write(t, files), Offline: true})
		if err != nil {
			t.Fatal(err)
		}
		wantSet(t, s, 30, 20, 10)
		if s.Info.Bytes != record.Unofficial || s.Height != 32 || s.Channels != 3 {
			t.Errorf("%s, %d×%d×%d", s.Info.Bytes, s.Height, s.Width, s.Channels)
		}
		var total, n float64
		for i := range 30 {
			if s.Train.Labels[i] != int32(i%10) {
				t.Errorf("label %d is %d", i, s.Train.Labels[i])
			}
			for p, v := range s.Image(s.Train, i) {
				y, x := p/3/32-2, p/3%32-2
				var want byte
				if y >= 0 && y < 28 && x >= 0 && x < 28 {
					want = arrays[0].Data[(i*28+y)*28+x]
					total, n = total+float64(want)/255, n+1
				}
				if v != want {
					t.Fatalf("image %d, row %d, column %d is %d, want %d", i, y, x, v, want)
				}
			}
		}
		if math.Abs(s.Info.Mean[2]-total/n) > 1e-9 {
			t.Errorf("mean %v, want %v, that of the pixels before padding", s.Info.Mean[2], total/n)
		}
	}

	for _, c := range []struct {
		name, words string
		damage      func(files map[string][]byte)
	}{
		{"fewer labels", "want 30", func(f map[string][]byte) {
			f["train-labels-idx1-ubyte"] = append([]byte{0, 0, 8, 1, 0, 0, 0, 29}, make([]byte, 29)...)
		}},
		{"a label too large", "label 3 is 10", func(f map[string][]byte) { f["t10k-labels-idx1-ubyte"][8+3] = 10 }},
		{"other sizes", "want 30 of 28×28", func(f map[string][]byte) { f["train-images-idx3-ubyte"][7] = 15; f["train-images-idx3-ubyte"][15] = 56 }},
		{"cut", "the file is cut", func(f map[string][]byte) {
			f["train-images-idx3-ubyte"] = f["train-images-idx3-ubyte"][:1000]
		}},
		{"bytes that follow", "bytes follow", func(f map[string][]byte) {
			f["train-labels-idx1-ubyte"] = append(f["train-labels-idx1-ubyte"], 0)
		}},
		{"missing", "missing", func(f map[string][]byte) { delete(f, "t10k-images-idx3-ubyte") }},
		{"damaged gzip", "t10k-images-idx3-ubyte.gz", func(f map[string][]byte) {
			z := gzipped(t, f["t10k-images-idx3-ubyte"])
			z[len(z)-8] ^= 1
			f["t10k-images-idx3-ubyte.gz"] = z
		}},
		{"not gzip", "not a gzip file", func(f map[string][]byte) { f["t10k-images-idx3-ubyte.gz"] = []byte("<html>") }},
		{"a bomb", "bytes follow", func(f map[string][]byte) {
			f["t10k-labels-idx1-ubyte.gz"] = gzipped(t, append(f["t10k-labels-idx1-ubyte"], make([]byte, 1<<24)...))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files, _ := idxSet(t, 30, 20, false)
			c.damage(files)
			_, err := d.openSet(t.Context(), Options{Dir: write(t, files), Offline: true})
			wantError(t, err, c.words)
		})
	}
}

// The files of MNIST and Fashion-MNIST have the same names and sizes.
func TestMNISTIsNotFashionMNIST(t *testing.T) {
	sums := make([]sum, 4)
	for i := range sums {
		sums[i].Name, sums[i].Content = idxNames[i], idxContents["fashion-mnist"][i]
	}
	wantError(t, apart("mnist", sums, "D"), "train-images", "D", "is that of fashion-mnist, not of mnist")
	if err := apart("fashion-mnist", sums, "D"); err != nil {
		t.Error(err)
	}
}

// Debian's package has the files under other gzip headers: their content is the
// official one all the same.
func TestRealFashionMNIST(t *testing.T) {
	const dir = "/usr/share/datasets/fashion-mnist"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the published files are not here: apt-get install dataset-fashion-mnist")
	}
	s, err := Open(t.Context(), "fashion-mnist", Options{Dir: dir, Offline: true, NoCache: true})
	if err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, 60000, 10000, 10)
	if s.Info.Bytes != record.Official {
		t.Errorf("bytes %q, want %q", s.Info.Bytes, record.Official)
	}
	if math.Abs(s.Info.Mean[0]-.2860) > 5e-5 || math.Abs(s.Info.Std[0]-.3530) > 5e-5 {
		t.Errorf("mean %.5f, standard deviation %.5f; want .2860, .3530", s.Info.Mean[0], s.Info.Std[0])
	}
}

func TestSTL10(t *testing.T) {
	const train, test = 12, 11
	value := func(n, c, x, y int) byte { return byte(31*n + 70*c + 3*x + 5*y + x*y) }
	images := func(n int) []byte {
		var b []byte
		for i := range n {
			for c := range 3 {
				for x := range stlSide {
					for y := range stlSide {
						b = append(b, value(i, c, x, y))
					}
				}
			}
		}
		return b
	}
	labels := func(n int) []byte {
		var b []byte
		for i := range n {
			b = append(b, byte(1+i%10))
		}
		return b
	}
	files := map[string][]byte{"train_X.bin": images(train), "train_y.bin": labels(train), "test_X.bin": images(test), "test_y.bin": labels(test)}
	d, a := stl10Set(), *stl10Archive
	d.archive = &a
	a.Files = nil
	for _, name := range []string{"train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin"} {
		a.Files = append(a.Files, member{Name: name, Size: int64(len(files[name])), MD5: fmt.Sprintf("%x", md5.Sum(files[name]))})
	}
	s, err := d.openSet(t.Context(), Options{Dir: write(t, files)})
	if err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, train, test, 10)
	if s.Info.Bytes != record.Official {
		t.Errorf("bytes %q: the MD5 sums are the published ones", s.Info.Bytes)
	}
	for i := range train {
		if s.Train.Labels[i] != int32(i%10) {
			t.Errorf("label %d is %d, want %d", i, s.Train.Labels[i], i%10)
		}
		for p, v := range s.Image(s.Train, i) {
			if y, x, c := p/3/stlSide, p/3%stlSide, p%3; v != value(i, c, x, y) {
				t.Fatalf("image %d, row %d, column %d, channel %d is %d, want %d", i, y, x, c, v, value(i, c, x, y))
			}
		}
	}
	for _, c := range []struct {
		file, words string
		damage      func([]byte) []byte
	}{
		{"train_y.bin", "label 2 is 0, want 1 to 10", func(b []byte) []byte { b[2] = 0; return b }},
		{"train_y.bin", "label 2 is 11, want 1 to 10", func(b []byte) []byte { b[2] = 11; return b }},
		{"test_X.bin", "want 304128", func(b []byte) []byte { return b[1:] }},
	} {
		bad := map[string][]byte{}
		for k, v := range files {
			bad[k] = bytes.Clone(v)
		}
		bad[c.file] = c.damage(bad[c.file])
		_, err := d.openSet(t.Context(), Options{Dir: write(t, bad)})
		wantError(t, err, c.file, c.words)
	}
	// The unlabelled images, most of the archive, are passed over.
	var entries []entry
	for name, b := range files {
		entries = append(entries, entry{name: "stl10_binary/" + name, body: b})
	}
	entries = append(entries, entry{name: "stl10_binary/unlabeled_X.bin", body: make([]byte, 3<<20)})
	body := pack(t, entries)
	a.Sources = []source{{URLs: []string{serve(t, body).URL + "/stl10_binary.tar.gz"}, Size: int64(len(body)), MD5: fmt.Sprintf("%x", md5.Sum(body)), Packed: true}}
	dir := t.TempDir()
	if s, err = d.openSet(t.Context(), Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, train, test, 10)
	if s.Info.Source != "archive" || s.Info.Bytes != record.Official {
		t.Errorf("source %q, bytes %q", s.Info.Source, s.Info.Bytes)
	}
	if _, err := os.Stat(filepath.Join(dir, "stl10_binary", "unlabeled_X.bin")); err == nil {
		t.Error("the unlabelled images were unpacked")
	}
}

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
		{"MATLAB 7.3", "save -v7", 3, func(b []byte) []byte { return append(make([]byte, 512), "\x89HDF\r\n\x1a\n"...) }},
		{"no arrays", "no array", 3, func(b []byte) []byte { return b[:128] }},
		{"more images wanted", "dimensions [32 32 3 3], want [32 32 3 4]", 4, func(b []byte) []byte { return b }},
		{"cut", "cut", 3, func(b []byte) []byte { return b[:5000] }},
		{"cut in a tag", "cut in the tag", 3, func(b []byte) []byte { return b[:132] }},
		{"label 0", "label 1 is 0", 3, func(b []byte) []byte { return bytes.Replace(b, []byte{10, 1, 9}, []byte{10, 0, 9}, 1) }},
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
	d, a := svhnSet(), *svhnArchive
	d.archive = &a
	a.Read = func(ctx context.Context, a *archive, folder string) (*Set, []sum, error) {
		return readSVHN(ctx, a.Files, folder, [2]int{3, 3})
	}
	s, err := d.openSet(t.Context(), Options{Dir: write(t, map[string][]byte{"svhn/train_32x32.mat": b, "svhn/test_32x32.mat": b}), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, 3, 3, 10)
	if s.Info.Bytes != record.Unofficial {
		t.Errorf("bytes %q, want %q", s.Info.Bytes, record.Unofficial)
	}
}

// tinyFiles makes a small Tiny ImageNet: grey and coloured JPEG files of three
// classes, named so that the order of names is not that of numbers.
func tinyFiles(t testing.TB, perClass int) fstest.MapFS {
	t.Helper()
	f := fstest.MapFS{
		"wnids.txt": {Data: []byte("n03\nn01\nn02\n")},
		"words.txt": {Data: []byte("n01\tcat, feline\nn02\tdog\nn03\tcat\nn04\tnot here\n")},
	}
	var notes strings.Builder
	n := 0
	for k, c := range []string{"n01", "n02", "n03"} {
		f["train/"+c+"/"+c+"_boxes.txt"] = &fstest.MapFile{Data: []byte("boxes\n")}
		for i := range perClass {
			f[fmt.Sprintf("train/%s/images/%s_%d.JPEG", c, c, i)] = &fstest.MapFile{Data: flatJPEG(t, byte(60*k+5*i), i == 0)}
		}
		for range 2 {
			f[fmt.Sprintf("val/images/val_%d.JPEG", n)] = &fstest.MapFile{Data: flatJPEG(t, byte(60*k+40), false)}
			fmt.Fprintf(&notes, "val_%d.JPEG\t%s\t0\t32\t44\t62\n", n, c)
			n++
		}
	}
	f["val/val_annotations.txt"] = &fstest.MapFile{Data: []byte(notes.String())}
	f["test/images/test_0.JPEG"] = &fstest.MapFile{Data: flatJPEG(t, 1, false)}
	return f
}

// flatJPEG is a picture of one grey value, with or without colour channels.
func flatJPEG(t testing.TB, v byte, grey bool) []byte {
	t.Helper()
	var m image.Image
	g := image.NewGray(image.Rect(0, 0, tinySide, tinySide))
	for i := range g.Pix {
		g.Pix[i] = v
	}
	if m = g; !grey {
		c := image.NewRGBA(g.Rect)
		for i := range c.Pix {
			c.Pix[i] = v
		}
		m = c
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// zipFS packs files under a folder.
func zipFS(t testing.TB, folder string, files fstest.MapFS) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for n := range files {
			if !yield(n) {
				return
			}
		}
	}) {
		w, err := z.Create(folder + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(files[name].Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func wantTiny(t *testing.T, s *Set, perClass int) {
	t.Helper()
	wantSet(t, s, 3*perClass, 6, 3)
	if !slices.Equal(s.Info.Classes, []string{"cat n01", "dog", "cat n03"}) {
		t.Errorf("classes %v", s.Info.Classes)
	}
	for i := range 3 * perClass {
		k, j := i/perClass, i%perClass
		if s.Train.Labels[i] != int32(k) {
			t.Errorf("image %d has label %d, want %d", i, s.Train.Labels[i], k)
		}
		for p, v := range s.Image(s.Train, i) {
			if d := int(v) - (60*k + 5*j); d < -1 || d > 1 {
				t.Fatalf("image %d, byte %d is %d, want %d", i, p, v, 60*k+5*j)
			}
		}
	}
	if !slices.Equal(s.Test.Labels, []int32{0, 0, 1, 1, 2, 2}) {
		t.Errorf("test labels %v", s.Test.Labels)
	}
	if !strings.Contains(s.Info.Preparation, "a part") {
		t.Errorf("preparation %q does not say that this is a part", s.Info.Preparation)
	}
}

func TestTinyImageNet(t *testing.T) {
	files := tinyFiles(t, 12)
	body := zipFS(t, tinyFolder, files)
	d, a := tinySet(), *tinyArchive
	d.archive = &a
	sum := fmt.Sprintf("%x", md5.Sum(body))
	a.Sources = []source{{URLs: []string{serve(t, body).URL + "/" + tinyZip}, Size: int64(len(body)), MD5: sum}}
	a.Files = []member{{Name: tinyZip, Max: 1 << 30, MD5: sum}}

	// The archive, fetched.
	dir := t.TempDir()
	s, err := d.openSet(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	wantTiny(t, s, 12)
	if s.Info.Source != "archive" || s.Info.Bytes != record.Official {
		t.Errorf("source %q, bytes %q", s.Info.Source, s.Info.Bytes)
	}
	// The unpacked files, where they are.
	raw := map[string][]byte{}
	for name, f := range files {
		raw[filepath.Join(tinyFolder, name)] = f.Data
	}
	unpacked := write(t, raw)
	if s, err = d.openSet(t.Context(), Options{Dir: unpacked, Offline: true}); err != nil {
		t.Fatal(err)
	}
	wantTiny(t, s, 12)
	if s.Info.Source != "folder" || s.Info.Bytes != record.Unofficial {
		t.Errorf("source %q, bytes %q", s.Info.Source, s.Info.Bytes)
	}
	// And installed from there.
	other := t.TempDir()
	if _, err := a.fetchFrom(t.Context(), unpacked, Options{Dir: other}, newFetcher(Options{})); err != nil {
		t.Fatal(err)
	}
	if s, err = d.openSet(t.Context(), Options{Dir: other, Offline: true}); err != nil {
		t.Fatal(err)
	}
	wantTiny(t, s, 12)
	if s.Info.Bytes != record.Unofficial {
		t.Errorf("bytes %q, want %q", s.Info.Bytes, record.Unofficial)
	}
}

func TestTinyImageNetFaults(t *testing.T) {
	big := image.NewRGBA(image.Rect(0, 0, 65, 64))
	var wide bytes.Buffer
	if err := jpeg.Encode(&wide, big, nil); err != nil {
		t.Fatal(err)
	}
	set := func(name string, b []byte) func(fstest.MapFS) {
		return func(f fstest.MapFS) { f[name] = &fstest.MapFile{Data: b} }
	}
	for _, c := range []struct {
		name, words string
		damage      func(f fstest.MapFS)
	}{
		{"no classes", "wnids.txt", func(f fstest.MapFS) { delete(f, "wnids.txt") }},
		{"one class", "names 1 classes", set("wnids.txt", []byte("n01\n"))},
		{"a class twice", "n01 twice", set("wnids.txt", []byte("n01\nn01\n"))},
		{"a class that leads elsewhere", "no class", set("wnids.txt", []byte("n01\n../n02\n"))},
		{"a class without a folder", "n09", set("wnids.txt", []byte("n01\nn09\n"))},
		{"an unknown class", "line 2", set("val/val_annotations.txt", []byte("val_0.JPEG\tn01\nval_1.JPEG\tn77\n"))},
		{"an image twice", "line 2", set("val/val_annotations.txt", []byte("val_0.JPEG\tn01\nval_0.JPEG\tn01\n"))},
		{"a path", "line 1", set("val/val_annotations.txt", []byte("../../val_0.JPEG\tn01\n"))},
		{"an image that is not there", "val_9.JPEG", set("val/val_annotations.txt", []byte("val_9.JPEG\tn01\n"))},
		{"another size", "64×65 pixels, want 64×64", set("train/n02/images/n02_1.JPEG", wide.Bytes())},
		{"no image", "n02_1.JPEG: neither", set("train/n02/images/n02_1.JPEG", bytes.Repeat([]byte("<html>"), 50))},
		{"an empty image", "want an image file", set("train/n02/images/n02_1.JPEG", nil)},
		{"a cut image", "n02_1.JPEG", set("train/n02/images/n02_1.JPEG", wide.Bytes()[:100])},
		{"a huge file", "want an image file of", set("train/n02/images/n02_1.JPEG", make([]byte, tinyFile+1))},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := tinyFiles(t, 2)
			c.damage(f)
			b := zipFS(t, tinyFolder, f)
			_, err := readTinyZip(t.Context(), bytes.NewReader(b), int64(len(b)))
			wantError(t, err, c.words)
		})
	}
	b := zipFS(t, tinyFolder, tinyFiles(t, 2))
	_, err := readTinyZip(t.Context(), bytes.NewReader(b[:len(b)/2]), int64(len(b)/2))
	wantError(t, err, "zip")
}

// The part of Tiny ImageNet that stands beside the project, where it does.
func TestRealTinyImageNet(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "shared", "data", "tiny-imagenet", "tiny-imagenet-200-subset.zip"))
	if err != nil {
		t.Skip("no part of Tiny ImageNet beside the project")
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	s, err := readTinyZip(t.Context(), f, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	s.complete("tiny-imagenet", "x")
	wantSet(t, s, 10000, 5000, 200)
	// Near those of the whole set, as the field uses them.
	for c, want := range []float64{.4802, .4481, .3975} {
		if math.Abs(s.Info.Mean[c]-want) > .005 {
			t.Errorf("channel %d: mean %.4f, want about %.4f", c, s.Info.Mean[c], want)
		}
	}
}

// Pillow's reading of the same files (testdata/make.py): of PNG it is the same; of
// JPEG the decoders differ by a few levels.
func TestImagesLikePillow(t *testing.T) {
	f, err := npz.Open(filepath.Join("testdata", "pillow.npz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := f.Array("images")
	if err != nil {
		t.Fatal(err)
	}
	all, err := a.Int32s()
	if err != nil {
		t.Fatal(err)
	}
	const one = 32 * 32 * 3
	for i, c := range []struct {
		name       string
		mean, most float64 // difference allowed
	}{
		{"rgb.png", 0, 0}, {"grey.png", 0, 0}, {"palette.png", 0, 0}, {"alpha.png", 0, 0},
		{"rgb.jpg", .2, 3}, {"chroma.jpg", .2, 3}, {"half.jpg", .2, 3}, {"progressive.jpg", .2, 3}, {"grey.jpg", .05, 2}, {"cmyk.jpg", .05, 2},
	} {
		got := make([]byte, one)
		if err := decodeImage(got, testdata(t, c.name), 32, 32, 3); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var sum, most float64
		for j, v := range got {
			d := math.Abs(float64(v) - float64(all[i*one+j]))
			sum, most = sum+d, max(most, d)
		}
		t.Logf("%s: mean difference %.3f, largest %.0f", c.name, sum/one, most)
		if sum/one > c.mean || most > c.most {
			t.Errorf("%s: mean difference from Pillow %.3f, largest %.0f; want at most %v, %v", c.name, sum/one, most, c.mean, c.most)
		}
	}
	// 16 bits: the high ones.
	got := make([]byte, 32*32)
	if err := decodeImage(got, testdata(t, "grey16.png"), 32, 32, 1); err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		red := 4*(i/32) + 60
		if y, x := i/32, i%32; y >= 8 && y < 20 && x >= 9 && x < 23 {
			red = 200
		}
		if want := (257*red - 3) >> 8; int(v) != want {
			t.Fatalf("pixel %d is %d, want %d", i, v, want)
		}
	}
	wantError(t, decodeImage(got, testdata(t, "rgb.png"), 32, 32, 1), "colours")
}

func pngOf(t testing.TB, v byte, height, width int, grey bool) []byte {
	t.Helper()
	var m image.Image
	if grey {
		g := image.NewGray(image.Rect(0, 0, width, height))
		for i := range g.Pix {
			g.Pix[i] = v
		}
		m = g
	} else {
		c := image.NewNRGBA(image.Rect(0, 0, width, height))
		for y := range height {
			for x := range width {
				c.SetNRGBA(x, y, color.NRGBA{v, byte(y), byte(x), 255})
			}
		}
		m = c
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFolder(t *testing.T) {
	t.Setenv(EnvDir, t.TempDir())
	files := map[string][]byte{
		"train/b/x_10.png": pngOf(t, 10, 5, 7, false), "train/b/x_9.png": pngOf(t, 9, 5, 7, false),
		"train/a/1.PNG": pngOf(t, 1, 5, 7, false), "train/a/.hidden": []byte("x"),
		"test/a/1.png": pngOf(t, 100, 5, 7, true),
	}
	dir := write(t, files)
	s, err := Open(t.Context(), "folder:"+dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, 3, 1, 2)
	if s.Height != 5 || s.Width != 7 || s.Channels != 3 || s.Info.Name != "folder:"+dir || s.Info.Bytes != record.Unofficial {
		t.Errorf("%+v", s.Info)
	}
	if !slices.Equal(s.Info.Classes, []string{"a", "b"}) || !slices.Equal(s.Train.Labels, []int32{0, 1, 1}) {
		t.Errorf("classes %v, labels %v", s.Info.Classes, s.Train.Labels)
	}
	for i, v := range []byte{1, 9, 10} { // 9 before 10
		for p := range 5 * 7 {
			if got := s.Image(s.Train, i)[3*p:][:3]; got[0] != v || got[1] != byte(p/7) || got[2] != byte(p%7) {
				t.Fatalf("image %d, pixel %d is %v", i, p, got)
			}
		}
	}
	if s.Image(s.Test, 0)[2] != 100 {
		t.Error("the grey test image was not repeated to three channels")
	}

	// One folder a class and no splits; grey throughout.
	s, err = OpenFolder(t.Context(), write(t, map[string][]byte{"a/1.png": pngOf(t, 3, 4, 4, true), "b/1.png": pngOf(t, 4, 4, 4, true)}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, 2, 0, 2)
	if s.Channels != 1 {
		t.Errorf("%d channels, want 1", s.Channels)
	}

	for _, c := range []struct {
		name, words string
		files       map[string][]byte
	}{
		{"sizes differ", "want 4×4 as a/1.png", map[string][]byte{"a/1.png": pngOf(t, 1, 4, 4, true), "b/1.png": pngOf(t, 1, 4, 5, true)}},
		{"no image", "b/1.png: neither", map[string][]byte{"a/1.png": pngOf(t, 1, 4, 4, true), "b/1.png": []byte("GIF89a")}},
		{"another file", "b/notes.txt is not a PNG or JPEG", map[string][]byte{"a/1.png": pngOf(t, 1, 4, 4, true), "b/notes.txt": nil}},
		{"a file among the classes", "x.png is not a folder", map[string][]byte{"a/1.png": pngOf(t, 1, 4, 4, true), "x.png": nil}},
		{"unknown test class", "test/c: no class", map[string][]byte{"train/a/1.png": pngOf(t, 1, 4, 4, true), "test/c/1.png": nil}},
		{"an empty class", `class "b" has no training images`, map[string][]byte{"train/a/1.png": pngOf(t, 1, 4, 4, true), "train/b/.x": nil}},
		{"empty", "no folders", nil},
	} {
		_, err := OpenFolder(t.Context(), write(t, c.files), Options{})
		if err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.words)
		}
	}
	_, err = Open(t.Context(), "folder:"+filepath.Join(dir, "absent"), Options{})
	wantError(t, err, "absent")

	// A header that promises much more than its file can hold.
	bomb := pngOf(t, 0, 2, 2, true)
	copy(bomb[16:], "\x00\x00\x10\x00\x00\x00\x10\x00") // 4096×4096
	crc := crcOf(bomb[12:29])
	copy(bomb[29:], crc[:])
	_, err = OpenFolder(t.Context(), write(t, map[string][]byte{"a/1.png": bomb, "b/1.png": bomb}), Options{})
	wantError(t, err, "bytes of pixels")
}

func TestNPZ(t *testing.T) {
	t.Setenv(EnvDir, t.TempDir())
	path := filepath.Join("testdata", "images.npz")
	s, err := Open(t.Context(), "npz:"+path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, 6, 2, 3)
	for i, v := range s.Train.Images {
		n, r, c, ch := i/60, i/15%4, i/3%5, i%3
		if want := byte(7*n + 3*r + 5*c + 70*ch); v != want {
			t.Fatalf("byte %d is %d, want %d", i, v, want)
		}
	}
	if !slices.Equal(s.Train.Labels, []int32{0, 1, 2, 0, 1, 2}) || !bytes.Equal(s.Test.Images, s.Train.Images[:120]) {
		t.Errorf("labels %v", s.Train.Labels)
	}
	if s.Info.Name != "npz:"+path || s.Info.Files[0].Name != "images.npz" {
		t.Errorf("info %+v", s.Info)
	}
	if s, err = OpenNPZ(t.Context(), filepath.Join("testdata", "grey.npz"), Options{}); err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, 6, 0, 3)
	if s.Channels != 1 {
		t.Errorf("%d channels, want 1", s.Channels)
	}

	for _, c := range []struct {
		name, words string
		write       func(w *npz.Writer) error
	}{
		{"no images", `no array "images"`, func(w *npz.Writer) error { return npz.Write(w, "x", []int{1}, []float32{1}) }},
		{"floats", `"<f4"; want uint8`, func(w *npz.Writer) error {
			return firstOf(npz.Write(w, "images", []int{1, 1, 1}, []float32{1}), npz.Write(w, "labels", []int{1}, []int32{0}))
		}},
		{"shape", "numpy.transpose", func(w *npz.Writer) error {
			return firstOf(npz.Write(w, "images", []int{1, 2}, []float32{1, 1}), npz.Write(w, "labels", []int{1}, []int32{0}))
		}},
	} {
		path := filepath.Join(t.TempDir(), "x.npz")
		w, err := npz.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := firstOf(c.write(w), w.Close()); err != nil {
			t.Fatal(err)
		}
		_, err = OpenNPZ(t.Context(), path, Options{})
		if err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.words)
		}
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestByNumber(t *testing.T) {
	names := []string{"n_0.x", "n_2.x", "n_10.x", "n_11.x", "n_100.x", "o_1.x"}
	got := slices.Clone(names)
	slices.Reverse(got)
	slices.SortFunc(got, natural.Compare)
	if !slices.Equal(got, names) {
		t.Errorf("order %v, want %v", got, names)
	}
}

// Readers that fuzzing reaches: none may panic, or take more memory than the files
// and the sizes that are asked for justify.

func FuzzDecodeCIFAR100(f *testing.F) {
	f.Add(make([]byte, 2*cifar100Record), 2)
	f.Add([]byte{20, 3}, 1)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n < 0 || n > 50 {
			return
		}
		images, labels := make([]byte, n*cifarImage), make([]int32, n)
		if err := decodeCIFAR(bytes.NewReader(b), cifar100Format, images, labels); err != nil {
			return
		}
		if len(b) != n*cifar100Record {
			t.Fatalf("took %d bytes as %d records", len(b), n)
		}
	})
}

func FuzzDecodeSTL(f *testing.F) {
	f.Add(make([]byte, stlImage), 1)
	f.Add([]byte{1, 2, 3}, 3)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n < 0 || n > 5 {
			return
		}
		if err := decodeSTLImages(bytes.NewReader(b), make([]byte, n*stlImage)); (err == nil) != (len(b) == n*stlImage) {
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

func FuzzTinyZip(f *testing.F) {
	files := tinyFiles(f, 1)
	f.Add(zipFS(f, tinyFolder, files))
	delete(files, "val/val_annotations.txt")
	f.Add(zipFS(f, tinyFolder, files))
	f.Add(zipFS(f, "../"+tinyFolder, files))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readTinyZip(t.Context(), bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		if len(s.Train.Images) != s.Train.Len()*tinySide*tinySide*3 || s.Train.Len() > len(b) {
			t.Errorf("%d images from %d bytes", s.Train.Len(), len(b))
		}
	})
}

func FuzzDecodeImage(f *testing.F) {
	for _, name := range []string{"rgb.png", "grey16.png", "palette.png", "chroma.jpg", "progressive.jpg", "cmyk.jpg"} {
		f.Add(testdata(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		dst := make([]byte, 32*32*3)
		_ = decodeImage(dst, b, 32, 32, 3)
	})
}

func FuzzNPZ(f *testing.F) {
	f.Add(testdata(f, "images.npz"))
	f.Add(testdata(f, "grey.npz"))
	path := filepath.Join(f.TempDir(), "f.npz")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := readNPZ(t.Context(), path)
		if err != nil {
			return
		}
		if len(s.Train.Images) != s.Train.Len()*s.Height*s.Width*s.Channels {
			t.Errorf("%d bytes of %d images of %d×%d×%d", len(s.Train.Images), s.Train.Len(), s.Height, s.Width, s.Channels)
		}
	})
}

func FuzzFolder(f *testing.F) {
	f.Add(pngOf(f, 1, 4, 4, true), testdata(f, "rgb.png"), "a", "b")
	f.Add(pngOf(f, 1, 4, 4, true), pngOf(f, 1, 4, 4, false), "train/a", "test/a")
	f.Fuzz(func(t *testing.T, x, y []byte, dirX, dirY string) {
		if !fs.ValidPath(dirX) || !fs.ValidPath(dirY) {
			return
		}
		s, err := readFolder(t.Context(), fstest.MapFS{dirX + "/1.png": {Data: x}, dirY + "/2.png": {Data: y}})
		if err != nil {
			return
		}
		if n := len(s.Train.Images) + len(s.Test.Images); n > maxGain*(len(x)+len(y))+1<<20 {
			t.Errorf("%d bytes of pixels from %d", n, len(x)+len(y))
		}
	})
}

// crcOf is the checksum of a PNG chunk.
func crcOf(b []byte) (sum [4]byte) {
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE(b))
	return sum
}

// A file that declares much more than it holds costs no more memory than it holds.
func TestDeclaredSizesAreNotTrusted(t *testing.T) {
	plain := testdata(t, "svhn-plain.mat")
	x := bytes.Index(plain, []byte("\x01\x00\x01\x00X"))
	const n = 1 << 20 // 3 GiB of images
	mat := slices.Concat(plain[:x+16], make([]byte, 100))
	binary.LittleEndian.PutUint32(mat[x-4:], n)            // the last dimension
	binary.LittleEndian.PutUint32(mat[x+12:], n*svhnImage) // the size of the values
	binary.LittleEndian.PutUint32(mat[132:], 1<<32-8)      // the size of the matrix
	images := slices.Concat([]byte{0, 0, 8, 3}, []byte{0, 0x0F, 0xFF, 0xFF}, []byte{0, 0, 0, 28}, []byte{0, 0, 0, 28}, make([]byte, 100))
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
