package data

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gocollapse/collapse/record"
)

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
	if s.Height != 5 || s.Width != 7 || s.Channels != 3 || s.Info.Name != "folder:"+dir ||
		s.Info.Bytes != record.Unofficial {
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
}

// One folder per class and no splits; grey throughout.
func TestFolderWithoutSplits(t *testing.T) {
	t.Setenv(EnvDir, t.TempDir())
	dir := write(t, map[string][]byte{"a/1.png": pngOf(t, 3, 4, 4, true), "b/1.png": pngOf(t, 4, 4, 4, true)})
	s, err := OpenFolder(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, 2, 0, 2)
	if s.Channels != 1 {
		t.Errorf("%d channels, want 1", s.Channels)
	}
}

func TestImageFolderFaults(t *testing.T) {
	t.Setenv(EnvDir, t.TempDir())
	square := pngOf(t, 1, 4, 4, true)
	type files = map[string][]byte
	for _, c := range []struct {
		name, words string
		files       files
	}{
		{"sizes differ", "want 4×4 as a/1.png", files{"a/1.png": square, "b/1.png": pngOf(t, 1, 4, 5, true)}},
		{"no image", "b/1.png: no PNG", files{"a/1.png": square, "b/1.png": []byte("GIF89a")}},
		{"another file", "b/scan.tif is not a PNG, JPEG, BMP or WebP", files{"a/1.png": square, "b/scan.tif": nil}},
		{"an image among the classes", "x.png is not in a class folder", files{"a/1.png": square, "x.png": nil}},
		{"unknown test class", "test/c: no class", files{"train/a/1.png": square, "test/c/1.png": nil}},
		{"an empty class", `class "b" has no training images`, files{"train/a/1.png": square, "train/b/.x": nil}},
		{"empty", "no folders", nil},
	} {
		_, err := OpenFolder(t.Context(), write(t, c.files), Options{})
		if err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.words)
		}
	}
	_, err := Open(t.Context(), "folder:"+filepath.Join(t.TempDir(), "absent"), Options{})
	wantError(t, err, "absent")

	// A header that promises much more than its file can hold.
	bomb := pngOf(t, 0, 2, 2, true)
	copy(bomb[16:], "\x00\x00\x10\x00\x00\x00\x10\x00") // 4096×4096
	crc := crcOf(bomb[12:29])
	copy(bomb[29:], crc[:])
	_, err = OpenFolder(t.Context(), write(t, files{"a/1.png": bomb, "b/1.png": bomb}), Options{})
	wantError(t, err, "bytes of pixels")
}

func FuzzFolder(f *testing.F) {
	f.Add(pngOf(f, 1, 4, 4, true), testdata(f, "rgb.png"), "a", "b")
	f.Add(pngOf(f, 1, 4, 4, true), pngOf(f, 1, 4, 4, false), "train/a", "test/a")
	f.Fuzz(func(t *testing.T, x, y []byte, dirX, dirY string) {
		if !fs.ValidPath(dirX) || !fs.ValidPath(dirY) {
			return
		}
		s, err := readFolder(t.Context(), fstest.MapFS{dirX + "/1.png": {Data: x}, dirY + "/2.png": {Data: y}}, 0)
		if err != nil {
			return
		}
		if n := len(s.Train.Images) + len(s.Test.Images); n > maxGain*(len(x)+len(y))+1<<20 {
			t.Errorf("%d bytes of pixels from %d", n, len(x)+len(y))
		}
	})
}
