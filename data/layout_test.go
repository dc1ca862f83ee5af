package data

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Folders as people have them: each names its splits in its own way, and systems leave files.
func TestLayouts(t *testing.T) {
	t.Setenv(EnvDir, t.TempDir())
	type files = map[string][]byte
	a, b, c := pngOf(t, 1, 4, 4, false), pngOf(t, 2, 4, 4, false), pngOf(t, 3, 4, 4, false)
	for _, x := range []struct {
		name    string
		files   files
		classes string
		train   []byte // the first byte of each training image, in order
		test    []byte
		note    string
	}{
		{"capitals", files{"Train/a/1.png": a, "Train/b/1.png": b, "TEST/a/1.png": c}, "a b", []byte{1, 2},
			[]byte{3}, ""},
		{"valid", files{"train/a/1.png": a, "train/b/1.png": b, "valid/b/1.png": c}, "a b", []byte{1, 2},
			[]byte{3}, ""},
		{"long names", files{"Training/a/1.png": a, "Validation/a/1.png": c}, "a", []byte{1}, []byte{3}, ""},
		{"test before val", files{"train/a/1.png": a, "val/a/1.png": b, "test/a/1.png": c}, "a", []byte{1}, []byte{3},
			"those in test; val is not read"},
		{"test images without labels", files{"train/a/1.png": a, "train/b/1.png": b, "test/1.png": c}, "a b",
			[]byte{1, 2}, nil, "the images in test are in no class folder and are not read"},
		{"folders in a class", files{"train/a/10.png": b, "train/a/9.png": a, "train/a/more/1.png": c}, "a",
			[]byte{1, 2, 3}, nil, ""},
		{"what systems leave", files{"a/1.png": a, "b/1.png": b, ".DS_Store": nil, "__MACOSX/a/._1.png": nil,
			"Thumbs.db": nil, "a/Thumbs.db": nil, "a/._1.png": nil, "b/desktop.ini": nil, "a/.DS_Store": nil},
			"a b", []byte{1, 2}, nil, ""},
		{"files about the images", files{"train/a/1.png": a, "README.md": nil, "LICENSE": nil, "train/labels.csv": nil,
			"train/a/list.txt": nil, "other/x.png": b}, "a", []byte{1}, nil, ""},
		{"a class named train", files{"train/1.png": b, "car/1.png": a}, "car train", []byte{1, 2}, nil, ""},
	} {
		s, err := OpenFolder(t.Context(), write(t, x.files), Options{})
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		first := func(p Split) (all []byte) {
			for i := range p.Len() {
				all = append(all, s.Image(p, i)[0])
			}
			return all
		}
		notes := strings.Join(s.Info.Notes, "; ")
		if strings.Join(s.Info.Classes, " ") != x.classes || !bytes.Equal(first(s.Train), x.train) ||
			!bytes.Equal(first(s.Test), x.test) || !strings.Contains(notes, x.note) || (notes == "") != (x.note == "") {
			t.Errorf("%s: classes %v, training images %v, test images %v, notes %q", x.name, s.Info.Classes,
				first(s.Train), first(s.Test), notes)
		}
	}
}

// A folder that cannot be read says what was found and what is wanted, and never tells anyone to
// take images away.
func TestLayoutFaults(t *testing.T) {
	t.Setenv(EnvDir, t.TempDir())
	a := pngOf(t, 1, 4, 4, false)
	type files = map[string][]byte
	for _, x := range []struct {
		name, words string
		files       files
	}{
		{"two of one name", "both Train and train hold folders", files{"Train/a/1.png": a, "train/a/1.png": a}},
		{"two training folders", "both train and training", files{"training/a/1.png": a, "train/a/1.png": a}},
		{"test images alone", "a folder test and none of training images", files{"test/a/1.png": a, "test/b/1.png": a}},
		{"no class folders", "test, train: no class folders inside; want train/CLASS/FILE.png",
			files{"train/cat.0.png": a, "train/dog.0.png": a, "test/1.png": a}},
		{"one folder too high", "the folders in set are the classes",
			files{"set/a/1.png": a, "set/b/1.png": a}},
		{"splits one folder too high", "hold folders and no images", files{"set/train/a/1.png": a}},
		{"an image among classes", "train/1.png is not in a class folder", files{"train/a/1.png": a, "train/1.png": a}},
		{"another format", "convert it if it is an image", files{"a/1.png": a, "b/1.tiff": a}},
	} {
		_, err := OpenFolder(t.Context(), write(t, x.files), Options{})
		if err == nil || !strings.Contains(err.Error(), x.words) || strings.Contains(err.Error(), "move") {
			t.Errorf("%s: error %v, want one that says %q", x.name, err, x.words)
		}
	}
}

