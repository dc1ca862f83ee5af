package backend

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// cuda13 are NVIDIA's libraries that a plugin of CUDA 13 needs on one GPU; a machine may
// have two more.
var cuda13 = []string{
	"libcudart.so.13", "libnvrtc.so.13", "libcublas.so.13", "libcublasLt.so.13",
	"libcupti.so.13", "libnvJitLink.so.13", "libcusparse.so.12", "libcusolver.so.12",
	"libcufft.so.12", "libcudnn.so.9",
}

// TestCUDAEnvironment has a plugin next to NVIDIA's wheels.
func TestCUDAEnvironment(t *testing.T) {
	dir := t.TempDir()
	plugin := filepath.Join(dir, "jax_plugins/xla_cuda13/xla_cuda_plugin.so")
	var want []string
	for _, file := range cuda13 {
		folder := "nvidia/cu13/lib"
		if file == "libcudnn.so.9" {
			folder = "nvidia/cudnn/lib"
		}
		write(t, filepath.Join(dir, folder, file), nil)
		want = append(want, filepath.Join(dir, folder, file))
	}
	set := map[string]string{}
	m := machine{system: filepath.Join(dir, "system"), getenv: func(k string) string { return set[k] }}
	c := m.cuda(plugin, "", "test")
	if _, ok := c.Env["XLA_FLAGS"]; ok {
		t.Errorf("no libdevice is here, XLA_FLAGS is %q", c.Env["XLA_FLAGS"])
	}
	if !slices.Equal(c.Libraries, want) {
		t.Errorf("libraries\n%q, want\n%q", c.Libraries, want)
	}
	for _, folder := range []string{"system/usr/local/cuda", "nvidia/cu13"} { // the second comes first
		write(t, filepath.Join(dir, folder, "nvvm/libdevice/libdevice.10.bc"), nil)
		want, c := "--xla_gpu_cuda_data_dir="+filepath.Join(dir, folder), m.cuda(plugin, "", "test")
		if c.Env["XLA_FLAGS"] != want {
			t.Errorf("XLA_FLAGS: want %q, found %q", want, c.Env["XLA_FLAGS"])
		}
	}
	set["XLA_FLAGS"] = "--xla_dump_to=x"
	if f, ok := m.cuda(plugin, "", "test").Env["XLA_FLAGS"]; ok {
		t.Errorf("the user's XLA_FLAGS is replaced by %q", f)
	}
}

