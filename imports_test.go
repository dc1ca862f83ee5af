package collapse_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestLightPackages holds the promise that these packages need neither GoMLX
// (and with it XLA and cgo) nor Jupyter.
func TestLightPackages(t *testing.T) {
	const module = "github.com/gocollapse/collapse/"
	for _, name := range []string{
		"record", "record/summary", "nc", "nc/files", "ufm", "ufm/files", "calib", "calib/files", "npz",
		"stats", "claims", "figures", "report", "data", "train/safetensors", "train/tensorboard",
	} {
		out, err := exec.Command("go", "list", "-deps", module+name).CombinedOutput()
		if err != nil {
			t.Fatalf("go list -deps %s: %v\n%s", name, err, out)
		}
		for _, dep := range strings.Fields(string(out)) {
			if strings.Contains(dep, "github.com/gomlx/") || strings.Contains(dep, "gonb") {
				t.Errorf("package %s depends on %s", name, dep)
			}
		}
	}
}
