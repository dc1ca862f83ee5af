package data

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/data/archive"
	"github.com/gocollapse/collapse/internal/bounded"
	"github.com/gocollapse/collapse/internal/natural"
)

// Sizes of Tiny ImageNet.
const (
	tinySide    = 64
	tinyClasses = 200
	tinyTrain   = 100000
	tinyVal     = 10000
	tinyZip     = "tiny-imagenet-200.zip"
	tinyFolder  = "tiny-imagenet-200"
	// tinyUnpacked names the classes; it is in an unpacked folder only.
	tinyUnpacked = "wnids.txt"
	// tinyEntries bounds the entries of the zip file; the official one has some
	// 120,000.
	tinyEntries = 200_000
	// tinyFile bounds an image file; the largest official one has under 10 kB.
	tinyFile = 1 << 20
	// tinyLeast is less than any JPEG image has.
	tinyLeast = 100
)

// readTinyFolder reads the zip file in folder, or the files unpacked from it.
func readTinyFolder(ctx context.Context, a *archive.Archive, folder string) (*Set, []archive.Sum, error) {
	if a.IsUnpacked(folder) {
		s, err := readTiny(ctx, os.DirFS(folder))
		if err != nil {
			return nil, nil, fmt.Errorf("data: %s: %w", folder, err)
		}
		return s, []archive.Sum{{File: s.Info.Files[0]}}, nil
	}
	read, err := a.Files[0].Read(ctx, folder, archive.Discard)
	if err != nil {
		return nil, nil, err
	}
	path := a.Files[0].Path(folder)
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("data: %w", err)
	}
	defer f.Close()
	s, err := readTinyZip(ctx, f, read.Size)
	if err != nil {
		return nil, nil, fmt.Errorf("data: %s: %w", path, err)
	}
	return s, []archive.Sum{read}, nil
}

func readTinyZip(ctx context.Context, r io.ReaderAt, size int64) (*Set, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	if len(z.File) > tinyEntries {
		return nil, fmt.Errorf("%d entries, want at most %d", len(z.File), tinyEntries)
	}
	sub, err := fs.Sub(z, tinyFolder)
	if err != nil {
		return nil, err
	}
	return readTiny(ctx, sub)
}

// readTiny reads the files of tiny-imagenet-200: wnids.txt names the classes, the training images of
// class C are in train/C/images, and val/val_annotations.txt gives the class of each image in
// val/images. Fewer images of a class than in the official archive are accepted, and the
// preparation says so.
func readTiny(ctx context.Context, fsys fs.FS) (*Set, error) {
	classes, err := tinyClassNumbers(fsys)
	if err != nil {
		return nil, err
	}
	train, err := tinyTraining(fsys, classes)
	if err != nil {
		return nil, err
	}
	test, err := tinyValidation(fsys, classes)
	if err != nil {
		return nil, err
	}
	if len(train)+len(test) > tinyEntries {
		return nil, fmt.Errorf("%d images, want at most %d", len(train)+len(test), tinyEntries)
	}
	if err := checkTinyFiles(ctx, fsys, slices.Concat(train, test)); err != nil {
		return nil, err
	}
	names, err := tinyNames(fsys, classes)
	if err != nil {
		return nil, err
	}
	s, err := readPictures(ctx, fsys, train, test, names, [3]int{tinySide, tinySide, 3}, false)
	if err != nil {
		return nil, err
	}
	if len(train) != tinyTrain || len(test) != tinyVal {
		s.Info.Preparation = fmt.Sprintf("; a part: %d of 100,000 training and %d of 10,000 validation images",
			len(train), len(test))
	}
	return s, nil
}

// tinyClassNumbers returns the WordNet numbers of the classes, in ascending order.
func tinyClassNumbers(fsys fs.FS) ([]string, error) {
	classes, err := tinyLines(fsys, tinyUnpacked)
	if err != nil {
		return nil, err
	}
	if len(classes) < 2 || len(classes) > tinyClasses {
		return nil, fmt.Errorf("%s names %d classes, want 2 to %d", tinyUnpacked, len(classes), tinyClasses)
	}
	slices.Sort(classes)
	for k, c := range classes {
		if k > 0 && c == classes[k-1] {
			return nil, fmt.Errorf("%s names %s twice", tinyUnpacked, c)
		}
		if !fs.ValidPath(c) || strings.Contains(c, "/") {
			return nil, fmt.Errorf("%s names %q, which is no class", tinyUnpacked, c)
		}
	}
	return classes, nil
}

