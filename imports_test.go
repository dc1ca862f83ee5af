package collapse_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// heavy are the packages that may import GoMLX, and with it XLA and cgo. A folder stands for the
// packages below it.
var heavy = []string{"losses", "models", "backend", "train", "nb/live", "doctor", "cmd", "bench"}

// light are packages below a heavy folder that may not.
var light = []string{"train/safetensors", "train/tensorboard"}

// TestLightPackages holds the promise that every other package needs neither GoMLX nor, outside
// nb, Jupyter.
func TestLightPackages(t *testing.T) {
	const module = "github.com/gocollapse/collapse/"
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{join .Deps " "}}`, "./...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	checked := 0
	for line := range strings.Lines(string(out)) {
		path, deps, _ := strings.Cut(strings.TrimSpace(line), ":")
		name := strings.TrimPrefix(path, module)
		below := func(folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }
		if slices.ContainsFunc(heavy, below) && !slices.Contains(light, name) {
			continue
		}
		checked++
		for _, dep := range strings.Fields(deps) {
			if strings.Contains(dep, "github.com/gomlx/") || strings.Contains(dep, "gonb") && name != "nb" {
				t.Errorf("package %s depends on %s", name, dep)
			}
		}
	}
	if checked < 20 {
		t.Errorf("%d packages were looked at, want all that are light", checked)
	}
}