// TF32 is off unless it is asked for, by a specification or by the user.
func TestTF32(t *testing.T) {
	set := map[string]string{}
	m := machine{system: t.TempDir(), getenv: func(k string) string { return set[k] }}
	const plugin = "/x/xla_cuda13/xla_cuda_plugin.so"
	off := m.cuda(plugin, "preallocate=true", "test")
	if off.Config != "xla:"+plugin+",shared_buffers=false,preallocate=true,tf32=false" ||
		off.Env[tf32Override] != "0" ||
		off.Environment(nil).TF32 {
		t.Errorf("%+v", off)
	}
	on := off.withTF32()
	if strings.Contains(on.Config, "tf32") || on.Env[tf32Override] != "" || !on.Environment(nil).TF32 ||
		len(on.Notes) != 1 {
		t.Errorf("%+v", on)
	}
	if off.Env[tf32Override] != "0" {
		t.Error("the choice itself was changed")
	}
	if c := m.cuda(plugin, "tf32=true", "test"); c.Config != "xla:"+plugin+",shared_buffers=false,tf32=true" ||
		c.Env[tf32Override] != "" {
		t.Errorf("the user asked for TF32: %+v", c)
	}
	set[tf32Override] = "1"
	if c := m.cuda(plugin, "", "test"); c.Env[tf32Override] != "" {
		t.Errorf("the user's variable is replaced: %+v", c)
	}
	for _, name := range []string{CPU, Go} {
		c := (Choice{Name: name, Config: "x"}).withTF32()
		if c.TF32 || c.Config != "x" || len(c.Notes) != 1 || !strings.Contains(c.Notes[0], name) {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// TestCUDAReport takes away one thing at a time.
func TestCUDAReport(t *testing.T) {
	here, _ := native(t)
	const (
		plugin12 = "root/.venv/lib/python3.12/site-packages/jax_plugins/xla_cuda12/xla_cuda_plugin.so"
		plugin13 = "root/.venv/lib/python3.12/site-packages/jax_plugins/xla_cuda13/xla_cuda_plugin.so"
		driver   = "/usr/lib/x86_64-linux-gnu/libcuda.so.580.65.06"
		module   = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  %s  Release Build  (root@x)\nGCC" +
			" version:  gcc version 12.3.0\n"
	)
	for _, c := range []struct {
		name     string
		plugin   string
		absent   string // a library
		noGPU    bool
		noDriver bool
		version  string // of the kernel's module
		want     string // the driver's version
		missing  []string
	}{
		{name: "all", plugin: plugin13, version: "580.159.03", want: "580.159.03"},
		{name: "no module", plugin: plugin13, want: "580.65.06"},
		{name: "no GPU", noGPU: true, noDriver: true},
		{name: "old driver", plugin: plugin13, version: "550.54", want: "550.54", missing: []string{"CUDA 13 needs" +
			" 580 or newer (the wheel jax-cuda12-pjrt"}},
		{name: "driver of CUDA 12", plugin: plugin12, version: "550.54.15", want: "550.54.15",
			missing: []string{"cuBLAS (libcublas.so.12)"}},
		{name: "older driver", plugin: plugin13, version: "470.10", want: "470.10",
			missing: []string{"CUDA 13 needs 580 or newer"}},
		{name: "no driver", plugin: plugin13, noDriver: true, missing: []string{"libcuda.so.1 is not found"}},
		{name: "no driver, no plugin", noDriver: true, missing: []string{"libcuda.so.1 is not found", "`make cuda`"}},
		{name: "no cuDNN", plugin: plugin13, version: "580.1", want: "580.1", absent: "libcudnn.so.9",
			missing: []string{"needs cuDNN (libcudnn.so.9), not found"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			system := filepath.Join(dir, "system")
			if !c.noGPU {
				write(t, filepath.Join(system, "dev/nvidia0"), nil)
			}
			if c.plugin != "" {
				fake(t, filepath.Join(dir, c.plugin), here, entry)
			}
			if c.version != "" {
				write(t, filepath.Join(system, "proc/driver/nvidia/version"), fmt.Appendf(nil, module, c.version))
			}
			if !c.noDriver {
				write(t, system+driver, nil)
				link := filepath.Join(filepath.Dir(system+driver), "libcuda.so.1")
				if err := os.Symlink(filepath.Base(driver), link); err != nil {
					t.Fatal(err)
				}
			}
			for _, file := range cuda13 {
				if file != c.absent {
					write(t, filepath.Join(system, "usr/local/cuda/lib64", file), nil)
				}
			}
			m := machine{root: filepath.Join(dir, "root"), system: system, getenv: func(string) string { return "" }}
			r := m.cudaReport()
			if r.GPU == c.noGPU || (r.Driver == "") != c.noDriver || r.DriverVersion != c.want ||
				(r.Plugin == "") != (c.plugin == "") {
				t.Errorf("%+v", r)
			}
			missing := r.Missing()
			if len(missing) != len(c.missing) {
				t.Fatalf("missing %q, want %q", missing, c.missing)
			}
			for i, want := range c.missing {
				if !strings.Contains(missing[i], want) {
					t.Errorf("missing %q, want %q", missing[i], want)
				}
			}
		})
	}
}

// Determinism is a flag of CUDA's alone, added to those of the user and of the choice.
func TestDeterminism(t *testing.T) {
	user := func(string) string { return "--xla_dump_to=/tmp/x" }
	for _, c := range []struct {
		choice Choice
		flags  string
		told   bool
	}{
		{Choice{Name: CUDA}, "--xla_dump_to=/tmp/x --xla_gpu_deterministic_ops=true", true},
		{Choice{Name: CUDA, Env: map[string]string{"XLA_FLAGS": "--a"}}, "--a --xla_gpu_deterministic_ops=true", true},
		{Choice{Name: CPU}, "", false},
		{Choice{Name: Go}, "", false},
	} {
		before := c.choice.Env["XLA_FLAGS"]
		got := c.choice.withDeterminism(user)
		if got.Env["XLA_FLAGS"] != c.flags || got.Deterministic != c.told ||
			got.Environment(nil).Deterministic != c.told ||
			len(got.Notes) != 1 {
			t.Errorf("%+v: %+v", c.choice, got)
		}
		if c.choice.Env["XLA_FLAGS"] != before {
			t.Error("the choice itself was changed")
		}
	}
	if n, err := parseFree("81153\n2\n"); err != nil || n != 81153<<20 {
		t.Errorf("%d, %v", n, err)
	}
	for _, bad := range []string{"", "[N/A]", "-1"} {
		if _, err := parseFree(bad); err == nil {
			t.Errorf("%q is taken for free memory", bad)
		}
	}
}
