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
	// tinyEntries bounds the entries of the zip file; the official one has some
	// 120,000.
	tinyEntries = 200_000
	// tinyFile bounds an image file; the largest official one has under 10 kB.
	tinyFile = 1 << 20
	// tinyLeast is less than any JPEG image has.
	tinyLeast = 100
)

func tinySet() dataset {
	return dataset{
		about: About{
			Name: "tiny-imagenet", Title: "Tiny ImageNet", Train: tinyTrain, Test: tinyVal, Classes: tinyClasses,
			Height: tinySide, Width: tinySide, Channels: 3,
			Licence:  "none stated; the images are from ImageNet, whose terms allow non-commercial research and education",
			Citation: "Y. Le, X. Yang. Tiny ImageNet Visual Recognition Challenge. CS 231N, Stanford University, 2015",
		},
		archive: tinyArchive,
		preparation: "JPEG files decoded by Go's library, grey ones repeated to 3 channels; classes in the order of their WordNet numbers; " +
			"tested on the validation images; " + ownStatistics,
	}
}

const tinySHA256 = "6198c8ae015e2b3e007c7841da39ec069199b9aa3bfa943a462022fe5e43c821"

// tinyArchive: size and hashes are as several public projects pin them. The archive is
// read as it is: there is nothing to unpack.
var tinyArchive = &archive{
	Set: "tiny-imagenet",
	Sources: []source{{URLs: []string{"http://cs231n.stanford.edu/" + tinyZip}, Size: 248_100_043,
		SHA256: tinySHA256, MD5: "90528d7ca1a48142e341f4ef8d21d0de"}},
	Folder:   tinyFolder,
	Files:    []member{{Name: tinyZip, Max: 1 << 30, SHA256: tinySHA256}},
	Unpacked: "wnids.txt",
	Copy:     packTiny,
	Read:     readTinyFolder,
}

// readTinyFolder reads the zip file in folder, or the files unpacked from it.
func readTinyFolder(ctx context.Context, a *archive, folder string) (*Set, []sum, error) {
	if absent(filepath.Join(folder, tinyZip)) && !absent(filepath.Join(folder, a.Unpacked)) {
		s, err := readTiny(ctx, os.DirFS(folder))
		if err != nil {
			return nil, nil, fmt.Errorf("data: %s: %w", folder, err)
		}
		return s, []sum{{File: s.Info.Files[0]}}, nil
	}
	m := a.Files[0]
	read, err := m.read(ctx, folder, func(r io.Reader, _ int64) error {
		_, err := io.Copy(io.Discard, r)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	path := m.path(folder)
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("data: %w", err)
	}
	defer f.Close()
	s, err := readTinyZip(ctx, f, read.Size)
	if err != nil {
		return nil, nil, fmt.Errorf("data: %s: %w", path, err)
	}
	return s, []sum{read}, nil
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

// readTiny reads the files of tiny-imagenet-200: wnids.txt names the classes, the
// training images of class C are in train/C/images, and val/val_annotations.txt says
// which class an image in val/images has. Fewer images a class than in the official
// archive are taken, too, and said so.
func readTiny(ctx context.Context, fsys fs.FS) (*Set, error) {
	classes, err := tinyLines(fsys, "wnids.txt")
	if err != nil {
		return nil, err
	}
	if len(classes) < 2 || len(classes) > tinyClasses {
		return nil, fmt.Errorf("wnids.txt names %d classes, want 2 to %d", len(classes), tinyClasses)
	}
	slices.Sort(classes)
	labels := map[string]int32{}
	for k, c := range classes {
		if _, twice := labels[c]; twice {
			return nil, fmt.Errorf("wnids.txt names %s twice", c)
		}
		if !fs.ValidPath(c) || strings.Contains(c, "/") {
			return nil, fmt.Errorf("wnids.txt names %q, which is no class", c)
		}
		labels[c] = int32(k)
	}
	var train, test []picture
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
	const annotations = "val/val_annotations.txt"
	lines, err := tinyLines(fsys, annotations)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i, l := range lines {
		name, rest, _ := strings.Cut(l, "\t")
		class, _, _ := strings.Cut(rest, "\t")
		k, ok := labels[class]
		if !ok || !fs.ValidPath(name) || strings.Contains(name, "/") || seen[name] {
			return nil, fmt.Errorf("%s: line %d: %q; want a file, each once, and its class", annotations, i+1, l)
		}
		seen[name] = true
		test = append(test, picture{"val/images/" + name, k})
	}
	if len(train)+len(test) > tinyEntries {
		return nil, fmt.Errorf("%d images, want at most %d", len(train)+len(test), tinyEntries)
	}
	// Each file is opened, and so known to be there, before memory is taken for all.
	err = parallel(ctx, len(train)+len(test), func(i int) error {
		p := picture{}
		if p = train[min(i, len(train)-1)]; i >= len(train) {
			p = test[i-len(train)]
		}
		st, err := fs.Stat(fsys, p.path)
		if err == nil && (!st.Mode().IsRegular() || st.Size() < tinyLeast || st.Size() > tinyFile) {
			err = fmt.Errorf("%s: %v of %d bytes, want an image file of %d to %d", p.path, st.Mode(), st.Size(), tinyLeast, tinyFile)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	names, err := tinyNames(fsys, classes)
	if err != nil {
		return nil, err
	}
	s, err := readPictures(ctx, fsys, train, test, names, tinySide, tinySide, 3)
	if err != nil {
		return nil, err
	}
	if len(train) != tinyTrain || len(test) != tinyVal {
		s.Info.Preparation = fmt.Sprintf("; a part: %d of 100,000 training and %d of 10,000 validation images", len(train), len(test))
	}
	return s, nil
}

// tinyLines returns the lines of a text of bounded size.
func tinyLines(fsys fs.FS, name string) ([]string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := readAtMost(f, name, 8<<20)
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
func packTiny(ctx context.Context, to, from string, d disk) (err error) {
	w, err := d.create(filepath.Join(to, tinyZip), os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	defer func() {
		if cerr := w.Close(); cerr != nil && err == nil {
			err = fmt.Errorf("data: %w", cerr)
		}
	}()
	buf := bufio.NewWriterSize(w, 1<<20)
	z := zip.NewWriter(buf)
	fsys := os.DirFS(from)
	err = fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if e.IsDir() || name == manifestName || strings.HasPrefix(path.Base(name), ".") || strings.HasPrefix(name, "test/") {
			return nil // test images have no labels
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
	if err == nil {
		err = errors.Join(z.Close(), buf.Flush())
	}
	if err == nil {
		err = w.Sync()
	}
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	return nil
}
