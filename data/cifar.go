package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// The binary formats of CIFAR: a file is a row of records, each one or two bytes
// of labels and 32×32 pixels of red, then of green, then of blue.
const (
	cifarSide     = 32
	cifarPixels   = cifarSide * cifarSide
	cifarChannels = 3
	cifarImage    = cifarChannels * cifarPixels
	cifarRecord   = 1 + cifarImage
	cifarClasses  = 10
	cifarPerFile  = 10000

	cifar100Record = 2 + cifarImage
)

// cifarFormat says what stands before the pixels of a record.
type cifarFormat struct {
	classes []int // of each label byte
	take    int   // the label byte that is wanted
}

func (f cifarFormat) record() int { return len(f.classes) + cifarImage }

var (
	cifar10Format       = cifarFormat{[]int{cifarClasses}, 0}
	cifar100Format      = cifarFormat{[]int{20, 100}, 1}
	cifar100CoarseMarks = cifarFormat{[]int{20, 100}, 0}
)

const (
	cifarLicence  = "none stated by the publisher; the page asks users to cite the technical report"
	cifarCitation = "A. Krizhevsky. Learning Multiple Layers of Features from Tiny Images. Technical report, University of Toronto, 2009"
)

func cifar10Set() dataset {
	return dataset{
		about: About{
			Name: "cifar10", Title: "CIFAR-10",
			Train: 5 * cifarPerFile, Test: cifarPerFile, Classes: cifarClasses,
			Height: cifarSide, Width: cifarSide, Channels: cifarChannels,
			Licence: cifarLicence, Citation: cifarCitation,
		},
		archive:     cifar10Archive,
		mean:        []float64{0.4914, 0.4822, 0.4465},
		std:         []float64{0.247, 0.243, 0.261},
		preparation: "pixels as in the files; mean and standard deviation are the customary rounded ones of the 50,000 training images",
	}
}

func cifar100Set() dataset {
	return dataset{
		about: About{
			Name: "cifar100", Title: "CIFAR-100",
			Train: 5 * cifarPerFile, Test: cifarPerFile, Classes: 100,
			Height: cifarSide, Width: cifarSide, Channels: cifarChannels,
			Licence: cifarLicence, Citation: cifarCitation,
		},
		archive:     cifar100Archive,
		preparation: "pixels as in the files, fine labels; " + ownStatistics,
	}
}

func cifar100CoarseSet() dataset {
	d := cifar100Set()
	d.about.Name, d.about.Title, d.about.Classes = "cifar100-coarse", "CIFAR-100, coarse labels", 20
	d.preparation = "pixels as in the files, coarse labels; " + ownStatistics
	d.read = func(ctx context.Context, a *archive, folder string) (*Set, []sum, error) {
		return readCIFAR(ctx, a.Files, folder, cifar100CoarseMarks, cifar100CoarseClasses())
	}
	return d
}

