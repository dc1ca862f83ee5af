package backend

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

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
// folders that go-xla searches, then for wheel in the Python environments that the
// user has. The newest of several versions is first.
func (m machine) find(wheel string, names ...string) (plugin, searched string) {
	var places []string
	look := func(pattern, dir string) bool {
		if !slices.Contains(places, dir) {
			places = append(places, dir)
		}
		plugin = newest(filepath.Join(escape(dir), pattern))
		return plugin != ""
	}
	const packages = "lib/python3.*/site-packages"
	if m.root != "" && wheel != "" && look(filepath.Join(packages, wheel), filepath.Join(m.root, ".venv")) {
		return plugin, places[len(places)-1]
	}
	for _, dir := range m.folders() {
		for _, name := range names {
			if look(name, dir) {
				return plugin, dir
			}
		}
	}
	if wheel == "" {
		return "", strings.Join(places, ", ")
	}
	for _, dir := range m.environments() {
		for _, packages := range []string{packages, "lib/python3*/dist-packages"} {
			if look(filepath.Join(packages, wheel), dir) {
				return plugin, dir
			}
		}
	}
	return "", strings.Join(places, ", ")
}

// environments lists the folders of Python environments: the active one, the one of the
// python3 on PATH, the user's own packages and the system's.
func (m machine) environments() []string {
	var dirs []string
	for _, v := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if d := m.getenv(v); filepath.IsAbs(d) {
			dirs = append(dirs, d)
		}
	}
	for _, bin := range m.list("PATH") {
		python := filepath.Join(bin, "python3")
		if !exists(python) {
			continue
		}
		// A virtual environment's python3 is a link to the one that made it, which may
		// have packages too.
		dirs = append(dirs, filepath.Dir(bin))
		if file, err := filepath.EvalSymlinks(python); err == nil {
			dirs = append(dirs, filepath.Dir(filepath.Dir(file)))
		}
		break
	}
	if m.home != "" {
		dirs = append(dirs, filepath.Join(m.home, ".local"))
	}
	return append(dirs, m.system+"/usr/local", m.system+"/usr")
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

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func cudaFile(plugin string) bool { return strings.Contains(baseName(plugin), "cuda") }
func cpuFile(plugin string) bool  { return strings.Contains(baseName(plugin), "cpu") }

func baseName(plugin string) string { return strings.ToLower(filepath.Base(plugin)) }
