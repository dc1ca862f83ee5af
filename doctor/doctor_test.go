package doctor

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/internal/program"
	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/internal/project/projecttest"
	"github.com/gocollapse/collapse/kernels"
)

// diagnose runs the doctor and returns its lines by name.
func diagnose(t *testing.T, root string) map[string]kernels.Check {
	t.Helper()
	checks := Examine(context.Background(), Options{Root: root, SkipBackend: true})
	byName := map[string]kernels.Check{}
	for _, c := range checks {
		if _, twice := byName[c.Name]; twice {
			t.Errorf("two lines named %q", c.Name)
		}
		if c.Status != kernels.OK && c.Status != kernels.Warn && c.Status != kernels.Fault || c.Found == "" {
			t.Errorf("%+v: want a status and what was found", c)
		}
		if c.Status == kernels.OK && c.Fix != "" {
			t.Errorf("%+v: nothing to fix", c)
		}
		byName[c.Name] = c
	}
	b, err := json.Marshal(checks)
	if err != nil || !strings.Contains(string(b), `"name":"project","status":`) {
		t.Errorf("as JSON: %s, %v", b, err)
	}
	return byName
}

// install writes the kernelspec of the project in root.
func install(t *testing.T, root string) {
	t.Helper()
	if _, err := kernels.Install(context.Background(), kernels.Options{Root: root, SkipBuild: true}); err != nil {
		t.Fatal(err)
	}
}

func TestDoctor(t *testing.T) {
	t.Setenv(compute.ConfigEnvVar, "go")
	t.Setenv(data.EnvDir, t.TempDir())
	root := projecttest.Make(t)
	install(t, root)
	venv := filepath.Join(root, ".venv")
	metadata := filepath.Join(venv, "lib/python3.12/site-packages/jupyterlab-4.6.1.dist-info/METADATA")
	projecttest.Write(t, metadata, "", 0o644)
	projecttest.Write(t, filepath.Join(venv, "bin/jupyter-lab"), "", 0o755)
	got := diagnose(t, root)
	for name, found := range map[string]string{
		"project": root, "Go": "go1.", "C compiler": "/", "Python": "3.", ".venv": root, "JupyterLab": "4.6.1",
		"gonb": ".tools/bin/gonb", "goimports": ".tools/bin/goimports", "gopls": ".tools/bin/gopls",
		"kernel": "Collapse (Go)", "data sets": "here: fashion-mnist-small; not here: cifar10", "disk": "GiB",
	} {
		if c := got[name]; c.Status != kernels.OK || !strings.Contains(c.Found, found) {
			t.Errorf("%s: want ok and %q, found %+v", name, found, c)
		}
	}
	if c := got["nbconvert"]; c.Status != kernels.Fault || c.Fix != "make setup" {
		t.Errorf("nbconvert is not there: %+v", c)
	}
	c := got["backend"]
	if c.Status != kernels.Warn || !strings.Contains(c.Found, "GOMLX_BACKEND=go") ||
		!strings.Contains(c.Found, "slower") {
		t.Errorf("backend: %+v", c)
	}
}

// faults break one thing each.
var faults = []struct {
	name  string
	harm  func(t *testing.T, root string)
	line  string
	found string
	fix   string
}{
	{"set-up cut short", remove(".venv/collapse-setup"), ".venv", "not finished", "make setup"},
	{"no .venv", remove(".venv"), ".venv", "no Python environment", "make setup"},
	{"no goimports", func(t *testing.T, root string) {
		remove(".tools/bin/goimports")(t, root)
		t.Setenv("PATH", onlyGo(t))
	}, "goimports", "not on the kernel's PATH", "make setup"},
	{"no C compiler", setCC("no-such-cc"), "C compiler", "no-such-cc", "apt-get install gcc"},
	{"a C compiler that fails", setCC("false"), "C compiler", "cannot build", "apt-get install gcc"},
	{"no Python", func(t *testing.T, root string) { t.Setenv("PATH", onlyGo(t)) },
		"Python", "no python3", "apt-get install python3"},
	{"a newer Go wanted", func(t *testing.T, root string) {
		t.Setenv("GOTOOLCHAIN", "local")
		projecttest.Write(t, filepath.Join(root, "go.mod"), "module "+project.Module+"\n\ngo 1.999.0\n", 0o644)
	}, "Go", "1.999", "go.dev/dl"},
	{"a plugin that is not one", func(t *testing.T, root string) {
		p := filepath.Join(root, "plugin.so")
		projecttest.Write(t, p, "not a plugin", 0o644)
		t.Setenv(compute.ConfigEnvVar, "xla:"+p)
	}, "plugin", "plugin.so", "GOMLX_BACKEND"},
}