// cifar10Archive is the official archive. Size and SHA-256 are as several public
// projects pin them.
var cifar10Archive = &archive{
	Set: "cifar10",
	Sources: []source{{
		URLs:   []string{"https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"},
		Size:   170_052_171,
		SHA256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
		MD5:    "c32a1d4ab5d03f1284b67883e8d87530",
		Packed: true,
	}},
	Folder:   "cifar-10-batches-bin",
	Files:    cifar10Files(cifarPerFile),
	Optional: []string{"batches.meta.txt", "readme.html"},
	Read: func(ctx context.Context, a *archive, folder string) (*Set, []sum, error) {
		return readCIFAR(ctx, a.Files, folder, cifar10Format,
			[]string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"})
	},
}

// cifar100Archive is the official archive. Sizes and hashes are as several public
// projects pin them; MD5 of the archive is the publisher's.
var cifar100Archive = &archive{
	Set: "cifar100",
	Sources: []source{{
		URLs:   []string{"https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"},
		Size:   168_513_733,
		SHA256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
		MD5:    "03b5dce01913d631647c71ecec9e9cb8",
		Packed: true,
	}},
	Folder: "cifar-100-binary",
	Files: []member{
		{Name: "train.bin", Size: 5 * cifarPerFile * cifar100Record, SHA256: "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29"},
		{Name: "test.bin", Size: cifarPerFile * cifar100Record, SHA256: "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a"},
	},
	Optional: []string{"fine_label_names.txt", "coarse_label_names.txt"},
	Read: func(ctx context.Context, a *archive, folder string) (*Set, []sum, error) {
		return readCIFAR(ctx, a.Files, folder, cifar100Format, cifar100Classes())
	},
}

// cifar10Files lists the five training files and the test file, each with the
// given number of records.
func cifar10Files(records int64) []member {
	var files []member
	for i := range 5 {
		files = append(files, member{Name: fmt.Sprintf("data_batch_%d.bin", i+1), Size: records * cifarRecord})
	}
	return append(files, member{Name: "test_batch.bin", Size: records * cifarRecord})
}

// readCIFAR reads files side by side: the last is the test split, the others the
// training split.
func readCIFAR(ctx context.Context, files []member, folder string, format cifarFormat, classes []string) (*Set, []sum, error) {
	// Sizes are checked before memory for them is taken.
	for _, f := range files {
		if _, err := f.checkSize(folder); err != nil {
			return nil, nil, err
		}
	}
	s := &Set{Height: cifarSide, Width: cifarSide, Channels: cifarChannels}
	s.Info.Classes = classes
	last := len(files) - 1
	var total int64
	for _, f := range files[:last] {
		total += f.Size / int64(format.record())
	}
	test := files[last].Size / int64(format.record())
	s.Train = Split{make([]byte, total*cifarImage), make([]int32, total)}
	s.Test = Split{make([]byte, test*cifarImage), make([]int32, test)}
	sums := make([]sum, len(files))
	errs := make([]error, len(files))
	var wg sync.WaitGroup
	var at int64
	for i, f := range files {
		n := f.Size / int64(format.record())
		split := s.Train
		if i == last {
			split, at = s.Test, 0
		}
		images, labels := split.Images[at*cifarImage:(at+n)*cifarImage], split.Labels[at:at+n]
		at += n
		wg.Go(func() {
			sums[i], errs[i] = f.read(ctx, folder, func(r io.Reader, _ int64) error {
				return decodeCIFAR(r, format, images, labels)
			})
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	return s, sums, nil
}

// decodeCIFAR reads exactly len(labels) records and turns each image from
// channels×rows×columns into rows×columns×channels. The length of images is
// len(labels)·3072.
func decodeCIFAR(r io.Reader, f cifarFormat, images []byte, labels []int32) error {
	const block = 128 // records read at once
	size, marks := f.record(), len(f.classes)
	buf := make([]byte, min(block, len(labels))*size)
	for at := 0; at < len(labels); {
		n := min(block, len(labels)-at)
		m, err := io.ReadFull(r, buf[:n*size])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%d bytes, want %d (%d records of %d bytes): the file is cut; take it from the archive again",
				at*size+m, len(labels)*size, len(labels), size)
		}
		if err != nil {
			return err
		}
		for i := range n {
			rec := buf[i*size:][:size]
			for j, k := range f.classes {
				if int(rec[j]) >= k {
					return fmt.Errorf("record %d has label %d, want 0 to %d: not a CIFAR file of records of %d bytes, or a damaged one; take it from the archive again",
						at+i, rec[j], k-1, size)
				}
			}
			labels[at+i] = int32(rec[f.take])
			interleave(images[(at+i)*cifarImage:][:cifarImage], rec[marks:], cifarPixels)
		}
		at += n
	}
	return wantEnd(r, fmt.Sprintf("the %d records of %d bytes", len(labels), size))
}

// cifar100Classes returns the names of the fine labels, as in fine_label_names.txt.
func cifar100Classes() []string {
	return []string{
		"apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy", "bridge",
		"bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock", "cloud",
		"cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox", "girl",
		"hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man",
		"maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear",
		"pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road",
		"rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider", "squirrel",
		"streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor", "train",
		"trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
	}
}

// cifar100CoarseClasses returns the names of the coarse labels, as in
// coarse_label_names.txt.
func cifar100CoarseClasses() []string {
	return []string{
		"aquatic_mammals", "fish", "flowers", "food_containers", "fruit_and_vegetables", "household_electrical_devices",
		"household_furniture", "insects", "large_carnivores", "large_man-made_outdoor_things", "large_natural_outdoor_scenes",
		"large_omnivores_and_herbivores", "medium_mammals", "non-insect_invertebrates", "people", "reptiles", "small_mammals",
		"trees", "vehicles_1", "vehicles_2",
	}
}
