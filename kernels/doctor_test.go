package kernels

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
)

// diagnose runs the doctor and returns its lines by name.
func diagnose(t *testing.T, root string) map[string]Check {
	t.Helper()
	checks := Doctor(context.Background(), DoctorOptions{Root: root, SkipBackend: true})
	byName := map[string]Check{}
	for _, c := range checks {
		if _, twice := byName[c.Name]; twice {
			t.Errorf("two lines named %q", c.Name)
		}
		if c.Status != OK && c.Status != Warn && c.Status != Fault || c.Found == "" {
			t.Errorf("%+v: want a status and what was found", c)
		}
		if c.Status == OK && c.Mend != "" {
			t.Errorf("%+v: nothing to mend", c)
		}
		byName[c.Name] = c
	}
	b, err := json.Marshal(checks)
	if err != nil || !strings.Contains(string(b), `"name":"project","status":`) {
		t.Errorf("as JSON: %s, %v", b, err)
	}
	return byName
}

func TestDoctor(t *testing.T) {
	t.Setenv(compute.ConfigEnvVar, "go")
	t.Setenv(data.EnvDir, t.TempDir())
	root := project(t)
	install(t, Options{Root: root})
	write(t, filepath.Join(root, ".venv/lib/python3.12/site-packages/jupyterlab-4.6.1.dist-info/METADATA"), "", 0o644)
	write(t, filepath.Join(root, ".venv/bin/jupyter-lab"), "", 0o755)
	got := diagnose(t, root)
	for name, found := range map[string]string{
		"project": root, "Go": "go1.", "C compiler": "/", "Python": "3.", ".venv": root, "JupyterLab": "4.6.1",
		"gonb": ".tools/bin/gonb", "goimports": ".tools/bin/goimports", "gopls": ".tools/bin/gopls",
		"kernel": "Collapse (Go)", "data sets": "here: fashion-mnist-small; not here: cifar10", "disk": "GiB",
	} {
		if c := got[name]; c.Status != OK || !strings.Contains(c.Found, found) {
			t.Errorf("%s: want ok and %q, found %+v", name, found, c)
		}
	}
	if c := got["nbconvert"]; c.Status != Fault || c.Mend != "make setup" {
		t.Errorf("nbconvert is not there: %+v", c)
	}
	if c := got["backend"]; c.Status != Warn || !strings.Contains(c.Found, "GOMLX_BACKEND=go") || !strings.Contains(c.Found, "slower") {
		t.Errorf("backend: %+v", c)
	}
}

// TestDoctorFaults breaks one thing at a time.
func TestDoctorFaults(t *testing.T) {
	for _, test := range []struct {
		name  string
		harm  func(t *testing.T, root string)
		line  string
		found string
		mend  string
	}{
		{"set-up cut short", func(t *testing.T, root string) {
			if err := os.Remove(filepath.Join(root, ".venv/collapse-setup")); err != nil {
				t.Fatal(err)
			}
		}, ".venv", "not finished", "make setup"},
		{"no .venv", func(t *testing.T, root string) {
			if err := os.RemoveAll(filepath.Join(root, ".venv")); err != nil {
				t.Fatal(err)
			}
		}, ".venv", "no Python environment", "make setup"},
		{"no goimports", func(t *testing.T, root string) {
			if err := os.Remove(filepath.Join(root, ".tools/bin/goimports")); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", onlyGo(t))
		}, "goimports", "not on the kernel's PATH", "make setup"},
		{"no C compiler", func(t *testing.T, root string) { t.Setenv("CC", "no-such-cc") }, "C compiler", "no-such-cc", "apt-get install gcc"},
		{"a C compiler that fails", func(t *testing.T, root string) { t.Setenv("CC", "false") }, "C compiler", "cannot build", "apt-get install gcc"},
		{"no Python", func(t *testing.T, root string) { t.Setenv("PATH", onlyGo(t)) }, "Python", "no python3", "apt-get install python3"},
		{"a newer Go wanted", func(t *testing.T, root string) {
			t.Setenv("GOTOOLCHAIN", "local")
			write(t, filepath.Join(root, "go.mod"), "module github.com/gocollapse/collapse\n\ngo 1.999.0\n", 0o644)
		}, "Go", "1.999", "go.dev/dl"},
		{"a plugin that is not one", func(t *testing.T, root string) {
			p := filepath.Join(root, "plugin.so")
			write(t, p, "not a plugin", 0o644)
			t.Setenv(compute.ConfigEnvVar, "xla:"+p)
		}, "plugin", "plugin.so", "GOMLX_BACKEND"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := project(t)
			test.harm(t, root)
			if c := diagnose(t, root)[test.line]; c.Status != Fault || !strings.Contains(c.Found, test.found) || !strings.Contains(c.Mend, test.mend) {
				t.Errorf("want a fault with %q and %q, found %+v", test.found, test.mend, c)
			}
		})
	}
}

