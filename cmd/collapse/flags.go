package main

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// choice is a flag whose value is one of a few words.
type choice struct {
	value string
	known []string
}

func (f *choice) String() string { return f.value }
func (f *choice) Type() string   { return strings.Join(f.known, "|") }

func (f *choice) Set(value string) error {
	if !slices.Contains(f.known, value) {
		return fmt.Errorf("want one of %s", strings.Join(f.known, ", "))
	}
	f.value = value
	return nil
}

// pictureFile is a flag that names a picture to write. Its ending says the format.
type pictureFile string

func (f *pictureFile) String() string { return string(*f) }
func (f *pictureFile) Type() string   { return "file" }

func (f *pictureFile) Set(path string) error {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".svg", ".png":
		*f = pictureFile(path)
		return nil
	}
	return fmt.Errorf("want a name that ends in .svg or .png")
}

// fileList is a flag that may be given several times, each time with a file or a pattern.
type fileList struct {
	given []string // as typed
	files []string
}

func (f *fileList) String() string { return strings.Join(f.given, " ") }
func (f *fileList) Type() string   { return "file" }

// Set resolves a pattern that the shell left alone. A pattern without a match is kept, so that the
// error of opening it names it.
func (f *fileList) Set(pattern string) error {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		files = []string{pattern}
	}
	f.given = append(f.given, pattern)
	f.files = append(f.files, files...)
	return nil
}

// byteSize is a flag for a positive number of bytes, such as 512MiB, 4GiB or 1e9.
type byteSize struct {
	bytes int64
	text  string
}

func (f *byteSize) String() string { return f.text }
func (f *byteSize) Type() string   { return "size" }

func (f *byteSize) Set(text string) error {
	number, unit := strings.TrimSpace(text), 1.0
	for i, suffix := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if n, ok := strings.CutSuffix(number, suffix); ok {
			number, unit = strings.TrimSpace(n), math.Pow(1024, float64(i+1))
			break
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if v *= unit; err != nil || !(v >= 1) || v > math.MaxInt64/2 {
		return fmt.Errorf("want a size such as 512MiB or 4GiB")
	}
	f.bytes, f.text = int64(v), text
	return nil
}
