// Package data opens the image data sets that networks are trained on. It finds or fetches the
// files, checks them, reads them exactly, and describes the images and their origin in a
// record.Data.
//
// List names the sets; docs/data.md shows them. Open also takes "folder:PATH", image files in
// one folder per class, and "npz:PATH", arrays as NumPy writes them.
//
// PerClass cuts a set to a number of images per class, LongTail to a long tail; CorruptLabels gives
// it wrong labels; Permutation is the order of an epoch; Augmentation shifts and flips. All of them
// depend on their arguments only: the same images come in the same order on every platform and
// backend.
//
// Open keeps each decoded set in one file, which the next Open maps into memory.
package data

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/gocollapse/collapse/data/archive"
	"github.com/gocollapse/collapse/internal/edit"
	"github.com/gocollapse/collapse/record"
)

// EnvDir is the environment variable that names the folder of the data sets.
const EnvDir = archive.EnvDir

// Split is one part of a set: N images of H×W pixels in C channels.
type Split struct {
	Images []byte  // N×H×W×C, row-major, 0 to 255
	Labels []int32 // N, from 0 to K−1
}

// newSplit returns room for n images of size bytes each.
func newSplit(n, size int64) Split { return Split{make([]byte, n*size), make([]int32, n)} }

// Len returns N.
func (s Split) Len() int { return len(s.Labels) }

// Set is a data set in memory. Do not write to its images and labels: sets share them, and the
// images may be a file that is mapped for reading only.
type Set struct {
	Train, Test             Split
	Height, Width, Channels int
	Info                    record.Data // complete; goes to the record of a run as it is
}

// Image returns the pixels of image i of a split of s, H×W×C bytes, without copying them.
func (s *Set) Image(p Split, i int) []byte {
	n := s.Height * s.Width * s.Channels
	return p.Images[i*n : (i+1)*n : (i+1)*n]
}

// Options say where data sets are and how fetching them is reported. The zero value is ready for
// use.
type Options struct {
	// Dir is the folder that holds a set's folder, such as Dir/cifar-10-batches-bin, or is that
	// folder itself. It is created where it does not exist. Empty means the folder in the
	// environment variable COLLAPSE_DATA, else collapse/data in the user's cache folder.
	Dir string
	// Progress, if not nil, is called with the bytes of a download.
	Progress func(done, total int64)
	// Offline forbids any download.
	Offline bool
	// Resize, if not 0, scales the images of a folder to Resize×Resize pixels; see OpenFolder.
	Resize int
	// NoCache reads the files again and leaves no decoded copy of them.
	NoCache bool
	// Log, if not nil, gets a line for each step that a user would want to know of.
	Log io.Writer
}

func (o Options) logf(format string, args ...any) {
	if o.Log != nil {
		fmt.Fprintf(o.Log, format+"\n", args...)
	}
}

// About describes a data set without opening it.
type About struct {
	Name     string   `json:"name"` // as Open takes it
	Title    string   `json:"title"`
	Train    int      `json:"train"`   // images
	Test     int      `json:"test"`    // images
	Classes  int      `json:"classes"` // K
	Height   int      `json:"height"`  // pixels, as opened
	Width    int      `json:"width"`
	Channels int      `json:"channels"`
	Download int64    `json:"download"`        // bytes that Fetch loads, 0 for an embedded set
	Files    []Remote `json:"files,omitempty"` // what Fetch loads
	URL      string   `json:"url,omitempty"`   // official address of the first of Files
	Licence  string   `json:"licence"`
	Citation string   `json:"citation"`
}

// Remote is a file that Fetch loads.
type Remote struct {
	URLs   []string `json:"urls"` // official address, then mirrors
	Size   int64    `json:"size"` // bytes
	SHA256 string   `json:"sha256,omitempty"`
	MD5    string   `json:"md5,omitempty"`
}

// about describes the set.
func (d dataset) about() About {
	about := About{
		Name: d.name, Title: record.DataName(d.name), Train: d.train, Test: d.test, Classes: d.classes,
		Height: d.height, Width: d.width, Channels: d.channels, Licence: d.licence, Citation: d.citation,
	}
	if d.archive == nil {
		return about
	}
	about.Download = d.archive.Size()
	for _, r := range d.archive.Sources {
		about.Files = append(about.Files, Remote{r.URLs, r.Size, r.SHA256, r.MD5})
	}
	if len(about.Files) > 0 {
		about.URL = about.Files[0].URLs[0]
	}
	return about
}

// List describes every known set.
func List() []About {
	var l []About
	for _, d := range sets {
		l = append(l, d.about())
	}
	return l
}

func find(name string) (dataset, error) {
	var known []string
	for _, d := range sets {
		if d.name == name {
			return d, nil
		}
		known = append(known, d.name)
	}
	return dataset{}, fmt.Errorf("data: unknown set %q; did you mean %s? Known are %s, "+
		"and %sPATH and %sPATH for images of your own",
		name, edit.Nearest(name, known), strings.Join(known, ", "), folderPrefix, npzPrefix)
}

