package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestFlagValues: each kind of flag takes what it should, and an error says what it wants.
func TestFlagValues(t *testing.T) {
	for _, c := range []struct {
		name string
		flag pflag.Value
		set  string
		want string // the value, or a part of the error
		ok   bool
	}{
		{"choice", &choice{"a", []string{"a", "b"}}, "b", "b", true},
		{"choice", &choice{"a", []string{"a", "b"}}, "c", "want one of a, b", false},
		{"picture", new(pictureFile), "x.PNG", "x.PNG", true},
		{"picture", new(pictureFile), "x.gif", ".svg or .png", false},
		{"picture", new(pictureFile), "svg", ".svg or .png", false},
		{"size", new(byteSize), "512MiB", "512MiB", true},
		{"size", new(byteSize), "much", "512MiB or 4GiB", false},
		{"size", new(byteSize), "0", "512MiB or 4GiB", false},
		{"size", new(byteSize), "-1GiB", "512MiB or 4GiB", false},
		{"size", new(byteSize), "1e30TiB", "512MiB or 4GiB", false},
	} {
		err := c.flag.Set(c.set)
		switch {
		case c.ok && (err != nil || c.flag.String() != c.want):
			t.Errorf("%s %q: %q, %v, want %q", c.name, c.set, c.flag.String(), err, c.want)
		case !c.ok && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s %q: error %v, want %q", c.name, c.set, err, c.want)
		}
	}
	for text, want := range map[string]int64{
		"1": 1, "2KiB": 2 << 10, " 4 GiB": 4 << 30, "1e9": 1e9, "0.5TiB": 1 << 39,
	} {
		var size byteSize
		if err := size.Set(text); err != nil || size.bytes != want {
			t.Errorf("size %q is %d bytes, %v, want %d", text, size.bytes, err, want)
		}
	}
}

// TestFileList: a pattern is resolved, one without a match stays, and the flag may be repeated.
func TestFileList(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.npz", "b.npz"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var list fileList
	for _, pattern := range []string{filepath.Join(dir, "*.npz"), "absent.npz"} {
		if err := list.Set(pattern); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{filepath.Join(dir, "a.npz"), filepath.Join(dir, "b.npz"), "absent.npz"}
	if !slices.Equal(list.files, want) || len(list.given) != 2 {
		t.Errorf("files %q given as %q, want %q", list.files, list.given, want)
	}
	if err := list.Set("[a-"); err == nil {
		t.Error("a pattern that cannot be read is no error")
	}
}
