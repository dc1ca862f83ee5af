package data

import (
	"context"
	"fmt"
	"io"

	"github.com/gocollapse/collapse/data/archive"
)

// cifarPython says which labels a file of CIFAR's python archives holds, and which are wanted. The
// images and their order are those of the binary archives.
type cifarPython struct {
	labels []string // keys of the dictionary
	format cifarFormat
	images []int // of each file
}

// cifar10Python and cifar100Python have the numbers of images of the official files.
var (
	cifar10Python  = cifarPython{[]string{"labels"}, cifar10Format, []int{10000, 10000, 10000, 10000, 10000, 10000}}
	cifar100Python = cifarPython{[]string{"coarse_labels", "fine_labels"}, cifar100Format, []int{50000, 10000}}
	coarsePython   = cifarPython{[]string{"coarse_labels", "fine_labels"}, cifar100CoarseFormat, []int{50000, 10000}}
)

// reader returns a reader of the files: the last is the test split, the others the training split.
func (p cifarPython) reader(classes []string) reader {
	return func(ctx context.Context, a *archive.Archive, folder string) (*Set, []archive.Sum, error) {
		if err := checkSizes(a.Files, folder); err != nil {
			return nil, nil, err
		}
		last := len(a.Files) - 1
		parts := make([]Split, len(a.Files))
		sums, err := readFiles(ctx, a.Files, folder, func(i int, r io.Reader) (err error) {
			parts[i], err = p.decode(r, p.images[i])
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		s := &Set{Height: cifarSide, Width: cifarSide, Channels: cifarChannels, Test: parts[last]}
		s.Info.Classes = classes
		for i, part := range parts[:last] {
			if i == 0 && last == 1 {
				s.Train = part // without a copy
				break
			}
			s.Train.Images = append(s.Train.Images, part.Images...)
			s.Train.Labels = append(s.Train.Labels, part.Labels...)
			parts[i] = Split{}
		}
		return s, sums, nil
	}
}

// decode reads a file of n images.
func (p cifarPython) decode(r io.Reader, n int) (Split, error) {
	const again = "take it from the archive again"
	v, err := unpickle(r)
	if err != nil {
		return Split{}, err
	}
	dict, ok := v.(pyDict)
	if !ok {
		return Split{}, fmt.Errorf("not a dictionary with the key data: another file; %s", again)
	}
	a, ok := dict["data"].(*pyArray)
	if !ok || len(a.shape) != 2 || a.shape[0] != int64(n) || a.shape[1] != cifarImage {
		return Split{}, fmt.Errorf("data is not an array of %d×%d bytes: another file; %s", n, cifarImage, again)
	}
	s := newSplit(int64(n), cifarImage)
	for i, key := range p.labels {
		labels, ok := dict[key].(*pyList)
		if !ok || len(labels.items) != n {
			return Split{}, fmt.Errorf("%s is not a list of %d labels: another file; %s", key, n, again)
		}
		for j, v := range labels.items {
			k, ok := v.(int64)
			if !ok || k < 0 || k >= int64(p.format.classes[i]) {
				return Split{}, fmt.Errorf("%s: label %d is %v, want 0 to %d: a damaged file; %s", key, j, v,
					p.format.classes[i]-1, again)
			}
			if i == p.format.take {
				s.Labels[j] = int32(k)
			}
		}
	}
	row := make([]byte, cifarImage)
	for i := range n {
		if a.byColumn {
			for j := range row {
				row[j] = a.data[j*n+i]
			}
		} else {
			row = a.data[i*cifarImage:][:cifarImage]
		}
		interleave(s.Images[i*cifarImage:][:cifarImage], row, cifarPixels)
	}
	return s, nil
}

// The MD5 sums are the publisher's for the archives and torchvision's for the files; the SHA-256
// sums are Keras's.
var cifar10PythonArchive = &archive.Archive{
	Set: "cifar10",
	Sources: []archive.Source{{
		URLs:   []string{"https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"},
		Size:   170_498_071,
		SHA256: "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
		MD5:    "c58f30108f718f92721af3b95e74349a",
		Packed: true,
	}},
	Folder: "cifar-10-batches-py",
	Files: []archive.Member{
		{Name: "data_batch_1", Max: 1 << 26, MD5: "c99cafc152244af753f735de768cd75f"},
		{Name: "data_batch_2", Max: 1 << 26, MD5: "d4bba439e000b95fd0a9bffe97cbabec"},
		{Name: "data_batch_3", Max: 1 << 26, MD5: "54ebc095f3ab1f0389bbae665268c751"},
		{Name: "data_batch_4", Max: 1 << 26, MD5: "634d18415352ddfa80567beed471001a"},
		{Name: "data_batch_5", Max: 1 << 26, MD5: "482c414d41f54cd18b22e5b47cb7c3cb"},
		{Name: "test_batch", Max: 1 << 26, MD5: "40351d587109b95175f43aff81a1287e"},
	},
	Optional: []string{"batches.meta", "readme.html"},
}

var cifar100PythonArchive = &archive.Archive{
	Set: "cifar100",
	Sources: []archive.Source{{
		URLs:   []string{"https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"},
		Size:   169_001_437,
		SHA256: "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
		MD5:    "eb9058c3a382ffc7106e4002c42a8d85",
		Packed: true,
	}},
	Folder: "cifar-100-python",
	Files: []archive.Member{
		{Name: "train", Max: 1 << 28, MD5: "16019d7e3df5f24257cddd939b257f8d"},
		{Name: "test", Max: 1 << 26, MD5: "f0ef6b0ae62326f3e7ffdfab6717acfc"},
	},
	Optional: []string{"meta"},
	Skip:     []string{"file.txt~"},
}
