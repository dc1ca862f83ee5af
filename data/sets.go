package data

import (
	"context"

	"github.com/gocollapse/collapse/data/archive"
	"github.com/gocollapse/collapse/data/fashion"
	"github.com/gocollapse/collapse/record"
)

// dataset is a set that the package knows. Its names, as a specification and as people write them,
// are in record.Datasets.
type dataset struct {
	name                    string
	train, test             int // images
	classes                 int // K
	height, width, channels int // pixels, as opened
	archive                 *archive.Archive
	// read reads the files of the archive from a folder into a set without Info but with the names
	// of its classes.
	read reader
	// other, if not nil, is another form of the files, which is read where it is there.
	other *form
	// embedded, where archive is nil, reads the files that are in the program.
	embedded func() (*Set, []record.File, error)
	// mean and std are those that users of the set agree on; nil takes the training images' own.
	mean, std         []float64
	preparation       string // of the images, as a record says it
	licence, citation string
}

// reader reads the files of a set's folder through, and returns their sums in the order of a.Files.
type reader func(ctx context.Context, a *archive.Archive, folder string) (*Set, []archive.Sum, error)

// ownStatistics is the end of a preparation.
const ownStatistics = "mean and standard deviation are those of the training images"

const (
	cifarLicence  = "none stated by the publisher; the page asks users to cite the technical report"
	cifarCitation = "A. Krizhevsky. Learning Multiple Layers of Features from Tiny Images. " +
		"Technical report, University of Toronto, 2009"
	mnistPreparation = "pixels as published, padded from 28×28 to 32×32 with zeros, two on each side, " +
		"and the grey channel repeated to 3; " +
		"mean and standard deviation are those of the training pixels before padding"
)

