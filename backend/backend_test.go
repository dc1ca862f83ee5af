package backend

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/record"
)

// fake writes an ELF library that exports symbol, as far as CheckPlugin reads
// it. Its only content is the tables.
func fake(t *testing.T, path string, machine elf.Machine, symbol string) {
	t.Helper()
	var b bytes.Buffer
	put := func(v any) {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	const headers, section, symSize = 64, 64, 24
	names := "\x00" + symbol + "\x00"
	sections := "\x00.dynsym\x00.dynstr\x00.shstrtab\x00"
	symAt := headers
	strAt := symAt + 2*symSize
	shstrAt := strAt + len(names)
	shAt := shstrAt + len(sections)
	h := elf.Header64{
		Type: uint16(elf.ET_DYN), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Shoff: uint64(shAt), Ehsize: headers, Phentsize: 56, Shentsize: section, Shnum: 4, Shstrndx: 3,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	put(h)
	put(elf.Sym64{})
	put(elf.Sym64{Name: 1, Info: elf.ST_INFO(elf.STB_GLOBAL, elf.STT_FUNC), Shndx: 1})
	b.WriteString(names + sections)
	put(elf.Section64{})
	put(elf.Section64{Name: 1, Type: uint32(elf.SHT_DYNSYM), Off: uint64(symAt), Size: 2 * symSize, Link: 2, Entsize: symSize})
	put(elf.Section64{Name: 9, Type: uint32(elf.SHT_STRTAB), Off: uint64(strAt), Size: uint64(len(names))})
	put(elf.Section64{Name: 17, Type: uint32(elf.SHT_STRTAB), Off: uint64(shstrAt), Size: uint64(len(sections))})
	write(t, path, b.Bytes())
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// native is this machine's ELF number, foreign another's.
func native(t *testing.T) (native, foreign elf.Machine) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("plugins are checked on Linux only")
	}
	if runtime.GOARCH == "arm64" {
		return elf.EM_AARCH64, elf.EM_X86_64
	}
	return elf.EM_X86_64, elf.EM_AARCH64
}

func TestCheckPlugin(t *testing.T) {
	here, other := native(t)
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }

	fake(t, path("good.so"), here, entry)
	if err := CheckPlugin(path("good.so")); err != nil {
		t.Errorf("a complete library that exports %s: %v", entry, err)
	}

	fake(t, path("other-machine.so"), other, entry)
	fake(t, path("other-symbol.so"), here, "GetPjrtApis")
	fake(t, path("a,b.so"), here, entry)
	write(t, path("text.so"), []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef0123456789\n"))
	write(t, path("empty.so"), nil)
	good, err := os.ReadFile(path("good.so"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, path("truncated.so"), good[:len(good)-1])
	damaged := bytes.Clone(good)
	copy(damaged[len(damaged)-4*64:], bytes.Repeat([]byte{0xff}, 4*64)) // the section table
	write(t, path("damaged.so"), damaged)
	if err := os.Mkdir(path("folder.so"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"other-machine.so": "made for EM_",
		"other-symbol.so":  "does not export GetPjrtApi",
		"a,b.so":           "comma",
		"text.so":          `begins with "version "`,
		"empty.so":         "found 0 bytes",
		"truncated.so":     "truncated: ",
		"damaged.so":       "ELF",
		"folder.so":        "want a regular file",
		"absent.so":        "no such file",
	} {
		err := CheckPlugin(path(name))
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if !errors.Is(err, errNotPlugin) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path(name)) || !strings.Contains(err.Error(), "GOMLX_BACKEND") {
			t.Errorf("%s: want the path, %q and how to repair it; found: %v", name, want, err)
		}
	}
	if err := CheckPlugin("good.so"); err == nil {
		t.Error("a relative path was accepted")
	}
}

func TestLibc(t *testing.T) {
	symbols := []elf.Symbol{
		{Name: "memcpy", Version: "GLIBC_2.14"},
		{Name: "x", Version: "GLIBC_PRIVATE"},
		{Name: "log", Version: "GLIBC_2.27"},
		{Name: "own", Version: "GLIBC_9.9", Section: 5}, // defined here, not asked for
	}
	for have, ok := range map[string]bool{"2.36": true, "2.27": true, "2.26": false, "2.9": false, "3.0": true, "": true} {
		if err := libc(symbols, have); (err == nil) != ok {
			t.Errorf("needs 2.27, has %q: %v", have, err)
		}
	}
}

// TestChoose goes through the order of the backends on made-up machines.
func TestChoose(t *testing.T) {
	here, _ := native(t)
	const (
		venvCPU  = "root/.venv/lib/python3.12/site-packages/lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so"
		venvCUDA = "root/.venv/lib/python3.12/site-packages/jax_plugins/xla_cuda13/xla_cuda_plugin.so"
		homeCPU  = "home/.local/lib/go-xla/pjrt_c_api_cpu_plugin.so"
		homeCUDA = "home/.local/lib/go-xla/pjrt_c_api_cuda_plugin.so"
		envCPU   = "extra/pjrt_c_api_cpu_plugin.so"
		ldCPU    = "ld/pjrt_c_api_cpu_v0.83.1_plugin.so"
		gpu      = "/system/dev/nvidia0"
		driver   = "/system/usr/lib/x86_64-linux-gnu/libcuda.so.1"

		activeCUDA = "active/lib/python3.10/site-packages/jax_plugins/xla_cuda13/xla_cuda_plugin.so"
		pathCUDA   = "path/lib/python3.12/site-packages/jax_plugins/xla_cuda13/xla_cuda_plugin.so"
		systemCUDA = "system/usr/local/lib/python3.11/dist-packages/jax_plugins/xla_cuda13/xla_cuda_plugin.so"
	)
	var libraries []string
	for _, file := range cuda13 {
		libraries = append(libraries, "/system/usr/local/cuda/lib64/"+file)
	}
	libraries = slices.Clip(libraries) // each case appends its own
	for _, test := range []struct {
		name    string
		files   []string // plugins; with a leading / other files
		bad     string   // a plugin that is not one
		backend string   // GOMLX_BACKEND; $ stands for the test's folder
		noXLA   bool

		want    string // Choice.Name
		plugin  string
		config  string // of a Go backend, or a part of the configuration
		warning string // a part; "" for none at all
		err     string // a part of the error
	}{
		{name: "nothing", want: Go, config: goConfig, warning: "far slower"},
		{name: "venv", files: []string{venvCPU, homeCPU, envCPU}, want: CPU, plugin: venvCPU, config: ",shared_buffers"},
		{name: "variable before home", files: []string{homeCPU, envCPU}, want: CPU, plugin: envCPU},
		{name: "home", files: []string{homeCPU, ldCPU}, want: CPU, plugin: homeCPU},
		{name: "library path", files: []string{ldCPU}, want: CPU, plugin: ldCPU},
		{name: "CUDA first", files: append(libraries, venvCPU, venvCUDA, gpu, driver), want: CUDA, plugin: venvCUDA, config: ",shared_buffers=false,tf32=false"},
		{name: "CUDA of go-xla", files: append(libraries, venvCPU, homeCUDA, gpu, driver), want: CUDA, plugin: homeCUDA},
		{name: "CUDA without cuDNN", files: append(libraries[:len(libraries)-1:len(libraries)-1], venvCUDA, gpu, driver), want: CUDA, plugin: venvCUDA, warning: "needs cuDNN (libcudnn.so.9), not found"},
		{name: "CUDA of the active environment", files: append(libraries, venvCPU, activeCUDA, pathCUDA, gpu, driver), want: CUDA, plugin: activeCUDA},
		{name: "CUDA of the python3 on PATH", files: append(libraries, venvCPU, pathCUDA, "/path/bin/python3", gpu, driver), want: CUDA, plugin: pathCUDA},
		{name: "CUDA of the system's Python", files: append(libraries, systemCUDA, gpu, driver), want: CUDA, plugin: systemCUDA},
		{name: "second GPU alone", files: append(libraries, venvCUDA, "/system/dev/nvidia3", driver), want: CUDA, plugin: venvCUDA},
		{name: "CUDA without a GPU", files: []string{venvCPU, venvCUDA, driver}, want: CPU, plugin: venvCPU},
		{name: "CUDA without a driver", files: []string{venvCPU, venvCUDA, gpu}, want: CPU, plugin: venvCPU, warning: "libcuda.so.1"},
		{name: "GPU without a plugin", files: []string{venvCPU, gpu, driver}, want: CPU, plugin: venvCPU, warning: "no CUDA plugin"},
		{name: "broken", bad: venvCPU, err: "GOMLX_BACKEND=go"},
		{name: "broken CUDA", files: []string{venvCPU, gpu, driver}, bad: venvCUDA, err: "GOMLX_BACKEND=xla:cpu"},
		{name: "no XLA in the program", files: []string{venvCPU}, noXLA: true, want: Go, config: goConfig, warning: "cgo"},

		{name: "asked go", files: []string{venvCPU}, backend: "go", want: Go, config: goConfig, warning: "slower"},
		{name: "asked go with options", backend: "go:ops_sequential", want: Go, config: "go:ops_sequential", warning: "slower"},
		{name: "asked xla", files: []string{venvCPU}, backend: "xla", want: CPU, plugin: venvCPU},
		{name: "asked xla with a GPU", files: []string{venvCPU, venvCUDA, gpu, driver}, backend: "xla", want: CUDA, plugin: venvCUDA},
		{name: "asked cpu with a GPU", files: []string{venvCPU, venvCUDA, gpu, driver}, backend: "xla:cpu", want: CPU, plugin: venvCPU},
		{name: "asked for options", files: []string{venvCPU}, backend: "xla:cpu,shared_buffers=false", want: CPU, plugin: venvCPU, config: ".so,shared_buffers=false"},
		{name: "asked for a version", files: []string{ldCPU}, backend: "xla:cpu_v0.83.1", want: CPU, plugin: ldCPU},
		{name: "asked for a file", files: []string{homeCPU}, backend: "xla:$/" + homeCPU, want: CPU, plugin: homeCPU},
		{name: "asked for a broken file", bad: homeCPU, backend: "xla:$/" + homeCPU, err: "GOMLX_BACKEND=xla:"},
		{name: "asked cpu, none there", backend: "xla:cpu", err: "make setup"},
		{name: "asked cuda, no driver", files: []string{venvCUDA}, backend: "xla:cuda", err: "no NVIDIA driver"},
		{name: "asked cuda, no plugin", files: []string{gpu, driver}, backend: "xla:cuda", err: "jax-cuda13-pjrt"},
		{name: "asked xla of a program without", backend: "xla:cpu", noXLA: true, err: "without XLA"},
		{name: "asked nonsense", backend: "tpu", err: `no backend "tpu"`},
		{name: "asked a pattern", files: []string{homeCPU}, backend: "xla:*", err: "no such plugin"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path := func(p string) string { return filepath.Join(dir, p) }
			for _, f := range test.files {
				if strings.HasPrefix(f, "/") {
					write(t, path(f), nil)
				} else {
					fake(t, path(f), here, entry)
				}
			}
			if test.bad != "" {
				write(t, path(test.bad), []byte("not a plugin"))
			}
			m := machine{
				root: path("root"), home: path("home"), system: path("system"), xla: !test.noXLA,
				known: []string{"go", "xla"},
				getenv: func(k string) string {
					return map[string]string{
						compute.ConfigEnvVar:       strings.ReplaceAll(test.backend, "$", dir),
						"PJRT_PLUGIN_LIBRARY_PATH": path("extra") + ":relative",
						"LD_LIBRARY_PATH":          path("ld"),
						"VIRTUAL_ENV":              path("active"),
						"PATH":                     path("empty") + ":" + path("path/bin"),
					}[k]
				},
			}
			c, err := m.choose(Options{})
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("want an error with %q, found %v and %+v", test.err, err, c)
				}
				if test.bad != "" && !strings.Contains(err.Error(), path(test.bad)) {
					t.Errorf("the error does not name the file: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			plugin := ""
			if test.plugin != "" {
				plugin = path(test.plugin)
			}
			if c.Name != test.want || c.Plugin != plugin {
				t.Errorf("want %s %s, found %+v", test.want, plugin, c)
			}
			if plugin != "" && !strings.HasPrefix(c.Config, "xla:"+plugin+",shared_buffers") || !strings.Contains(c.Config, test.config) {
				t.Errorf("configuration %q", c.Config)
			}
			if c.Reason == "" || !strings.Contains(c.Warning, test.warning) || (test.warning == "") != (c.Warning == "") {
				t.Errorf("reason %q, warning %q; want a warning with %q", c.Reason, c.Warning, test.warning)
			}
			if test.backend != "" && !strings.Contains(c.Reason, "GOMLX_BACKEND=") {
				t.Errorf("the reason does not say who chose: %q", c.Reason)
			}
		})
	}
}

// TestFolderNames has a project in a folder whose name looks like a pattern.
func TestFolderNames(t *testing.T) {
	here, _ := native(t)
	root := filepath.Join(t.TempDir(), "[a]*?b")
	want := filepath.Join(root, ".venv/lib/python3.10/site-packages/lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so")
	fake(t, want, here, entry)
	m := machine{root: root, xla: true, system: t.TempDir(), getenv: func(string) string { return "" }}
	if c, err := m.choose(Options{}); err != nil || c.Plugin != want {
		t.Errorf("want %s, found %+v, %v", want, c, err)
	}
}

// cuda13 are NVIDIA's libraries that a plugin of CUDA 13 needs on one GPU; a machine may
// have two more.
var cuda13 = []string{"libcudart.so.13", "libnvrtc.so.13", "libcublas.so.13", "libcublasLt.so.13", "libcupti.so.13", "libnvJitLink.so.13",
	"libcusparse.so.12", "libcusolver.so.12", "libcufft.so.12", "libcudnn.so.9"}

// TestCUDAEnvironment has a plugin beside NVIDIA's wheels.
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
		if want, c := "--xla_gpu_cuda_data_dir="+filepath.Join(dir, folder), m.cuda(plugin, "", "test"); c.Env["XLA_FLAGS"] != want {
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
	if off.Config != "xla:"+plugin+",shared_buffers=false,preallocate=true,tf32=false" || off.Env[tf32Override] != "0" || off.Environment(nil).TF32 {
		t.Errorf("%+v", off)
	}
	on := off.withTF32()
	if strings.Contains(on.Config, "tf32") || on.Env[tf32Override] != "" || !on.Environment(nil).TF32 || len(on.Notes) != 1 {
		t.Errorf("%+v", on)
	}
	if off.Env[tf32Override] != "0" {
		t.Error("the choice itself was changed")
	}
	if c := m.cuda(plugin, "tf32=true", "test"); c.Config != "xla:"+plugin+",shared_buffers=false,tf32=true" || c.Env[tf32Override] != "" {
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
		module   = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  %s  Release Build  (root@x)\nGCC version:  gcc version 12.3.0\n"
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
		{name: "old driver", plugin: plugin13, version: "550.54", want: "550.54", missing: []string{"CUDA 13 needs 580 or newer (the wheel jax-cuda12-pjrt"}},
		{name: "driver of CUDA 12", plugin: plugin12, version: "550.54.15", want: "550.54.15", missing: []string{"cuBLAS (libcublas.so.12)"}},
		{name: "older driver", plugin: plugin13, version: "470.10", want: "470.10", missing: []string{"CUDA 13 needs 580 or newer"}},
		{name: "no driver", plugin: plugin13, noDriver: true, missing: []string{"libcuda.so.1 is not found"}},
		{name: "no driver, no plugin", noDriver: true, missing: []string{"libcuda.so.1 is not found", "`make cuda`"}},
		{name: "no cuDNN", plugin: plugin13, version: "580.1", want: "580.1", absent: "libcudnn.so.9", missing: []string{"needs cuDNN (libcudnn.so.9), not found"}},
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
				if err := os.Symlink(filepath.Base(driver), filepath.Join(filepath.Dir(system+driver), "libcuda.so.1")); err != nil {
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
			if r.GPU == c.noGPU || (r.Driver == "") != c.noDriver || r.DriverVersion != c.want || (r.Plugin == "") != (c.plugin == "") {
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

// A plugin is given the flags that it knows, wherever in the file their names
// stand; at another one it would end the process.
func TestCPUEnvironment(t *testing.T) {
	const ynn, onednn = "xla_cpu_experimental_ynn_fusion_type", "xla_cpu_experimental_onednn_custom_call"
	plugin := filepath.Join(t.TempDir(), "pjrt_c_api_cpu_plugin.so")
	set := map[string]string{}
	m := machine{getenv: func(k string) string { return set[k] }}
	for _, c := range []struct {
		holds []string
		at    int
		want  string
	}{
		{[]string{ynn}, 0, "--" + ynn + "="},
		{[]string{ynn}, 1<<20 - 7, "--" + ynn + "="},
		{[]string{onednn}, 3 << 20, "--" + onednn + "=true"},
		{[]string{onednn, ynn}, 5, "--" + ynn + "= --" + onednn + "=true"},
		{[]string{ynn[1:], onednn[:20]}, 5, ""},
	} {
		content := make([]byte, c.at)
		for _, name := range c.holds {
			content = append(append(content, name...), 0)
		}
		write(t, plugin, content)
		if f := m.cpu(plugin, "", "test").Env["XLA_FLAGS"]; f != c.want {
			t.Errorf("a plugin with %q at %d is given %q, want %q", c.holds, c.at, f, c.want)
		}
	}
	set["XLA_FLAGS"] = "--xla_dump_to=x"
	write(t, plugin, []byte(ynn+" "+onednn))
	if f, ok := m.cpu(plugin, "", "test").Env["XLA_FLAGS"]; ok {
		t.Errorf("the user's XLA_FLAGS is replaced by %q", f)
	}
}

// roundTrip sends numbers to the device and back.
func roundTrip(t *testing.T, b compute.Backend) {
	t.Helper()
	want, got := []float32{1, -2, 3.5}, make([]float32, 3)
	buffer, err := b.BufferFromFlatData(0, want, shapes.Make(dtypes.Float32, 3))
	if err != nil {
		t.Fatal(err)
	}
	if err := buffer.ToFlatData(got); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("sent %v, came back %v", want, got)
		}
	}
}

func TestOpenGo(t *testing.T) {
	t.Setenv(compute.ConfigEnvVar, "go")
	stdout := os.Stdout
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout = w
	b, c, err := Open(Options{})
	os.Stdout = stdout
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	var printed bytes.Buffer
	if _, err := printed.ReadFrom(r); err != nil || printed.Len() > 0 {
		t.Errorf("opening wrote %q to standard output (%v)", printed.String(), err)
	}
	roundTrip(t, b)
	e := c.Environment(b)
	if e.Backend != Go || e.Plugin != "" || e.CPU == "" || e.Device == "" || e.Cores < 1 || e.Go != runtime.Version() || e.BackendReason == "" {
		t.Errorf("environment %+v", e)
	}
}

func TestOpenUnknownOption(t *testing.T) {
	t.Setenv(compute.ConfigEnvVar, "go:no_such_option")
	if b, _, err := Open(Options{}); err == nil || !strings.Contains(err.Error(), "no_such_option") {
		t.Errorf("found %v, %v", b, err)
	}
}

// TestOpenXLA loads the plugin that the project's set-up installed.
func TestOpenXLA(t *testing.T) {
	t.Setenv(compute.ConfigEnvVar, "")
	c, err := Choose(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Plugin == "" {
		t.Skip("no XLA plugin here: make setup installs it")
	}
	t.Run("in place", func(t *testing.T) { openXLA(t, c) })
	if c.Name != CPU {
		return
	}
	// go-xla takes a plugin for CUDA's by its path.
	link := filepath.Join(t.TempDir(), "nvidia-cuda-notes", "pjrt_c_api_cpu_plugin.so")
	if err := os.Mkdir(filepath.Dir(link), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(c.Plugin, link); err != nil {
		t.Fatal(err)
	}
	t.Setenv(compute.ConfigEnvVar, "xla:"+link)
	t.Run("in a folder named after CUDA", func(t *testing.T) { openXLA(t, Choice{Name: CPU, Plugin: link}) })
}

func openXLA(t *testing.T, want Choice) {
	b, c, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	roundTrip(t, b)
	e := c.Environment(b)
	if c.Plugin != want.Plugin || e.Backend != want.Name || e.Plugin != filepath.Base(c.Plugin) || !strings.HasPrefix(e.PluginVersion, "PJRT ") || e.Device == "" {
		t.Errorf("environment %+v", e)
	}
}

// TestVersions gives what a Go build says in the command and in a cell.
func TestVersions(t *testing.T) {
	gomlx := &debug.Module{Path: "github.com/gomlx/gomlx", Version: "v0.28.2"}
	xla := &debug.Module{Path: "github.com/gomlx/go-xla", Version: "v0.4.1"}
	const revision = "0123456789abcdef0123456789abcdef01234567"
	for name, test := range map[string]struct {
		info debug.BuildInfo
		want string // Environment.Collapse
	}{
		"command": {debug.BuildInfo{Main: debug.Module{Path: project.Module, Version: "(devel)"}, Deps: []*debug.Module{gomlx, xla},
			Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: "true"}}}, "(devel) 0123456789ab+dirty"},
		"command of a commit": {debug.BuildInfo{Main: debug.Module{Path: project.Module, Version: "v0.0.0-20260102030405-0123456789ab"}, Deps: []*debug.Module{gomlx, xla},
			Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: revision}}}, "v0.0.0-20260102030405-0123456789ab"},
		"cell": {debug.BuildInfo{Main: debug.Module{Path: "gonb_1"}, Deps: []*debug.Module{{Path: project.Module}, gomlx, xla}}, "(devel)"},
		"replaced": {debug.BuildInfo{Main: debug.Module{Path: "x"}, Deps: []*debug.Module{{Path: project.Module, Version: "v0.0.0",
			Replace: &debug.Module{Path: "/clone"}}, gomlx, xla}}, "(devel)"},
	} {
		var e record.Environment
		versions(&e, &test.info)
		if e.Collapse != test.want || e.GoMLX != "v0.28.2" || e.GoXLA != "v0.4.1" {
			t.Errorf("%s: want Collapse %q, found %+v", name, test.want, e)
		}
	}
}

func TestHardwareNames(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "cpuinfo"), []byte("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nprocessor\t: 1\nmodel name\t: Other\n"))
	if got := cpuModel(filepath.Join(dir, "cpuinfo")); got != "Some CPU @ 2 GHz" {
		t.Errorf("CPU %q", got)
	}
	if got := cpuModel(filepath.Join(dir, "absent")); got != runtime.GOARCH {
		t.Errorf("without a name: %q", got)
	}
	write(t, filepath.Join(dir, "gpus/0000:01:00.0/information"), []byte("Model: \t\t NVIDIA H200\nIRQ: 1\n"))
	if got := gpuModel(filepath.Join(dir, "gpus")); got != "NVIDIA H200" {
		t.Errorf("GPU %q", got)
	}
}

