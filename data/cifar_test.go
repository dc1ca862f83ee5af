package data

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/data/archive"
	"github.com/gocollapse/collapse/record"
)

// mini100 makes the two files of a small CIFAR-100 and the sets that read them, with fine and with
// coarse labels.
func mini100(t *testing.T) (train, test []byte, sets []dataset) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	file := func(n int) []byte {
		b := make([]byte, n*cifar100Record)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		for i := range n {
			b[i*cifar100Record], b[i*cifar100Record+1] = byte(i%20), byte(i%100)
		}
		return b
	}
	train, test = file(200), file(100)
	for _, name := range []string{"cifar100", "cifar100-coarse"} {
		d := known(t, name)
		d.archive.Files = []archive.Member{
			{Name: "train.bin", Size: int64(len(train)), SHA256: fmt.Sprintf("%x", sha256.Sum256(train))},
			{Name: "test.bin", Size: int64(len(test)), SHA256: fmt.Sprintf("%x", sha256.Sum256(test))},
		}
		sets = append(sets, d)
	}
	return train, test, sets
}

func TestCIFAR100(t *testing.T) {
	train, test, sets := mini100(t)
	folder := write(t, map[string][]byte{"cifar-100-binary/train.bin": train, "cifar-100-binary/test.bin": test})
	for _, d := range sets {
		s, err := d.openSet(t.Context(), Options{Dir: folder, Offline: true})
		if err != nil {
			t.Fatal(err)
		}
		wantSet(t, s, 200, 100, d.classes)
		// From a folder, but each file has its published hash.
		if s.Info.Name != d.name || s.Info.Source != "folder" || s.Info.Bytes != record.Official {
			t.Errorf("%s from a %s, %s", s.Info.Name, s.Info.Source, s.Info.Bytes)
		}
		at := 1
		if d.classes == 20 {
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
}

// A label out of range, coarse or fine, is found whichever is asked for.
func TestCIFAR100Labels(t *testing.T) {
	train, test, sets := mini100(t)
	for i, c := range []struct {
		at    int
		value byte
		words string
	}{{0, 20, "label 20, want 0 to 19"}, {1, 100, "label 100, want 0 to 99"}} {
		bad := bytes.Clone(test)
		bad[7*cifar100Record+c.at] = c.value
		folder := write(t, map[string][]byte{"cifar-100-binary/train.bin": train, "cifar-100-binary/test.bin": bad})
		_, err := sets[i].openSet(t.Context(), Options{Dir: folder})
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

func TestRealCIFAR10(t *testing.T) {
	s, err := Open(context.Background(), "cifar10", Options{Dir: realFolder(t, "cifar10"), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	if s.Train.Len() != 50000 || s.Test.Len() != 10000 || s.Info.Train != 50000 || s.Info.Test != 10000 {
		t.Fatalf("%d + %d images, want 50000 + 10000", s.Train.Len(), s.Test.Len())
	}
	for _, c := range []struct {
		split Split
		want  int
	}{{s.Train, 5000}, {s.Test, 1000}} {
		var counts [10]int
		for _, l := range c.split.Labels {
			counts[l]++
		}
		for k, n := range counts {
			if n != c.want {
				t.Errorf("class %d has %d images, want %d", k, n, c.want)
			}
		}
	}
	var sum, squares [3]uint64
	for i, v := range s.Train.Images {
		sum[i%3] += uint64(v)
		squares[i%3] += uint64(v) * uint64(v)
	}
	for c, want := range []float64{.49139965, .4821582, .44653071} {
		n := float64(len(s.Train.Images) / 3)
		mean := float64(sum[c]) / n / 255
		std := math.Sqrt(float64(squares[c])/n/255/255 - mean*mean)
		if math.Abs(mean-want) > 1e-6 {
			t.Errorf("channel %d: mean %.8f, want %.8f", c, mean, want)
		}
		if math.Abs(mean-s.Info.Mean[c]) > 1e-4 || math.Abs(std-s.Info.Std[c]) > 1e-3 {
			t.Errorf("channel %d: mean %.5f, std %.5f; the set says %v, %v",
				c, mean, std, s.Info.Mean[c], s.Info.Std[c])
		}
	}
	if len(s.Info.Files) != 6 {
		t.Errorf("%d files, want 6", len(s.Info.Files))
	}
}

func FuzzDecodeCIFAR(f *testing.F) {
	rec := make([]byte, cifarRecord)
	f.Add(rec, 1)
	f.Add(append(rec, rec...), 1)
	f.Add(rec[:3000], 1)
	f.Add(append([]byte{200}, rec...), 2)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n < 0 || n > 300 {
			return
		}
		images, labels := make([]byte, n*cifarImage), make([]int32, n)
		err := decodeCIFAR(bytes.NewReader(b), cifar10Format, images, labels)
		valid := len(b) == n*cifarRecord
		for i := 0; valid && i < n; i++ {
			valid = b[i*cifarRecord] < 10
		}
		if (err == nil) != valid {
			t.Fatalf("%d bytes as %d records: error %v", len(b), n, err)
		}
		for i := 0; valid && i < n; i++ {
			for p := range cifarPixels {
				for c := range 3 {
					if images[i*cifarImage+3*p+c] != b[i*cifarRecord+1+c*cifarPixels+p] {
						t.Fatalf("record %d, pixel %d, channel %d", i, p, c)
					}
				}
			}
		}
	})
}