// sets are the known sets, in the order in which lists show them. Sizes and hashes of the archives
// are as several public projects pin them, unless a comment says otherwise.
var sets = []dataset{
	{
		name:  "cifar10",
		train: 50000, test: 10000, classes: 10, height: 32, width: 32, channels: 3,
		archive: cifar10Archive,
		read:    cifarReader(cifar10Format, cifar10Classes),
		other:   &form{cifar10PythonArchive, cifar10Python.reader(cifar10Classes)},
		mean:    []float64{0.4914, 0.4822, 0.4465},
		std:     []float64{0.247, 0.243, 0.261},
		preparation: "pixels as in the files; " +
			"mean and standard deviation are the customary rounded ones of the 50,000 training images",
		licence:  cifarLicence,
		citation: cifarCitation,
	},
	{
		name:  "cifar100",
		train: 50000, test: 10000, classes: 100, height: 32, width: 32, channels: 3,
		archive:     cifar100Archive,
		read:        cifarReader(cifar100Format, cifar100Classes),
		other:       &form{cifar100PythonArchive, cifar100Python.reader(cifar100Classes)},
		preparation: "pixels as in the files, fine labels; " + ownStatistics,
		licence:     cifarLicence,
		citation:    cifarCitation,
	},
	{
		name:  "cifar100-coarse",
		train: 50000, test: 10000, classes: 20, height: 32, width: 32, channels: 3,
		archive:     cifar100Archive,
		read:        cifarReader(cifar100CoarseFormat, cifar100CoarseClasses),
		other:       &form{cifar100PythonArchive, coarsePython.reader(cifar100CoarseClasses)},
		preparation: "pixels as in the files, coarse labels; " + ownStatistics,
		licence:     cifarLicence,
		citation:    cifarCitation,
	},
	{
		name:  "stl10",
		train: 5000, test: 8000, classes: 10, height: 96, width: 96, channels: 3,
		archive: stl10Archive,
		read:    readSTL10,
		preparation: "the 5,000 labelled training and 8,000 test images, pixels as in the files, labels from 0; " +
			ownStatistics,
		licence: "none stated by the publisher; the images are from ImageNet, for research",
		citation: "A. Coates, H. Lee, A. Y. Ng. " +
			"An Analysis of Single Layer Networks in Unsupervised Feature Learning. AISTATS, 2011",
	},
	{
		name:  "tiny-imagenet",
		train: tinyTrain, test: tinyVal, classes: tinyClasses, height: tinySide, width: tinySide, channels: 3,
		archive: tinyArchive,
		read:    readTinyFolder,
		preparation: "JPEG files decoded by Go's library, grey ones repeated to 3 channels; " +
			"classes in the order of their WordNet numbers; tested on the validation images; " + ownStatistics,
		licence: "none stated; the images are from ImageNet, whose terms allow non-commercial research and education",
		citation: "Y. Le, X. Yang. Tiny ImageNet Visual Recognition Challenge. " +
			"CS 231N, Stanford University, 2015",
	},
	{
		name:  "mnist",
		train: mnistTrain, test: mnistTest, classes: 10, height: padded, width: padded, channels: 3,
		archive:     mnistArchive,
		read:        mnistReader("mnist", mnistTrain, mnistTest, digits),
		preparation: mnistPreparation,
		licence:     "none stated on the publisher's page",
		citation: "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. " +
			"Gradient-Based Learning Applied to Document Recognition. Proceedings of the IEEE 86(11), 1998",
	},
	{
		name:  "fashion-mnist",
		train: mnistTrain, test: mnistTest, classes: 10, height: padded, width: padded, channels: 3,
		archive:     fashionArchive,
		read:        mnistReader("fashion-mnist", mnistTrain, mnistTest, fashion.Classes()),
		preparation: mnistPreparation,
		licence:     fashion.Licence,
		citation:    fashion.Citation,
	},
	{
		name:  "fashion-mnist-small",
		train: 10 * fashion.PerClassTrain, test: 10 * fashion.PerClassTest, classes: 10,
		height: padded, width: padded, channels: 3,
		embedded: readFashion,
		preparation: "the first 500 training and 100 test images of each class of Fashion-MNIST, " +
			"pixels as published; padded from 28×28 to 32×32 with zeros, two on each side, " +
			"and the grey channel repeated to 3; " +
			"mean and standard deviation are those of the training pixels before padding",
		licence:  fashion.Licence,
		citation: fashion.Citation,
	},
	{
		name:  "svhn",
		train: svhnTrain, test: svhnTest, classes: 10, height: 32, width: 32, channels: 3,
		archive:     svhnArchive,
		read:        svhnReader(svhnTrain, svhnTest),
		preparation: "pixels as in the files, the label 10 of the digit 0 made 0; " + ownStatistics,
		licence:     "for non-commercial use only, as the publisher's page says",
		citation: "Y. Netzer, T. Wang, A. Coates, A. Bissacco, B. Wu, A. Y. Ng. " +
			"Reading Digits in Natural Images with Unsupervised Feature Learning. NIPS Workshop on Deep Learning, 2011",
	},
}

var cifar10Archive = &archive.Archive{
	Set: "cifar10",
	Sources: []archive.Source{{
		URLs:   []string{"https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"},
		Size:   170_052_171,
		SHA256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
		MD5:    "c32a1d4ab5d03f1284b67883e8d87530",
		Packed: true,
	}},
	Folder:   "cifar-10-batches-bin",
	Files:    cifar10Files(10000),
	Optional: []string{"batches.meta.txt", "readme.html"},
	Also:     cifar10PythonArchive.Sources[0].Name(),
}

// The MD5 of the archive is the publisher's.
var cifar100Archive = &archive.Archive{
	Set: "cifar100",
	Sources: []archive.Source{{
		URLs:   []string{"https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"},
		Size:   168_513_733,
		SHA256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
		MD5:    "03b5dce01913d631647c71ecec9e9cb8",
		Packed: true,
	}},
	Folder: "cifar-100-binary",
	Files: []archive.Member{
		{Name: "train.bin", Size: 50000 * cifar100Record,
			SHA256: "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29"},
		{Name: "test.bin", Size: 10000 * cifar100Record,
			SHA256: "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a"},
	},
	Optional: []string{"fine_label_names.txt", "coarse_label_names.txt"},
	Also:     cifar100PythonArchive.Sources[0].Name(),
}

