package record

// Names that a Spec may use. In a field that an older record may lack, "" means the first one.
var (
	Datasets = []string{"cifar10", "cifar100", "cifar100-coarse", "stl10", "tiny-imagenet",
		"mnist", "fashion-mnist", "fashion-mnist-small", "svhn"}
	Prefixes     = []string{"folder:", "npz:"} // of the user's own images: folder:PATH, npz:PATH
	Models       = []string{"resnet18", "resnet34", "resnet50", "cnn", "mlp"}
	Stems        = []string{"3x3", "7x7"}
	Heads        = []string{"linear", "etf", "normalised"}
	Optimizers   = []string{"sgd", "adam", "adamw"}
	DecayTargets = []string{"all", "weights"} // weights: neither biases nor batch normalisation
	Schedules    = []string{"multistep", "cosine"}
	Precisions   = []string{"float32", "tf32", "bfloat16"}
)
