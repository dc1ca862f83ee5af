package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/gocollapse/collapse/data/fashion"
	"github.com/gocollapse/collapse/data/idx"
)

// The sizes of MNIST and of the sets that follow it.
const (
	mnistTrain   = 60000
	mnistTest    = 10000
	mnistClasses = 10
)

const mnistPreparation = "pixels as published, padded from 28×28 to 32×32 with zeros, two on each side, and the grey channel repeated to 3; " +
	"mean and standard deviation are those of the training pixels before padding"

func mnistSet() dataset {
	return dataset{
		about: About{
			Name: "mnist", Title: "MNIST", Train: mnistTrain, Test: mnistTest, Classes: mnistClasses,
			Height: fashionSide, Width: fashionSide, Channels: fashionChannels,
			Licence:  "none stated on the publisher's page",
			Citation: "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-Based Learning Applied to Document Recognition. Proceedings of the IEEE 86(11), 1998",
		},
		archive:     mnistArchive,
		preparation: mnistPreparation,
	}
}

func fashionFullSet() dataset {
	return dataset{
		about: About{
			Name: "fashion-mnist", Title: "Fashion-MNIST", Train: mnistTrain, Test: mnistTest, Classes: mnistClasses,
			Height: fashionSide, Width: fashionSide, Channels: fashionChannels,
			Licence: fashion.Licence, Citation: fashion.Citation,
		},
		archive:     fashionArchive,
		preparation: mnistPreparation,
	}
}

// mnistArchive: the sums of the files and of their content are those that several
// public projects pin, the sizes the publisher's. His own server hands the files
// out unreliably, so the mirror that those projects use comes second.
var mnistArchive = idxArchive("mnist", "mnist",
	[]string{"http://yann.lecun.com/exdb/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"},
	[4]idxFile{
		{9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
		{28_881, "d53e105ee54ea40749a09fcbcd1e9432", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
		{1_648_877, "9fb629c4189551a2d022fa330f9573f3", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
		{4_542, "ec29112dd5afa0611ce80d1b7f02629c", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
	}, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"})

// fashionArchive: the MD5 sums are the publisher's, in the README, the SHA-256 those
// that several public projects pin; idxContents are of files with those sums
// (package fashion/make says how).
var fashionArchive = idxArchive("fashion-mnist", "fashion-mnist",
	[]string{"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
		"https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"},
	[4]idxFile{
		{26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
		{29_515, "25c81989df183df01b3e8a0aad5dffbe", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
		{4_422_102, "bef4ecab320f06d8554ea6380940ec79", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
		{5_148, "bb300cfdad3c16e7a12a480ee83cd310", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"},
	}, fashion.Classes())

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

func idxArchive(set, folder string, bases []string, files [4]idxFile, classes []string) *archive {
	a := &archive{Set: set, Folder: folder,
		Read: func(ctx context.Context, a *archive, folder string) (*Set, []sum, error) {
			return readMNIST(ctx, a.Set, a.Files, folder, [2]int{mnistTrain, mnistTest}, classes)
		}}
	for i, f := range files {
		s := source{Size: f.size, SHA256: f.sha256, MD5: f.md5}
		for _, base := range bases {
			s.URLs = append(s.URLs, base+idxNames[i])
		}
		a.Sources = append(a.Sources, s)
		// The same images packed by another program, or not packed, are as good.
		a.Files = append(a.Files, member{Name: idxNames[i], Max: 1 << 27, SHA256: f.sha256, Content: idxContents[set][i]})
	}
	return a
}

// readMNIST reads four IDX files side by side: images and labels for training and
// for testing, with the given numbers of images.
func readMNIST(ctx context.Context, set string, files []member, folder string, counts [2]int, classes []string) (*Set, []sum, error) {
	const side = fashion.Side
	sums, errs := make([]sum, 4), make([]error, 4)
	arrays := make([]idx.Array, 4)
	var wg sync.WaitGroup
	for i, f := range files {
		n := counts[i/2]
		rank, limit := 3, n*side*side
		if i%2 == 1 {
			rank, limit = 1, n
		}
		wg.Go(func() {
			sums[i], errs[i] = f.read(ctx, folder, func(r io.Reader, _ int64) error {
				a, err := idx.Read(r, rank, limit)
				if err != nil {
					return err
				}
				if a.Dims[0] != n || rank == 3 && (a.Dims[1] != side || a.Dims[2] != side) {
					return fmt.Errorf("dimensions %v, want %d of %d×%d, or %d labels", a.Dims, n, side, side, n)
				}
				arrays[i] = a
				if rank == 1 {
					for j, l := range a.Data {
						if int(l) >= len(classes) {
							return fmt.Errorf("label %d is %d, want 0 to %d", j, l, len(classes)-1)
						}
					}
				}
				return nil
			})
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	if err := apart(set, sums, folder); err != nil {
		return nil, nil, err
	}
	s := &Set{
		Train:  Split{padAndRepeat(arrays[0].Data), widen(arrays[1].Data)},
		Test:   Split{padAndRepeat(arrays[2].Data), widen(arrays[3].Data)},
		Height: fashionSide, Width: fashionSide, Channels: fashionChannels,
	}
	mean, std := channelStats(arrays[0].Data, 1)
	s.Info.Classes = classes
	s.Info.Mean, s.Info.Std = repeat3(mean[0]), repeat3(std[0])
	return s, sums, nil
}

// apart is an error for files that are known to be those of another set, whose
// files have the same names and sizes.
func apart(set string, sums []sum, folder string) error {
	for other, contents := range idxContents {
		for i, c := range contents {
			if other != set && sums[i].Content == c {
				return fmt.Errorf("data: %s in %s is that of %s, not of %s", sums[i].Name, folder, other, set)
			}
		}
	}
	return nil
}