// The unlabelled images stay in the archive.
var stl10Archive = &archive.Archive{
	Set: "stl10",
	Sources: []archive.Source{{
		URLs:   []string{"http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"},
		Size:   2_640_397_119,
		SHA256: "f31fd99273a1acb8609c8db427cebb1de3f71de77758cdc0e22956e1289b9866",
		MD5:    "91f7769df0f17e558f3565bffb0c7dfb",
		Packed: true,
	}},
	Folder: "stl10_binary",
	Files: []archive.Member{
		{Name: "train_X.bin", Size: 5000 * stlImage, MD5: "918c2871b30a85fa023e0c44e0bee87f"},
		{Name: "train_y.bin", Size: 5000, MD5: "5a34089d4802c674881badbb80307741"},
		{Name: "test_X.bin", Size: 8000 * stlImage, MD5: "7f263ba9f9e0b06b93213547f721ac82"},
		{Name: "test_y.bin", Size: 8000, MD5: "36f9794fa4beb8a2c72628de14fa638e"},
	},
	Optional: []string{"class_names.txt", "fold_indices.txt"},
	Skip:     []string{"unlabeled_X.bin"},
}

const tinySHA256 = "6198c8ae015e2b3e007c7841da39ec069199b9aa3bfa943a462022fe5e43c821"

// The zip file is read as it is: there is nothing to unpack.
var tinyArchive = &archive.Archive{
	Set: "tiny-imagenet",
	Sources: []archive.Source{{
		URLs:   []string{"http://cs231n.stanford.edu/" + tinyZip},
		Size:   248_100_043,
		SHA256: tinySHA256,
		MD5:    "90528d7ca1a48142e341f4ef8d21d0de",
	}},
	Folder:   tinyFolder,
	Files:    []archive.Member{{Name: tinyZip, Max: 1 << 30, SHA256: tinySHA256}},
	Unpacked: tinyUnpacked,
	Pack:     packTiny,
}

// The sizes are the publisher's. His own server is unreliable, so the mirror that the pinning
// projects use comes second.
var mnistArchive = idxArchive("mnist",
	[]string{"http://yann.lecun.com/exdb/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"},
	[4]idxFile{
		{9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873",
			"440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
		{28_881, "d53e105ee54ea40749a09fcbcd1e9432",
			"3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
		{1_648_877, "9fb629c4189551a2d022fa330f9573f3",
			"8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
		{4_542, "ec29112dd5afa0611ce80d1b7f02629c",
			"f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
	})

// The MD5 sums are the publisher's, in the README.
var fashionArchive = idxArchive("fashion-mnist",
	[]string{"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
		"https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"},
	[4]idxFile{
		{26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
			"3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
		{29_515, "25c81989df183df01b3e8a0aad5dffbe",
			"a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
		{4_422_102, "bef4ecab320f06d8554ea6380940ec79",
			"346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
		{5_148, "bb300cfdad3c16e7a12a480ee83cd310",
			"67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"},
	})

const (
	svhnTrainSHA256 = "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"
	svhnTestSHA256  = "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"
)

var svhnArchive = &archive.Archive{
	Set: "svhn",
	Sources: []archive.Source{
		{URLs: []string{"http://ufldl.stanford.edu/housenumbers/train_32x32.mat"}, Size: 182_040_794,
			SHA256: svhnTrainSHA256, MD5: "e26dedcc434d2e4c54c9b2d4a06d8373"},
		{URLs: []string{"http://ufldl.stanford.edu/housenumbers/test_32x32.mat"}, Size: 64_275_384,
			SHA256: svhnTestSHA256, MD5: "eb5a983be6a315427106f1b164d9cef3"},
	},
	Folder: "svhn",
	Files: []archive.Member{
		{Name: "train_32x32.mat", Max: 1 << 29, SHA256: svhnTrainSHA256},
		{Name: "test_32x32.mat", Max: 1 << 29, SHA256: svhnTestSHA256},
	},
}
