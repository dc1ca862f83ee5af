package data

import (
	"context"
	"fmt"
	"io"

	"github.com/gocollapse/collapse/data/archive"
	"github.com/gocollapse/collapse/data/fashion"
	"github.com/gocollapse/collapse/data/idx"
)

// The sizes of MNIST and of the sets that follow it.
const (
	mnistTrain = 60000
	mnistTest  = 10000
)

// idxFile is a gzipped IDX file as published.
type idxFile struct {
	size        int64
	md5, sha256 string
}

// idxContents are the SHA-256 of what is in the files, in the order of idxNames.
var idxContents = map[string][4]string{
	"mnist": {
		"ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
		"65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
		"0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
		"ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
	},
	"fashion-mnist": {
		"c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
		"bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
		"5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
		"0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
	},
}

// idxNames are the files of a set, in the order of idxArchive.
var idxNames = [4]string{fashion.TrainImages, fashion.TrainLabels, fashion.TestImages, fashion.TestLabels}

// idxArchive describes a set in the four files of MNIST, at the addresses bases.
func idxArchive(set string, bases []string, files [4]idxFile) *archive.Archive {
	a := &archive.Archive{Set: set, Folder: set}
	for i, f := range files {
		s := archive.Source{Size: f.size, SHA256: f.sha256, MD5: f.md5}
		for _, base := range bases {
			s.URLs = append(s.URLs, base+idxNames[i])
		}
		a.Sources = append(a.Sources, s)
		// The same images compressed by another program, or not compressed, are as good.
		a.Files = append(a.Files, archive.Member{Name: idxNames[i], Max: 1 << 27,
			SHA256: f.sha256, Content: idxContents[set][i]})
	}
	return a
}

// mnistReader returns a reader of four IDX files: images and labels for training and for testing,
// with the given numbers of images.
func mnistReader(set string, train, test int, classes []string) reader {
	return func(ctx context.Context, a *archive.Archive, folder string) (*Set, []archive.Sum, error) {
		var data [4][]byte
		sums, err := readFiles(ctx, a.Files, folder, func(i int, r io.Reader) (err error) {
			n := []int{train, test}[i/2]
			if i%2 == 0 {
				data[i], err = readIDXImages(r, n)
			} else {
				data[i], err = readIDXLabels(r, n, len(classes))
			}
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		if err := apart(set, sums, folder); err != nil {
			return nil, nil, err
		}
		s := &Set{
			Train:  Split{padAndRepeat(data[0]), widen(data[1])},
			Test:   Split{padAndRepeat(data[2]), widen(data[3])},
			Height: padded, Width: padded, Channels: paddedChannels,
		}
		mean, std := channelStats(data[0], 1)
		s.Info.Classes = classes
		s.Info.Mean, s.Info.Std = repeat3(mean[0]), repeat3(std[0])
		return s, sums, nil
	}
}

// readIDXImages reads n images of 28×28 bytes.
func readIDXImages(r io.Reader, n int) ([]byte, error) {
	const side = fashion.Side
	a, err := idx.Read(r, 3, n*side*side)
	if err != nil {
		return nil, err
	}
	if a.Dims[0] != n || a.Dims[1] != side || a.Dims[2] != side {
		return nil, fmt.Errorf("dimensions %v, want %d of %d×%d", a.Dims, n, side, side)
	}
	return a.Data, nil
}

// readIDXLabels reads n labels from 0 to k−1.
func readIDXLabels(r io.Reader, n, k int) ([]byte, error) {
	a, err := idx.Read(r, 1, n)
	if err != nil {
		return nil, err
	}
	if a.Dims[0] != n {
		return nil, fmt.Errorf("dimensions %v, want %d labels", a.Dims, n)
	}
	for i, l := range a.Data {
		if int(l) >= k {
			return nil, fmt.Errorf("label %d is %d, want 0 to %d", i, l, k-1)
		}
	}
	return a.Data, nil
}

// apart is an error for files that are known to be those of another set. The sets' files have the
// same names and sizes.
func apart(set string, sums []archive.Sum, folder string) error {
	for other, contents := range idxContents {
		for i, c := range contents {
			if other != set && sums[i].Content == c {
				return fmt.Errorf("data: %s in %s is that of %s, not of %s", sums[i].Name, folder, other, set)
			}
		}
	}
	return nil
}
