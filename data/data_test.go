package data

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gocollapse/collapse/data/fashion"
	"github.com/gocollapse/collapse/record"
)

func TestOpenUnknown(t *testing.T) {
	_, err := Open(context.Background(), "cifar11", Options{})
	wantError(t, err, `"cifar11"`, "cifar10", "fashion-mnist-small", "folder:PATH")
	_, err = Fetch(context.Background(), "cifar11", Options{})
	wantError(t, err, `"cifar11"`)
	_, _, err = Locate("cifar11", Options{})
	wantError(t, err, `"cifar11"`)
}

// The names of a specification are those of the sets.
func TestNamesAreThoseOfSpecifications(t *testing.T) {
	var names []string
	for _, a := range List() {
		names = append(names, a.Name)
		if a.Title == "" || a.Licence == "" || a.Citation == "" {
			t.Errorf("%s lacks a title, licence or citation: %+v", a.Name, a)
		}
	}
	for _, d := range record.Datasets {
		if !slices.Contains(names, d) {
			t.Errorf("specifications know %q, which is not among the sets %v", d, names)
		}
	}
}

func TestLocate(t *testing.T) {
	dir := t.TempDir()
	want := filepath.Join(dir, "cifar-10-batches-bin")
	if got, found, err := Locate("cifar10", Options{Dir: dir}); err != nil || found || got != want {
		t.Errorf("Locate = %q, %v, %v; want %q, false", got, found, err, want)
	}
	folder := miniFolder(t)
	for _, dir := range []string{folder, filepath.Dir(folder)} {
		if got, found, err := Locate("cifar10", Options{Dir: dir}); err != nil || !found || got != folder {
			t.Errorf("Locate = %q, %v, %v; want %q, true", got, found, err, folder)
		}
	}
	t.Setenv(EnvDir, "")
	t.Setenv("XDG_CACHE_HOME", dir)
	t.Setenv("HOME", dir)
	got, found, err := Locate("cifar10", Options{})
	if err != nil || found || filepath.Base(filepath.Dir(filepath.Dir(got))) != "collapse" {
		t.Errorf("Locate = %q, %v, %v; want a folder in the cache folder's collapse/data", got, found, err)
	}
}

// TestListLocated: every set of List, with the place that Locate gives.
func TestListLocated(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	all, err := ListLocated(o)
	if err != nil || len(all) != len(List()) {
		t.Fatalf("%d sets, want %d: %v", len(all), len(List()), err)
	}
	for _, l := range all {
		dir, found, err := Locate(l.Name, o)
		if err != nil || l.Folder != dir || l.Installed != found || found != (l.Download == 0) {
			t.Errorf("%s: installed %v in %q, Locate says %v, %q, %v", l.Name, l.Installed, l.Folder, found, dir, err)
		}
	}
}