// onlyGo returns a PATH on which there is Go and nothing else.
func onlyGo(t *testing.T) string {
	t.Helper()
	bin, err := goBin(context.Background(), ".")
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

func TestDoctorOutside(t *testing.T) {
	t.Setenv("COLLAPSE_ROOT", t.TempDir())
	if c := diagnose(t, "")["project"]; c.Status != Fault || !strings.Contains(c.Mend, "clone") {
		t.Errorf("%+v", c)
	}
}

// TestDoctorCUDA has the lines of machines with a GPU, with and without what it needs.
func TestDoctorCUDA(t *testing.T) {
	library := backend.CUDALibrary{Name: "cuDNN", File: "libcudnn.so.9", Path: "/v/nvidia/cudnn/lib/libcudnn.so.9"}
	whole := backend.CUDAReport{GPU: true, Driver: "/usr/lib/libcuda.so.1", DriverVersion: "580.65.06", Plugin: "/v/xla_cuda13/xla_cuda_plugin.so", Toolkit: 13,
		Libraries: []backend.CUDALibrary{library, {Name: "NCCL", File: "libnccl.so.2", Optional: true}}}
	for _, c := range []struct {
		name              string
		change            func(*backend.CUDAReport)
		line, found, mend string // of the line that is not ok, "" for none
		lines             int
	}{
		{"all", func(*backend.CUDAReport) {}, "", "", "", 4},
		{"no GPU, no plugin", func(r *backend.CUDAReport) { *r = backend.CUDAReport{} }, "", "", "", 1},
		{"a login node with the plugin", func(r *backend.CUDAReport) { r.GPU, r.Driver, r.DriverVersion = false, "", "" }, "", "", "", 4},
		{"no driver", func(r *backend.CUDAReport) { r.Driver, r.DriverVersion = "", "" }, "NVIDIA driver", "no libcuda.so.1", "driver", 4},
		{"old driver", func(r *backend.CUDAReport) { r.DriverVersion = "535.1" }, "NVIDIA driver", "535.1 (/usr/lib/libcuda.so.1): CUDA 13 needs 580", "driver", 4},
		{"no plugin", func(r *backend.CUDAReport) { r.Plugin, r.Searched = "", "/v, /w" }, "CUDA plugin", "none in /v, /w", "make cuda", 3},
		{"no cuDNN", func(r *backend.CUDAReport) { r.Libraries[0].Path = "" }, "CUDA libraries", "not found: cuDNN (libcudnn.so.9)", "make cuda", 4},
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
				if k.Name != c.line {
					if k.Status != OK || k.Found == "" || k.Mend != "" {
						t.Errorf("%+v, want ok", k)
					}
				} else if k.Status != Warn || !strings.Contains(k.Found, c.found) || !strings.Contains(k.Mend, c.mend) {
					t.Errorf("%+v, want a warning with %q and %q", k, c.found, c.mend)
				}
			}
		})
	}
}