// tinyTraining lists the training images, class by class.
func tinyTraining(fsys fs.FS, classes []string) ([]picture, error) {
	var train []picture
	for k, c := range classes {
		dir := path.Join("train", c, "images")
		entries, err := fs.ReadDir(fsys, dir)
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 {
			return nil, fmt.Errorf("%s holds no images", dir)
		}
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return natural.Compare(a.Name(), b.Name()) })
		for _, e := range entries {
			train = append(train, picture{path.Join(dir, e.Name()), int32(k)})
		}
	}
	return train, nil
}

// tinyValidation lists the validation images with their classes, in the order of the annotations.
func tinyValidation(fsys fs.FS, classes []string) ([]picture, error) {
	const annotations = "val/val_annotations.txt"
	lines, err := tinyLines(fsys, annotations)
	if err != nil {
		return nil, err
	}
	var test []picture
	seen := map[string]bool{}
	for i, l := range lines {
		name, rest, _ := strings.Cut(l, "\t")
		class, _, _ := strings.Cut(rest, "\t")
		k, ok := slices.BinarySearch(classes, class)
		if !ok || !fs.ValidPath(name) || strings.Contains(name, "/") || seen[name] {
			return nil, fmt.Errorf("%s: line %d: %q; want a file, each once, and its class", annotations, i+1, l)
		}
		seen[name] = true
		test = append(test, picture{"val/images/" + name, int32(k)})
	}
	return test, nil
}

// checkTinyFiles looks at each file, so that it is known to be there before memory is taken for all.
func checkTinyFiles(ctx context.Context, fsys fs.FS, pictures []picture) error {
	return parallel(ctx, len(pictures), func(i int) error {
		name := pictures[i].path
		st, err := fs.Stat(fsys, name)
		if err == nil && (!st.Mode().IsRegular() || st.Size() < tinyLeast || st.Size() > tinyFile) {
			err = fmt.Errorf("%s: %v of %d bytes, want an image file of %d to %d",
				name, st.Mode(), st.Size(), tinyLeast, tinyFile)
		}
		return err
	})
}

// tinyLines returns the lines of a text of bounded size.
func tinyLines(fsys fs.FS, name string) ([]string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := bounded.ReadAll(f, name, 8<<20)
	if err != nil {
		return nil, err
	}
	var lines []string
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		if l := strings.TrimSpace(s.Text()); l != "" {
			lines = append(lines, l)
		}
	}
	return lines, nil
}

// tinyNames returns the first word of each class in words.txt, with the class
// itself where another class has the same word, or where there is none.
func tinyNames(fsys fs.FS, classes []string) ([]string, error) {
	words := map[string]string{}
	lines, err := tinyLines(fsys, "words.txt")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, l := range lines {
		class, text, _ := strings.Cut(l, "\t")
		word, _, _ := strings.Cut(text, ",")
		words[class] = strings.TrimSpace(word)
	}
	count := map[string]int{}
	for _, c := range classes {
		count[words[c]]++
	}
	names := make([]string, len(classes))
	for k, c := range classes {
		switch w := words[c]; {
		case w == "":
			names[k] = c
		case count[w] > 1:
			names[k] = w + " " + c
		default:
			names[k] = w
		}
	}
	return names, nil
}

// packTiny copies the unpacked files into a zip file like the official one.
func packTiny(ctx context.Context, to, from string, d archive.Disk) (err error) {
	w, err := d.Create(filepath.Join(to, tinyZip), os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	defer func() {
		if err = errors.Join(err, w.Close()); err != nil {
			err = fmt.Errorf("data: %w", err)
		}
	}()
	buf := bufio.NewWriterSize(w, 1<<20)
	if err := zipTiny(ctx, zip.NewWriter(buf), os.DirFS(from)); err != nil {
		return err
	}
	if err := buf.Flush(); err != nil {
		return err
	}
	return w.Sync()
}

// zipTiny writes the files, but for the test images, which have no labels.
func zipTiny(ctx context.Context, z *zip.Writer, fsys fs.FS) error {
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if e.IsDir() || name == archive.ManifestName || strings.HasPrefix(path.Base(name), ".") ||
			strings.HasPrefix(name, "test/") {
			return nil
		}
		b, err := readPicture(fsys, name)
		if err != nil {
			return err
		}
		out, err := z.CreateHeader(&zip.FileHeader{Name: tinyFolder + "/" + name, Method: zip.Store})
		if err != nil {
			return err
		}
		_, err = out.Write(b)
		return err
	})
	if err != nil {
		return err
	}
	return z.Close()
}