// Open reads a set into memory. A set that is not embedded is looked for in the
// folder that o names, and fetched from its official address where it is not
// there and o allows it. A file that is not exactly as its format says is an
// error that names the file, what was expected, what was found and what to do.
//
// "folder:PATH" and "npz:PATH" open images of one's own: see OpenFolder and
// OpenNPZ.
func Open(ctx context.Context, name string, o Options) (*Set, error) {
	if path, ok := strings.CutPrefix(name, folderPrefix); ok {
		return OpenFolder(ctx, path, o)
	}
	if o.Resize != 0 {
		return nil, fmt.Errorf("data: resize: images of %s are not scaled, only those of %sPATH", name, folderPrefix)
	}
	if path, ok := strings.CutPrefix(name, npzPrefix); ok {
		return OpenNPZ(ctx, path, o)
	}
	d, err := find(name)
	if err != nil {
		return nil, err
	}
	return d.openSet(ctx, o)
}

// openSet is Open for a set that is known.
func (d dataset) openSet(ctx context.Context, o Options) (*Set, error) {
	if d.archive == nil {
		return d.openEmbedded()
	}
	d = d.in(o)
	folder, err := d.archive.Ensure(ctx, d.options(o))
	if err != nil {
		return nil, err
	}
	return cached(ctx, o, d.from(folder), func() (*Set, error) { return d.readSet(ctx, folder) })
}

func (d dataset) openEmbedded() (*Set, error) {
	s, files, err := d.embedded()
	if err != nil {
		return nil, err
	}
	s.Info.Source, s.Info.Bytes, s.Info.Files = "embedded", record.Official, files
	d.complete(s)
	return s, nil
}

// readSet reads the files of a folder and completes the set's Info.
func (d dataset) readSet(ctx context.Context, folder string) (*Set, error) {
	s, sums, err := d.read(ctx, d.archive, folder)
	if err != nil {
		return nil, err
	}
	if s.Info.Source, s.Info.Bytes, err = d.archive.Origin(folder, sums); err != nil {
		return nil, err
	}
	s.Info.Files = archive.Records(sums)
	d.complete(s)
	return s, nil
}

// options returns o for the set's archive.
func (d dataset) options(o Options) archive.Options {
	return archive.Options{
		Dir: o.Dir, Progress: o.Progress, Offline: o.Offline, Log: o.Log,
		Check: func(ctx context.Context, folder string) ([]archive.Sum, error) {
			_, sums, err := d.read(ctx, d.archive, folder)
			return sums, err
		},
		Known: func(folder string) bool { return !o.NoCache && d.from(folder).hasCopy(o) },
	}
}

// from returns where the files in folder are.
func (d dataset) from(folder string) origin { return origin{d.name, folder, d.stamp} }

// complete fills what Info says of the set.
func (d dataset) complete(s *Set) {
	s.Info.Licence, s.Info.Citation = d.licence, d.citation
	if s.Info.Mean == nil {
		s.Info.Mean, s.Info.Std = d.mean, d.std
	}
	s.complete(d.name, d.preparation)
}

// complete fills what Info says of the images themselves.
func (s *Set) complete(name, preparation string) {
	in := &s.Info
	in.Name, in.Preparation = name, preparation+in.Preparation
	in.Train, in.Test = s.Train.Len(), s.Test.Len()
	in.Height, in.Width, in.Channels = s.Height, s.Width, s.Channels
	if in.Mean == nil {
		in.Mean, in.Std = channelStats(s.Train.Images, s.Channels)
	}
}

// Fetch makes sure that a set is installed and returns the folder of its files. What is there
// already is not fetched again, and a broken download goes on where it stopped. The archive must
// have its published size and hash before anything is unpacked, and the folder appears whole or not
// at all. A second Fetch at the same time waits for the first. For an embedded set there is nothing
// to do and dir is empty.
func Fetch(ctx context.Context, name string, o Options) (dir string, err error) {
	d, err := find(name)
	if err != nil || d.archive == nil {
		return "", err
	}
	d = d.in(o)
	return d.archive.Fetch(ctx, d.options(o))
}

// FetchFrom installs a set from path, for machines without network. path is the archive, which must
// have its published size and hash, a folder that holds the archives, or a folder of the unpacked
// files. Such a folder is read through and accepted on its structure; a record then says that its
// bytes are not known to be the official ones, unless the folder was installed from the archive by
// this package or each of its files has a published hash. Of CIFAR both archives are taken, the
// binary and the python one. FetchFrom returns the folder of the
// installed files. It is an error if other files of the set are already there.
func FetchFrom(ctx context.Context, name, path string, o Options) (dir string, err error) {
	d, err := find(name)
	if err != nil {
		return "", err
	}
	if d.archive == nil {
		return "", fmt.Errorf("data: %s is embedded in the program: there is nothing to install", name)
	}
	d = d.formOf(path)
	return d.archive.FetchFrom(ctx, path, d.options(o))
}

// Locate returns the folder in which Open would find a set's files, and whether they are there; it
// does not check them. For a set that is not there, dir is the folder that Fetch would make; for an
// embedded set dir is empty.
func Locate(name string, o Options) (dir string, found bool, err error) {
	d, err := find(name)
	if err != nil {
		return "", false, err
	}
	if d.archive == nil {
		return "", true, nil
	}
	d = d.in(o)
	parent, _, err := archive.Folder(o.Dir)
	if err != nil {
		return "", false, err
	}
	dir, found = d.archive.Locate(parent)
	return dir, found, nil
}
