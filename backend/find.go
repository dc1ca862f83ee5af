package backend

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Module is the module path of this project.
const Module = "github.com/gocollapse/collapse"

// ProjectRoot returns the absolute path of the project's folder: COLLAPSE_ROOT
// if it is set, else the first folder from the current one upwards whose go.mod
// has this module's path, else the same from the program's own folder (for
// .tools/bin/collapse called from elsewhere). The second result is false if
// there is none.
func ProjectRoot() (string, bool) {
	if root := os.Getenv("COLLAPSE_ROOT"); root != "" {
		abs, err := filepath.Abs(root)
		return abs, err == nil && isProject(abs)
	}
	if dir, err := os.Getwd(); err == nil {
		if root, ok := upward(dir); ok {
			return root, true
		}
	}
	if exe, err := os.Executable(); err == nil {
		return upward(filepath.Dir(exe))
	}
	return "", false
}

func upward(dir string) (string, bool) {
	for {
		if isProject(dir) {
			return dir, true
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", false
		}
		dir = up
	}
}

var moduleLine = regexp.MustCompile(`(?m)^module\s+"?` + regexp.QuoteMeta(Module) + `"?\s*(//.*)?$`)

func isProject(dir string) bool {
	b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && moduleLine.Match(b)
}

// nvidia says whether an NVIDIA GPU's device is here and whether the driver's
// library is. Under WSL the device is /dev/dxg.
func (m machine) nvidia() (gpu, driver bool) {
	for _, p := range []string{"/proc/driver/nvidia", "/dev/nvidia0", "/dev/dxg"} {
		gpu = gpu || exists(m.system+p)
	}
	dirs := []string{"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib",
		"/usr/lib/wsl/lib", "/usr/local/nvidia/lib64", "/usr/local/cuda/compat", "/run/opengl-driver/lib"}
	for i := range dirs {
		dirs[i] = m.system + dirs[i]
	}
	for _, d := range append(m.list("LD_LIBRARY_PATH"), dirs...) {
		driver = driver || exists(filepath.Join(d, "libcuda.so.1"))
	}
	return gpu, driver
}

// cpuPlugin returns the path of the XLA CPU plugin, or "" and where it looked.
func (m machine) cpuPlugin() (plugin, searched string) {
	return m.find("lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so",
		"pjrt_c_api_cpu_plugin.so", "pjrt_c_api_cpu_v*_plugin.so", "pjrt-plugin-cpu.so", "pjrt_plugin_cpu.so")
}

// cudaPlugin returns the path of an XLA CUDA plugin, or "" and where it looked.
func (m machine) cudaPlugin() (plugin, searched string) {
	return m.find("jax_plugins/xla_cuda[0-9]*/xla_cuda_plugin.so",
		"pjrt_c_api_cuda_plugin.so", "pjrt_c_api_cuda_v*_plugin.so", "pjrt-plugin-cuda.so", "pjrt_plugin_cuda.so")
}

// named returns the plugin that go-xla would call name.
func (m machine) named(name string) (plugin, searched string) {
	// A name is part of a file's name: its special characters are not a pattern.
	name = regexp.MustCompile(`[][*?\\]`).ReplaceAllString(name, `\$0`)
	return m.find("", "pjrt_c_api_"+name+"_plugin.so", "pjrt-plugin-"+name+".so", "pjrt_plugin_"+name+".so")
}

// find looks for wheel in the project's .venv, then for the file names in the
// folders that go-xla searches. The newest of several versions is first.
func (m machine) find(wheel string, names ...string) (plugin, searched string) {
	var places []string
	if m.root != "" && wheel != "" {
		venv := filepath.Join(m.root, ".venv")
		places = append(places, venv)
		if p := newest(filepath.Join(escape(venv), "lib", "python3.*", "site-packages", wheel)); p != "" {
			return p, venv
		}
	}
	for _, dir := range m.folders() {
		places = append(places, dir)
		for _, name := range names {
			if p := newest(filepath.Join(escape(dir), name)); p != "" {
				return p, dir
			}
		}
	}
	return "", strings.Join(places, ", ")
}

// folders lists where go-xla keeps plugins, in its order. go-xla reads
// PJRT_PLUGIN_LIBRARY_PATH when the program starts; with absolute paths it need
// not be set at all.
func (m machine) folders() []string {
	dirs := m.list("PJRT_PLUGIN_LIBRARY_PATH")
	if m.home != "" {
		dirs = append(dirs, filepath.Join(m.home, ".local/lib/go-xla"))
	}
	dirs = append(dirs, m.system+"/usr/local/lib/go-xla")
	for _, d := range m.list("LD_LIBRARY_PATH") {
		if !slices.Contains(dirs, d) {
			dirs = append(dirs, d)
		}
	}
	return dirs
}

// list returns the absolute folders of a variable that separates them by colons.
func (m machine) list(variable string) []string {
	return slices.DeleteFunc(filepath.SplitList(m.getenv(variable)), func(d string) bool { return !filepath.IsAbs(d) })
}

// newest returns the last file, in the order of names, that matches a pattern.
func newest(pattern string) string {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		return ""
	}
	return slices.Max(files)
}

// escape keeps the special characters of a folder's name out of a pattern.
func escape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// nvidiaFolder returns the folder of NVIDIA's own wheels beside a plugin that
// stands in a Python environment, "" if there is none.
func nvidiaFolder(plugin string) string {
	dir := filepath.Dir(plugin)
	for range 3 { // site-packages/jax_plugins/xla_cuda13/, go-xla/
		for _, sub := range []string{"nvidia/cu13", "nvidia/cu12", "nvidia/cuda_nvcc", "nvidia"} {
			if p := filepath.Join(dir, sub); exists(p) {
				return p
			}
		}
		dir = filepath.Dir(dir)
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func cudaFile(plugin string) bool { return strings.Contains(baseName(plugin), "cuda") }
func cpuFile(plugin string) bool  { return strings.Contains(baseName(plugin), "cpu") }

func baseName(plugin string) string { return strings.ToLower(filepath.Base(plugin)) }
