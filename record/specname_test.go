package record

import "testing"

// TestDefaultName: a run is named after its settings; a path of the user's own by its last part.
func TestDefaultName(t *testing.T) {
	paper := DefaultSpec()
	subset := paper
	subset.TrainPerClass, subset.Width, subset.Seed = 500, 16, 7
	own := paper
	own.Dataset, own.Model = "folder:/a/b.c", "mlp"
	arrays := paper
	arrays.Dataset = "npz:images/x.npz"
	for want, s := range map[string]Spec{
		"cifar10-resnet18-w64-ce-s2021":  paper,
		"cifar10-resnet18-w16-500-ce-s7": subset,
		"b-mlp-w64-ce-s2021":             own,
		"x-resnet18-w64-ce-s2021":        arrays,
	} {
		if got := s.DefaultName(); got != want {
			t.Errorf("name %q, want %q", got, want)
		}
	}
	if got, want := paper.SettingsName(), "cifar10-resnet18-w64-ce"; got != want {
		t.Errorf("name without the seed %q, want %q", got, want)
	}
}
