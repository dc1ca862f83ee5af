package data

import (
	"bytes"
	"compress/gzip"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/data/archive"
	"github.com/gocollapse/collapse/data/idx"
	"github.com/gocollapse/collapse/record"
)

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

// miniMNIST is MNIST as if it were small.
func miniMNIST(t *testing.T, train, test int) dataset {
	d := known(t, "mnist")
	d.read = mnistReader("mnist", train, test, digits)
	return d
}

func TestMNIST(t *testing.T) {
	d := miniMNIST(t, 30, 20)
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
}

func TestMNISTFaults(t *testing.T) {
	const trainImages, trainLabels = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
	const testImages, testLabels = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
	for _, c := range []struct {
		name, words string
		damage      func(files map[string][]byte)
	}{
		{"fewer labels", "want 30", func(f map[string][]byte) {
			f[trainLabels] = append([]byte{0, 0, 8, 1, 0, 0, 0, 29}, make([]byte, 29)...)
		}},
		{"a label too large", "label 3 is 10", func(f map[string][]byte) { f[testLabels][8+3] = 10 }},
		{"other sizes", "want 30 of 28×28", func(f map[string][]byte) {
			f[trainImages][7], f[trainImages][15] = 15, 56
		}},
		{"cut", "the file is cut", func(f map[string][]byte) { f[trainImages] = f[trainImages][:1000] }},
		{"bytes that follow", "bytes follow", func(f map[string][]byte) { f[trainLabels] = append(f[trainLabels], 0) }},
		{"missing", "missing", func(f map[string][]byte) { delete(f, testImages) }},
		{"damaged gzip", testImages + ".gz", func(f map[string][]byte) {
			z := gzipped(t, f[testImages])
			z[len(z)-8] ^= 1
			f[testImages+".gz"] = z
		}},
		{"not gzip", "not a gzip file", func(f map[string][]byte) { f[testImages+".gz"] = []byte("<html>") }},
		{"a bomb", "bytes follow", func(f map[string][]byte) {
			f[testLabels+".gz"] = gzipped(t, append(f[testLabels], make([]byte, 1<<24)...))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files, _ := idxSet(t, 30, 20, false)
			c.damage(files)
			_, err := miniMNIST(t, 30, 20).openSet(t.Context(), Options{Dir: write(t, files), Offline: true})
			wantError(t, err, c.words)
		})
	}
}

// The files of MNIST and Fashion-MNIST have the same names and sizes.
func TestMNISTIsNotFashionMNIST(t *testing.T) {
	sums := make([]archive.Sum, 4)
	for i := range sums {
		sums[i].Name, sums[i].Content = idxNames[i], idxContents["fashion-mnist"][i]
	}
	wantError(t, apart("mnist", sums, "D"), "train-images", "D", "is that of fashion-mnist, not of mnist")
	if err := apart("fashion-mnist", sums, "D"); err != nil {
		t.Error(err)
	}
}

// Debian's package has the files under other gzip headers: their content is the official one all the
// same.
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