func TestFashion(t *testing.T) {
	s, err := Open(context.Background(), "fashion-mnist-small", Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	in := s.Info
	if s.Height != 32 || s.Width != 32 || s.Channels != 3 || in.Height != 32 || in.Width != 32 || in.Channels != 3 {
		t.Errorf("shape %d×%d×%d, want 32×32×3", s.Height, s.Width, s.Channels)
	}
	if in.Train != 5000 || in.Test != 1000 || in.Source != "embedded" || in.Bytes != record.Official ||
		len(in.Classes) != 10 {
		t.Errorf("info %+v", in)
	}
	for _, c := range []struct {
		name  string
		split Split
		read  func() ([]byte, []byte, error)
	}{{"train", s.Train, fashion.Train}, {"test", s.Test, fashion.Test}} {
		images, labels, err := c.read()
		if err != nil {
			t.Fatal(err)
		}
		if len(c.split.Images) != c.split.Len()*32*32*3 || len(labels) != c.split.Len() {
			t.Fatalf("%s: %d labels, %d bytes of images", c.name, c.split.Len(), len(c.split.Images))
		}
		var counts [10]int
		for i, l := range c.split.Labels {
			counts[l]++
			img := s.Image(c.split, i)
			for p, v := range img {
				y, x := p/3/32-2, p/3%32-2
				var want byte
				if y >= 0 && y < 28 && x >= 0 && x < 28 {
					want = images[(i*28+y)*28+x]
				}
				if v != want {
					t.Fatalf("%s image %d, row %d, column %d, channel %d is %d, want %d",
						c.name, i, y+2, x+2, p%3, v, want)
				}
			}
		}
		for k, n := range counts {
			if n != c.split.Len()/10 {
				t.Errorf("%s: class %d has %d images, want %d", c.name, k, n, c.split.Len()/10)
			}
		}
	}
	// The statistics, by another way: over pixels that are not padding.
	var sum, squares, n float64
	for i := range s.Train.Len() {
		img := s.Image(s.Train, i)
		for y := 2; y < 30; y++ {
			for x := 2; x < 30; x++ {
				v := float64(img[(y*32+x)*3]) / 255
				sum, squares, n = sum+v, squares+v*v, n+1
			}
		}
	}
	mean, std := sum/n, math.Sqrt(squares/n-sum/n*sum/n)
	for c := range 3 {
		if math.Abs(in.Mean[c]-mean) > 1e-9 || math.Abs(in.Std[c]-std) > 1e-9 {
			t.Errorf("channel %d: mean %v, std %v; want %v, %v", c, in.Mean[c], in.Std[c], mean, std)
		}
	}
	// Close to those of all 60,000 images, .2860 and .3530.
	if math.Abs(mean-.2860) > .01 || math.Abs(std-.3530) > .01 {
		t.Errorf("mean %v, std %v: not Fashion-MNIST's", mean, std)
	}
}

func TestPerClass(t *testing.T) {
	s, err := Open(context.Background(), "fashion-mnist-small", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if all, err := s.PerClass(0, 1); err != nil || all != s {
		t.Errorf("PerClass(0) = %p, %v; want the set itself", all, err)
	}
	pick := func(n int, seed int64) *Set {
		t.Helper()
		p, err := s.PerClass(n, seed)
		if err != nil {
			t.Fatal(err)
		}
		if p.Train.Len() != 10*n || p.Info.Train != 10*n || len(p.Train.Images) != 10*n*32*32*3 {
			t.Fatalf("%d labels, %d said, %d bytes of images; want %d images",
				p.Train.Len(), p.Info.Train, len(p.Train.Images), 10*n)
		}
		if p.Test.Len() != s.Test.Len() || p.Info.Test != s.Info.Test {
			t.Errorf("%d test images, want %d", p.Test.Len(), s.Test.Len())
		}
		var counts [10]int
		// Each image is one of s, further on than the one before.
		at := 0
		for i, l := range p.Train.Labels {
			counts[l]++
			for ; at < s.Train.Len(); at++ {
				if s.Train.Labels[at] == l && bytes.Equal(p.Image(p.Train, i), s.Image(s.Train, at)) {
					break
				}
			}
			if at == s.Train.Len() {
				t.Fatalf("image %d is not in the order of the set", i)
			}
			at++
		}
		for k, c := range counts {
			if c != n {
				t.Errorf("class %d has %d images, want %d", k, c, n)
			}
		}
		return p
	}
	before := s.Info.Preparation
	a, again, other := pick(20, 7), pick(20, 7), pick(20, 8)
	if !bytes.Equal(a.Train.Images, again.Train.Images) {
		t.Error("the same seed gives other images")
	}
	if bytes.Equal(a.Train.Images, other.Train.Images) {
		t.Error("another seed gives the same images")
	}
	if s.Info.Train != 5000 || s.Info.Preparation != before || a.Info.Preparation == before {
		t.Errorf("preparation %q of the subset, %q of the set", a.Info.Preparation, s.Info.Preparation)
	}
	if whole := pick(500, 7); !bytes.Equal(whole.Train.Images, s.Train.Images) {
		t.Error("all images of each class are not the set in its order")
	}
	// The selection of seed 7 on every platform, as computed by an independent
	// program in Python from the definitions of SplitMix64 and PCG-DXSM.
	for i, at := range []int{
		7, 18, 81, 118, 129, 134, 185, 202, 205, 240, 246, 267, 269, 277, 286, 287, 309, 347, 382, 386,
	} {
		if !bytes.Equal(a.Image(a.Train, i), s.Image(s.Train, at)) {
			t.Errorf("image %d of the selection is not image %d of the set", i, at)
		}
	}
	_, err = s.PerClass(501, 1)
	wantError(t, err, "class 0 (T-shirt/top) has 500 training images, 501 asked for", "at most 500")
	_, err = s.PerClass(-1, 1)
	wantError(t, err, "-1")
}

func TestPerClassUneven(t *testing.T) {
	s := &Set{Height: 1, Width: 1, Channels: 1,
		Train: Split{Images: []byte{0, 1, 2, 3, 4}, Labels: []int32{0, 1, 0, 0, 1}},
		Info:  record.Data{Name: "x", Classes: []string{"a", "b", "c"}}}
	_, err := s.PerClass(1, 1)
	wantError(t, err, "class 2 (c) has 0 training images", "at most 0")
	s.Info.Classes = s.Info.Classes[:2]
	p, err := s.PerClass(2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if p.Train.Len() != 4 || p.Image(p.Train, 0)[0] > p.Image(p.Train, 1)[0] {
		t.Errorf("selection %v %v", p.Train.Images, p.Train.Labels)
	}
	_, err = s.PerClass(3, 1)
	wantError(t, err, "class 1 (b) has 2 training images, 3 asked for", "at most 2")
}

// The orders are those that an independent program in Python computed from the
// definitions of SplitMix64, PCG-DXSM and Lemire's method.
func TestPermutationGolden(t *testing.T) {
	for _, c := range []struct {
		n     int
		seed  int64
		epoch int
		want  []int32
	}{
		{10, 2021, 1, []int32{2, 7, 9, 8, 6, 3, 4, 1, 0, 5}},
		{10, 2021, 2, []int32{6, 0, 2, 8, 9, 5, 3, 4, 1, 7}},
		{12, -1, 800, []int32{8, 4, 6, 0, 2, 9, 3, 11, 10, 7, 5, 1}},
		{12, 0, 0, []int32{6, 9, 5, 11, 7, 3, 4, 0, 2, 8, 10, 1}},
		{1, 5, 1, []int32{0}},
		{0, 5, 1, nil},
		{-3, 5, 1, nil},
	} {
		if got := Permutation(c.n, c.seed, c.epoch); !slices.Equal(got, c.want) {
			t.Errorf("Permutation(%d, %d, %d) = %v, want %v", c.n, c.seed, c.epoch, got, c.want)
		}
	}
}

func TestPermutationOfCIFAR10Golden(t *testing.T) {
	want := []int32{10431, 36562, 43991, 40783, 20307, 37344, 7716, 5128}
	if got := Permutation(50000, 2021, 1)[:8]; !slices.Equal(got, want) {
		t.Errorf("the first of 50,000 are %v, want %v", got, want)
	}
}

// Every order is a permutation, and neighbouring seeds and epochs give unrelated
// ones: many of 5 numbers hit each of the 120 orders about equally often.
func TestPermutationUniform(t *testing.T) {
	for name, at := range map[string]func(i int) []int32{
		"epochs": func(i int) []int32 { return Permutation(5, 2021, i) },
		"seeds":  func(i int) []int32 { return Permutation(5, int64(i), 1) },
	} {
		const draws = 12000
		counts := map[string]int{}
		pairs := 0 // how often the first number is the one of the draw before
		var last int32 = -1
		for i := range draws {
			p := at(i)
			counts[fmt.Sprint(p)]++
			if p[0] == last {
				pairs++
			}
			last = p[0]
			slices.Sort(p)
			if !slices.Equal(p, []int32{0, 1, 2, 3, 4}) {
				t.Fatalf("%v is no permutation", p)
			}
		}
		// χ² with 119 degrees of freedom: mean 119, standard deviation 15.4.
		var chi float64
		for _, c := range counts {
			d := float64(c) - draws/120
			chi += d * d / (draws / 120)
		}
		chi += float64(120-len(counts)) * draws / 120
		if chi > 119+6*15.4 {
			t.Errorf("%s: χ² %.0f of the orders, want about 119", name, chi)
		}
		if d := math.Abs(float64(pairs) - draws/5); d > 6*math.Sqrt(draws*.2*.8) {
			t.Errorf("%s: %d of %d draws begin as the one before, want about %d", name, pairs, draws, draws/5)
		}
	}
}

// realFolder is where tests find the real images of a set, if at all.
func realFolder(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{os.Getenv(EnvDir), filepath.Join("..", "..", "shared", "data-unpacked")} {
		if dir == "" {
			continue
		}
		if _, found, err := Locate(name, Options{Dir: dir}); err == nil && found {
			return dir
		}
	}
	t.Skipf("%s is not here: set %s to the folder that holds its folder", name, EnvDir)
	return ""
}

func TestOpenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := miniSet(t, nil, "").openSet(ctx, Options{Dir: miniFolder(t)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}
