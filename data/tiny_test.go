package data

import (
	"archive/zip"
	"bytes"
	"crypto/md5"
	"fmt"
	"image"
	"image/jpeg"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gocollapse/collapse/data/archive"
	"github.com/gocollapse/collapse/record"
)

// tinyFiles makes a small Tiny ImageNet: grey and coloured JPEG files of three classes, named so that
// the order of names is not that of numbers.
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
			name := fmt.Sprintf("train/%s/images/%s_%d.JPEG", c, c, i)
			f[name] = &fstest.MapFile{Data: flatJPEG(t, byte(60*k+5*i), i == 0)}
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
	for _, name := range slices.Sorted(maps.Keys(files)) {
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
	d := known(t, "tiny-imagenet")
	sum := fmt.Sprintf("%x", md5.Sum(body))
	url := serve(t, body).URL + "/" + tinyZip
	d.archive.Sources = []archive.Source{{URLs: []string{url}, Size: int64(len(body)), MD5: sum}}
	d.archive.Files = []archive.Member{{Name: tinyZip, Max: 1 << 30, MD5: sum}}

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
	if _, err := d.archive.FetchFrom(t.Context(), unpacked, d.options(Options{Dir: other})); err != nil {
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
	const notes, image2 = "val/val_annotations.txt", "train/n02/images/n02_1.JPEG"
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
		{"an unknown class", "line 2", set(notes, []byte("val_0.JPEG\tn01\nval_1.JPEG\tn77\n"))},
		{"an image twice", "line 2", set(notes, []byte("val_0.JPEG\tn01\nval_0.JPEG\tn01\n"))},
		{"a path", "line 1", set(notes, []byte("../../val_0.JPEG\tn01\n"))},
		{"an image that is not there", "val_9.JPEG", set(notes, []byte("val_9.JPEG\tn01\n"))},
		{"another size", "64×65 pixels, want 64×64", set(image2, wide.Bytes())},
		{"no image", "n02_1.JPEG: no PNG", set(image2, bytes.Repeat([]byte("<html>"), 50))},
		{"an empty image", "want an image file", set(image2, nil)},
		{"a cut image", "n02_1.JPEG", set(image2, wide.Bytes()[:100])},
		{"a huge file", "want an image file of", set(image2, make([]byte, tinyFile+1))},
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

// The part of Tiny ImageNet that is next to the project, where it is.
func TestRealTinyImageNet(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "shared", "data", "tiny-imagenet", "tiny-imagenet-200-subset.zip"))
	if err != nil {
		t.Skip("no part of Tiny ImageNet next to the project")
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
