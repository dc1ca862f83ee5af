// Package docs tests the programs that the documentation shows.
package docs

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/gocollapse/collapse/nc/files"
)

// model is a small network in PyTorch whose last layer is measured: its features and
// decisions are also computed without the hook, to compare.
const model = `
import json, sys
sys.path.insert(0, sys.argv[1])
import torch
from export_features import export

torch.manual_seed(1)
net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 8), torch.nn.Dropout(), torch.nn.ReLU(),
    torch.nn.Linear(8, 3))
x, y = torch.randn(90, 3, 4), torch.arange(90) % 3
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=16)
export(net.train(), net[-1], loader, sys.argv[2], test_loader=loader, ood_loader=loader)
assert net.training
with torch.no_grad():
    z = net.eval()(x)
print(json.dumps({"error": (z.argmax(1) != y).float().mean().item()}))
`

// TestExport runs the script of docs/measure.md where there is a Python with
// PyTorch, which the set-up does not install: COLLAPSE_TORCH_PYTHON, else python3.
func TestExport(t *testing.T) {
	python := os.Getenv("COLLAPSE_TORCH_PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.Command(python, "-c", "import torch").Run(); err != nil {
		t.Skip("no Python with PyTorch; set COLLAPSE_TORCH_PYTHON to one to test docs/export_features.py")
	}
	path := filepath.Join(t.TempDir(), "features.npz")
	out, err := exec.Command(python, "-c", model, ".", path).Output()
	if err != nil {
		if exit, ok := err.(*exec.ExitError); ok {
			t.Fatalf("%v: %s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var want struct{ Error float64 }
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	sum, err := files.Measure(t.Context(), []string{path}, files.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if sum.N != 90 || sum.D != 8 || sum.K != 3 || math.Abs(sum.Error-want.Error) > 1e-6 {
		t.Errorf("N = %d, d = %d, K = %d, error %v; want 90, 8, 3, %v", sum.N, sum.D, sum.K, sum.Error, want.Error)
	}
	// The same samples as training and test set, and as out-of-distribution set.
	if sum.Test == nil || sum.Test.NC1 != sum.NC1 || sum.NCCTestError != sum.NCCError || math.IsNaN(sum.NC5) {
		t.Errorf("of the test set NC1 %v, of the training set %v; NC5 %v", sum.Test, sum.NC1, sum.NC5)
	}
}