func remove(name string) func(t *testing.T, root string) {
	return func(t *testing.T, root string) {
		if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func setCC(cc string) func(t *testing.T, root string) {
	return func(t *testing.T, root string) { t.Setenv("CC", cc) }
}

// onlyGo returns a PATH on which there is Go and nothing else.
func onlyGo(t *testing.T) string {
	t.Helper()
	goroot, err := program.Output(context.Background(), ".", "go", "env", "GOROOT")
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(goroot, "bin")
}

func TestFaults(t *testing.T) {
	for _, test := range faults {
		t.Run(test.name, func(t *testing.T) {
			root := projecttest.Make(t)
			test.harm(t, root)
			c := diagnose(t, root)[test.line]
			if c.Status != kernels.Fault || !strings.Contains(c.Found, test.found) ||
				!strings.Contains(c.Fix, test.fix) {
				t.Errorf("want a fault with %q and %q, found %+v", test.found, test.fix, c)
			}
		})
	}
}

// TestMoved moves a clone after its set-up.
func TestMoved(t *testing.T) {
	old := projecttest.Make(t)
	root := filepath.Join(filepath.Dir(old), "moved")
	if err := os.Rename(old, root); err != nil {
		t.Fatal(err)
	}
	if c := venvCheck(root); c.Status != kernels.Fault || c.Fix != "make setup" || !strings.Contains(c.Found, old) {
		t.Errorf(".venv: %+v", c)
	}
}

func TestOutside(t *testing.T) {
	t.Setenv(project.EnvRoot, t.TempDir())
	if c := diagnose(t, "")["project"]; c.Status != kernels.Fault || !strings.Contains(c.Fix, "clone") {
		t.Errorf("%+v", c)
	}
}

// TestCUDA has the lines of machines with a GPU, with and without what it needs.
func TestCUDA(t *testing.T) {
	type report = backend.CUDAReport
	whole := report{GPU: true, Driver: "/usr/lib/libcuda.so.1", DriverVersion: "580.65.06",
		Plugin: "/v/xla_cuda13/xla_cuda_plugin.so", Toolkit: 13,
		Libraries: []backend.CUDALibrary{
			{Name: "cuDNN", File: "libcudnn.so.9", Path: "/v/nvidia/cudnn/lib/libcudnn.so.9"},
			{Name: "NCCL", File: "libnccl.so.2", Optional: true},
		}}
	for _, c := range []struct {
		name             string
		change           func(*report)
		line, found, fix string // of the line that is not ok, "" for none
		lines            int
	}{
		{"all", func(*report) {}, "", "", "", 4},
		{"no GPU, no plugin", func(r *report) { *r = report{} }, "", "", "", 1},
		{"a login node with the plugin", func(r *report) { r.GPU, r.Driver, r.DriverVersion = false, "", "" },
			"", "", "", 4},
		{"no driver", func(r *report) { r.Driver, r.DriverVersion = "", "" },
			"NVIDIA driver", "no libcuda.so.1", "driver", 4},
		{"old driver", func(r *report) { r.DriverVersion = "535.1" },
			"NVIDIA driver", "535.1 (/usr/lib/libcuda.so.1): CUDA 13 needs 580", "driver", 4},
		{"no plugin", func(r *report) { r.Plugin, r.Searched = "", "/v, /w" },
			"CUDA plugin", "none in /v, /w", "make cuda", 3},
		{"no cuDNN", func(r *report) { r.Libraries[0].Path = "" },
			"CUDA libraries", "not found: cuDNN (libcudnn.so.9)", "make cuda", 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := whole
			r.Libraries = slices.Clone(whole.Libraries)
			c.change(&r)
			checks := cudaChecks(r)
			if len(checks) != c.lines {
				t.Errorf("%d lines, want %d: %+v", len(checks), c.lines, checks)
			}
			for _, k := range checks {
				warned := k.Status == kernels.Warn && strings.Contains(k.Found, c.found) &&
					strings.Contains(k.Fix, c.fix)
				fine := k.Status == kernels.OK && k.Found != "" && k.Fix == ""
				if k.Name != c.line && !fine {
					t.Errorf("%+v, want ok", k)
				}
				if k.Name == c.line && !warned {
					t.Errorf("%+v, want a warning with %q and %q", k, c.found, c.fix)
				}
			}
		})
	}
}
