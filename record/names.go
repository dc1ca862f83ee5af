package record

// dataSets are the known data sets: the name in a specification, and the name as people write it.
var dataSets = [][2]string{
	{"cifar10", "CIFAR-10"},
	{"cifar100", "CIFAR-100"},
	{"cifar100-coarse", "CIFAR-100 (20 coarse classes)"},
	{"stl10", "STL-10"},
	{"tiny-imagenet", "Tiny ImageNet"},
	{"mnist", "MNIST"},
	{"fashion-mnist", "Fashion-MNIST"},
	{"fashion-mnist-small", "Fashion-MNIST (small subset)"},
	{"svhn", "SVHN"},
}

// DataName returns the name of a data set as people write it: CIFAR-10 for cifar10. A name that is
// not one of Datasets is returned as it is.
func DataName(dataset string) string {
	for _, d := range dataSets {
		if d[0] == dataset {
			return d[1]
		}
	}
	return dataset
}

func datasetNames() []string {
	var names []string
	for _, d := range dataSets {
		names = append(names, d[0])
	}
	return names
}

// Names that a Spec may use. In a field that an older record may lack, "" means the first one.
var (
	Datasets     = datasetNames()
	Prefixes     = []string{"folder:", "npz:"} // of the user's own images: folder:PATH, npz:PATH
	Models       = []string{"resnet18", "resnet34", "resnet50", "cnn", "mlp"}
	Stems        = []string{"3x3", "7x7"}
	Heads        = []string{"linear", "etf", "normalised"}
	Optimizers   = []string{"sgd", "adam", "adamw"}
	DecayTargets = []string{"all", "weights"} // weights: neither biases nor batch normalisation
	Schedules    = []string{"multistep", "cosine"}
	Precisions   = []string{"float32", "tf32", "bfloat16"}
)
