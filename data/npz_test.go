package data

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/npz"
)

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
	if !slices.Equal(s.Train.Labels, []int32{0, 1, 2, 0, 1, 2}) ||
		!bytes.Equal(s.Test.Images, s.Train.Images[:120]) {
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
}

func TestNPZFaults(t *testing.T) {
	t.Setenv(EnvDir, t.TempDir())
	for _, c := range []struct {
		name, words string
		write       func(w *npz.Writer) error
	}{
		{"no images", `no array "images"`, func(w *npz.Writer) error {
			return npz.Write(w, "x", []int{1}, []float32{1})
		}},
		{"floats", `"<f4"; want uint8`, func(w *npz.Writer) error {
			return errors.Join(npz.Write(w, "images", []int{1, 1, 1}, []float32{1}),
				npz.Write(w, "labels", []int{1}, []int32{0}))
		}},
		{"shape", "numpy.transpose", func(w *npz.Writer) error {
			return errors.Join(npz.Write(w, "images", []int{1, 2}, []float32{1, 1}),
				npz.Write(w, "labels", []int{1}, []int32{0}))
		}},
	} {
		path := filepath.Join(t.TempDir(), "x.npz")
		w, err := npz.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.write(w), w.Close()); err != nil {
			t.Fatal(err)
		}
		_, err = OpenNPZ(t.Context(), path, Options{})
		if err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.words)
		}
	}
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
			t.Errorf("%d bytes of %d images of %d×%d×%d",
				len(s.Train.Images), s.Train.Len(), s.Height, s.Width, s.Channels)
		}
	})
}