// TestRefusedInTime runs a program that asks for a plugin which is a text file:
// it must get an error, not be ended by the loader.
func TestRefusedInTime(t *testing.T) {
	if os.Getenv("COLLAPSE_TEST_OPEN") != "" {
		if _, _, err := Open(Options{}); err != nil {
			os.Stdout.WriteString("refused: " + err.Error())
		}
		return
	}
	if !hasXLA {
		t.Skip("this build has no XLA: " + noXLA)
	}
	native(t)
	plugin := filepath.Join(t.TempDir(), "pjrt_c_api_cpu_plugin.so")
	write(t, plugin, bytes.Repeat([]byte("not a plugin\n"), 1000))
	cmd := exec.Command(os.Args[0], "-test.run=^TestRefusedInTime$")
	cmd.Env = append(os.Environ(), "COLLAPSE_TEST_OPEN=1", compute.ConfigEnvVar+"=xla:"+plugin)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "refused: ") || !strings.Contains(string(out), plugin) {
		t.Errorf("%v\n%s", err, out)
	}
}

// Determinism is a flag of CUDA's alone, beside those of the user and of the choice.
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
		if got.Env["XLA_FLAGS"] != c.flags || got.Deterministic != c.told || got.Environment(nil).Deterministic != c.told || len(got.Notes) != 1 {
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