// A link that leads to a folder above it is an error and not an endless walk.
func TestLinkUpwards(t *testing.T) {
	t.Setenv(EnvDir, t.TempDir())
	dir := write(t, map[string][]byte{"a/1.png": pngOf(t, 1, 4, 4, false), "b/1.png": pngOf(t, 2, 4, 4, false)})
	if err := os.Symlink(dir, filepath.Join(dir, "a", "up")); err != nil {
		t.Skip(err)
	}
	_, err := OpenFolder(t.Context(), dir, Options{})
	wantError(t, err, "does a link lead upwards?")
}

// Images in all formats and of several sizes become one size, and the record says so; an opening
// from the decoded copy says the same.
func TestFolderResize(t *testing.T) {
	t.Setenv(EnvDir, t.TempDir())
	dir := write(t, map[string][]byte{
		"a/1.png": pngOf(t, 1, 8, 8, false), "a/2.bmp": testdata(t, "rgb.bmp"), "a/3.webp": testdata(t, "turned.webp"),
		"b/1.jpg": testdata(t, "turned.jpg"), "b/2.png": pngOf(t, 9, 16, 4, true),
	})
	_, err := OpenFolder(t.Context(), dir, Options{})
	wantError(t, err, "a/2.bmp: 32×32 pixels, want 8×8 as a/1.png; to scale all images to 8×8 give resize 8")
	for range 2 {
		var log strings.Builder
		s, err := OpenFolder(t.Context(), dir, Options{Resize: 8, Log: &log})
		if err != nil {
			t.Fatal(err)
		}
		wantSet(t, s, 5, 0, 2)
		if s.Height != 8 || s.Width != 8 || s.Channels != 3 ||
			!strings.Contains(s.Info.Preparation, "scaled to 8×8 by a triangle filter") {
			t.Errorf("%+v", s.Info)
		}
		if !bytes.Equal(s.Image(s.Train, 0)[:6], []byte{1, 0, 0, 1, 0, 1}) { // of that size already
			t.Errorf("the first image begins with % x", s.Image(s.Train, 0)[:6])
		}
		if grey := s.Image(s.Train, 4); slices.ContainsFunc(grey, func(v byte) bool { return v != 9 }) {
			t.Errorf("an even grey image became % x", grey)
		}
		want := "2 of 5 images have an EXIF orientation other than 1"
		if len(s.Info.Notes) != 1 || !strings.Contains(s.Info.Notes[0], want) || !strings.Contains(log.String(), want) {
			t.Errorf("notes %q, log %q", s.Info.Notes, log.String())
		}
	}
	s, err := OpenFolder(t.Context(), dir, Options{Resize: 5}) // not the decoded copy of 8×8
	if err != nil || s.Height != 5 {
		t.Errorf("resize 5 after 8: %v, %v", s, err)
	}
	for _, side := range []int{-1, 5000} {
		_, err := OpenFolder(t.Context(), dir, Options{Resize: side})
		wantError(t, err, fmt.Sprintf("%d×%[1]d; want 1 to 4096", side))
	}
	_, err = Open(t.Context(), "npz:"+filepath.Join("testdata", "images.npz"), Options{Resize: 8})
	wantError(t, err, "only those of folder:PATH")
}
