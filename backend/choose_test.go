package backend

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"github.com/gocollapse/collapse/record"
)

// Files of made-up machines: plugins, and with a leading / others.
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

// choiceCase is a made-up machine, what is asked for and what is chosen.
type choiceCase struct {
	name    string
	files   []string
	bad     string  // a plugin that is not one
	backend string  // GOMLX_BACKEND; $ is the test's folder
	asked   Options // Name as backend
	noXLA   bool

	want    string // Choice.Name
	plugin  string
	config  string // of a Go backend, or a part of the configuration
	warning string // a part; "" for none at all
	err     string // a part of the error
}

// run makes the machine's files and checks the choice.
func (c choiceCase) run(t *testing.T) {
	here, _ := native(t)
	dir := t.TempDir()
	path := func(p string) string { return filepath.Join(dir, p) }
	for _, f := range c.files {
		if strings.HasPrefix(f, "/") {
			write(t, path(f), nil)
		} else {
			fake(t, path(f), here, entry)
		}
	}
	if c.bad != "" {
		write(t, path(c.bad), []byte("not a plugin"))
	}
	m := machine{
		root: path("root"), home: path("home"), system: path("system"), xla: !c.noXLA,
		known: []string{"go", "xla"},
		getenv: func(k string) string {
			return map[string]string{
				compute.ConfigEnvVar:       strings.ReplaceAll(c.backend, "$", dir),
				"PJRT_PLUGIN_LIBRARY_PATH": path("extra") + ":relative",
				"LD_LIBRARY_PATH":          path("ld"),
				"VIRTUAL_ENV":              path("active"),
				"PATH":                     path("empty") + ":" + path("path/bin"),
			}[k]
		},
	}
	c.asked.Name = strings.ReplaceAll(c.asked.Name, "$", dir)
	got, err := m.choose(c.asked)
	if c.err != "" {
		if err == nil || !strings.Contains(err.Error(), c.err) {
			t.Fatalf("want an error with %q, found %v and %+v", c.err, err, got)
		}
		if c.bad != "" && !strings.Contains(err.Error(), path(c.bad)) {
			t.Errorf("the error does not name the file: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if c.plugin != "" {
		c.plugin = path(c.plugin)
	}
	c.check(t, got)
}

// check compares a choice with what is wanted; plugin is a whole path.
func (c choiceCase) check(t *testing.T, got Choice) {
	t.Helper()
	if got.Name != c.want || got.Plugin != c.plugin {
		t.Errorf("want %s %s, found %+v", c.want, c.plugin, got)
	}
	begin := ""
	if c.plugin != "" {
		begin = "xla:" + c.plugin + ",shared_buffers"
	}
	if !strings.HasPrefix(got.Config, begin) || !strings.Contains(got.Config, c.config) {
		t.Errorf("configuration %q", got.Config)
	}
	if got.Reason == "" || !strings.Contains(got.Warning, c.warning) || (c.warning == "") != (got.Warning == "") {
		t.Errorf("reason %q, warning %q; want a warning with %q", got.Reason, got.Warning, c.warning)
	}
	if c.backend != "" && c.asked.Name == "" && !strings.Contains(got.Reason, "GOMLX_BACKEND=") {
		t.Errorf("the reason does not say who chose: %q", got.Reason)
	}
	if c.asked.TF32 != got.TF32 || c.asked.TF32 == strings.Contains(got.Config, noTF32) && got.Name == CUDA {
		t.Errorf("TF32 asked for is %t, found %t in %q", c.asked.TF32, got.TF32, got.Config)
	}
}

// withCUDA are the files of a machine with an NVIDIA GPU, its driver, NVIDIA's libraries except
// the one without, and others.
func withCUDA(without string, others ...string) []string {
	files := []string{gpu, driver}
	for _, file := range cuda13 {
		if file != without {
			files = append(files, "/system/usr/local/cuda/lib64/"+file)
		}
	}
	return append(files, others...)
}

// What is taken where nobody asks, on made-up machines.
func TestChoose(t *testing.T) {
	secondGPU := append(withCUDA("", venvCUDA)[1:], "/system/dev/nvidia3")
	for _, c := range []choiceCase{
		{name: "nothing", want: Go, config: goConfig, warning: "far slower"},
		{name: "venv", files: []string{venvCPU, homeCPU, envCPU}, want: CPU, plugin: venvCPU,
			config: ",shared_buffers"},
		{name: "variable before home", files: []string{homeCPU, envCPU}, want: CPU, plugin: envCPU},
		{name: "home", files: []string{homeCPU, ldCPU}, want: CPU, plugin: homeCPU},
		{name: "library path", files: []string{ldCPU}, want: CPU, plugin: ldCPU},
		{name: "CUDA first", files: withCUDA("", venvCPU, venvCUDA), want: CUDA, plugin: venvCUDA,
			config: ",shared_buffers=false,tf32=false"},
		{name: "CUDA of go-xla", files: withCUDA("", venvCPU, homeCUDA), want: CUDA, plugin: homeCUDA},
		{name: "CUDA without cuDNN", files: withCUDA("libcudnn.so.9", venvCUDA), want: CUDA, plugin: venvCUDA,
			warning: "needs cuDNN (libcudnn.so.9), not found"},
		{name: "CUDA of the active environment", files: withCUDA("", venvCPU, activeCUDA, pathCUDA),
			want: CUDA, plugin: activeCUDA},
		{name: "CUDA of the python3 on PATH", files: withCUDA("", venvCPU, pathCUDA, "/path/bin/python3"),
			want: CUDA, plugin: pathCUDA},
		{name: "CUDA of the system's Python", files: withCUDA("", systemCUDA), want: CUDA, plugin: systemCUDA},
		{name: "second GPU alone", files: secondGPU, want: CUDA, plugin: venvCUDA},
		{name: "CUDA without a GPU", files: []string{venvCPU, venvCUDA, driver}, want: CPU, plugin: venvCPU},
		{name: "CUDA without a driver", files: []string{venvCPU, venvCUDA, gpu}, want: CPU, plugin: venvCPU,
			warning: "libcuda.so.1"},
		{name: "GPU without a plugin", files: []string{venvCPU, gpu, driver}, want: CPU, plugin: venvCPU,
			warning: "no CUDA plugin"},
		{name: "broken", bad: venvCPU, err: "GOMLX_BACKEND=go"},
		{name: "broken CUDA", files: []string{venvCPU, gpu, driver}, bad: venvCUDA, err: "GOMLX_BACKEND=xla:cpu"},
		{name: "no XLA in the program", files: []string{venvCPU}, noXLA: true, want: Go, config: goConfig,
			warning: "cgo"},
	} {
		t.Run(c.name, c.run)
	}
}

// What is taken where the user asks by GOMLX_BACKEND.
func TestChooseAsked(t *testing.T) {
	both := []string{venvCPU, venvCUDA, gpu, driver}
	for _, c := range []choiceCase{
		{name: "go", files: []string{venvCPU}, backend: "go", want: Go, config: goConfig, warning: "slower"},
		{name: "go with options", backend: "go:ops_sequential", want: Go, config: "go:ops_sequential",
			warning: "slower"},
		{name: "xla", files: []string{venvCPU}, backend: "xla", want: CPU, plugin: venvCPU},
		{name: "xla with a GPU", files: both, backend: "xla", want: CUDA, plugin: venvCUDA},
		{name: "cpu with a GPU", files: both, backend: "xla:cpu", want: CPU, plugin: venvCPU},
		{name: "options", files: []string{venvCPU}, backend: "xla:cpu,shared_buffers=false", want: CPU, plugin: venvCPU,
			config: ".so,shared_buffers=false"},
		{name: "a version", files: []string{ldCPU}, backend: "xla:cpu_v0.83.1", want: CPU, plugin: ldCPU},
		{name: "a file", files: []string{homeCPU}, backend: "xla:$/" + homeCPU, want: CPU, plugin: homeCPU},
		{name: "a broken file", bad: homeCPU, backend: "xla:$/" + homeCPU, err: "GOMLX_BACKEND=xla:"},
		{name: "cpu, none there", backend: "xla:cpu", err: "make setup"},
		{name: "cuda, no driver", files: []string{venvCUDA}, backend: "xla:cuda", err: "no NVIDIA driver"},
		{name: "cuda, no plugin", files: []string{gpu, driver}, backend: "xla:cuda", err: "jax-cuda13-pjrt"},
		{name: "xla of a program without", backend: "xla:cpu", noXLA: true, err: "without XLA"},
		{name: "nonsense", backend: "tpu", err: `no backend "tpu"`},
		{name: "a pattern", files: []string{homeCPU}, backend: "xla:*", err: "no such plugin"},
	} {
		t.Run(c.name, c.run)
	}
}

// What is taken where the program asks: its name goes before the user's variable.
func TestChooseOptions(t *testing.T) {
	tf32 := For(record.Spec{Computation: record.Computation{Precision: "tf32"}})
	for _, c := range []choiceCase{
		{name: "go", files: []string{venvCPU}, backend: "xla:cpu", asked: Options{Name: "go"}, want: Go,
			config: goConfig, warning: "slower"},
		{name: "none there", backend: "go", asked: Options{Name: "xla:cpu"}, err: "backend xla:cpu: no such plugin"},
		{name: "nonsense", asked: Options{Name: "tpu"}, err: "name another backend"},
		{name: "precision tf32", files: withCUDA("", venvCUDA), asked: tf32, want: CUDA, plugin: venvCUDA},
	} {
		t.Run(c.name, c.run)
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

// A plugin is given the flags that it knows, wherever their names are in the file.
// An unknown flag would end the process.
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
