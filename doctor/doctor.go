// Package doctor finds out what this machine has of what Collapse needs, and what is wrong.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"go/version"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/internal/program"
	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/kernels"
)

// Options says what is looked at.
type Options struct {
	// Root is the project's folder, "" for the one that the current folder is in.
	Root string
	// SkipBackend leaves the backend unopened: nothing is loaded.
	SkipBackend bool
}

// Examine checks everything that Collapse needs on this machine and returns one check for each
// thing, in the order in which they build on each other. It writes nothing and uses no network.
// The XLA plugin is read before it is loaded.
func Examine(ctx context.Context, o Options) []kernels.Check {
	root, err := kernels.Root(o.Root)
	if err != nil {
		return []kernels.Check{
			{Name: "project", Status: kernels.Fault, Found: err.Error(), Fix: "cd to the clone of Collapse"},
			goCheck(ctx, "."), compilerCheck(ctx, "."), pythonCheck(ctx, ""),
		}
	}
	checks := []kernels.Check{
		{Name: "project", Status: kernels.OK, Found: root},
		goCheck(ctx, root),
		compilerCheck(ctx, root),
		pythonCheck(ctx, root),
		venvCheck(root),
		packageCheck(root, "JupyterLab", "jupyterlab", "bin/jupyter-lab"),
		packageCheck(root, "nbconvert", "nbconvert", "bin/jupyter-nbconvert"),
	}
	checks = append(checks, kernels.Tools(ctx, root)...)
	checks = append(checks, kernels.Status(kernels.Options{Root: root}))
	checks = append(checks, cudaChecks(backend.InspectCUDA())...)
	checks = append(checks, backendChecks(o.SkipBackend)...)
	checks = append(checks, dataCheck())
	return append(checks, diskCheck("disk", root), diskCheck("temporary folder", os.TempDir()))
}

func goCheck(ctx context.Context, root string) kernels.Check {
	c := kernels.Check{Name: "Go", Status: kernels.Fault, Fix: "install Go from https://go.dev/dl/ and put it on PATH"}
	path, err := exec.LookPath("go")
	if err != nil {
		c.Found = "no go on PATH"
		return c
	}
	out, err := program.Output(ctx, root, "go", "env", "GOVERSION")
	if err != nil {
		c.Found = path + ": " + err.Error()
		return c
	}
	c.Found = fmt.Sprintf("%s (%s)", out, path)
	have, _, _ := strings.Cut(out, " ")
	need, err := project.GoVersion(root)
	if err != nil {
		need = "1.26.5" // the clone, whose go.mod says it, is not here
	}
	if version.Compare(have, "go"+need) < 0 {
		c.Found += ", want go" + need + " or newer"
		return c
	}
	c.Status, c.Fix = kernels.OK, ""
	return c
}

// compilerCheck builds a program, since a compiler without the C library's headers is of no use.
func compilerCheck(ctx context.Context, root string) kernels.Check {
	c := kernels.Check{Name: "C compiler", Status: kernels.Fault, Fix: "apt-get install gcc libc6-dev"}
	cc := os.Getenv("CC")
	if out, err := program.Output(ctx, root, "go", "env", "CC", "CGO_ENABLED"); err == nil {
		var enabled string
		cc, enabled, _ = strings.Cut(out, "\n")
		if enabled == "0" && os.Getenv("CGO_ENABLED") == "0" {
			return kernels.Check{Name: c.Name, Status: kernels.Warn, Fix: "unset CGO_ENABLED",
				Found: "CGO_ENABLED=0: programs are built without XLA, training is pure Go"}
		}
	}
	words := strings.Fields(cc)
	if len(words) == 0 {
		words = []string{"cc"}
	}
	path, err := exec.LookPath(words[0])
	if err != nil {
		c.Found = "no " + words[0] + " on PATH; go-xla needs one"
		return c
	}
	cmd := exec.CommandContext(ctx, path, append(words[1:], "-x", "c", "-o", os.DevNull, "-")...)
	cmd.Stdin = strings.NewReader("#include <stdlib.h>\nint main(void) { return 0; }\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		c.Found = fmt.Sprintf("%s cannot build a program: %v: %s", path, err, firstLine(out))
		return c
	}
	return kernels.Check{Name: c.Name, Status: kernels.OK, Found: path}
}

// pythonVersion prints the version, and 1 if it is new enough.
const pythonVersion = `import sys; print("%d.%d.%d %d" % (*sys.version_info[:3], sys.version_info >= (3, 10)))`

func pythonCheck(ctx context.Context, root string) kernels.Check {
	c := kernels.Check{Name: "Python", Status: kernels.Fault, Fix: "apt-get install python3 python3-venv"}
	names := []string{"python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"}
	if p := filepath.Join(root, ".venv", "bin", "python"); root != "" && program.Executable(p) {
		names = append([]string{p}, names...)
	}
	c.Found = "no python3 on PATH"
	for _, name := range names {
		out, err := program.Output(ctx, "", name, "-c", pythonVersion)
		if err != nil {
			continue
		}
		v, enough, _ := strings.Cut(out, " ")
		if path, err := exec.LookPath(name); err == nil {
			name = path
		}
		if enough == "1" {
			return kernels.Check{Name: c.Name, Status: kernels.OK, Found: v + " (" + name + ")"}
		}
		c.Found = v + " (" + name + "), want 3.10 or newer"
	}
	return c
}

// venvCheck reads the stamp that scripts/setup.sh writes last. Its first line is the folder for
// which the environment was made.
func venvCheck(root string) kernels.Check {
	c := kernels.Check{Name: ".venv", Status: kernels.Fault, Fix: "make setup"}
	venv := filepath.Join(root, ".venv")
	b, err := os.ReadFile(filepath.Join(venv, "collapse-setup"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.Found = "no Python environment in the project"
		if st, err := os.Stat(venv); err == nil && st.IsDir() {
			c.Found = venv + ": its set-up was not finished"
		}
	case err != nil:
		c.Found = err.Error()
	case firstLine(b) != root:
		c.Found = fmt.Sprintf("%s: made in %q, but this project is in %s", venv, firstLine(b), root)
	default:
		return kernels.Check{Name: c.Name, Status: kernels.OK, Found: venv}
	}
	return c
}

func packageCheck(root, name, dist, script string) kernels.Check {
	c := kernels.Check{Name: name, Status: kernels.Fault, Fix: "make setup"}
	venv := filepath.Join(root, ".venv")
	infos, _ := fs.Glob(os.DirFS(venv), "lib/python3*/site-packages/"+dist+"-*.dist-info")
	if len(infos) == 0 || !program.Executable(filepath.Join(venv, script)) {
		c.Found = "not in " + venv
		return c
	}
	v := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(infos[0]), dist+"-"), ".dist-info")
	return kernels.Check{Name: name, Status: kernels.OK, Found: v}
}

// cudaChecks says whether there is an NVIDIA GPU, and what XLA needs to train on it. A machine with
// neither GPU nor plugin gets one line.
func cudaChecks(r backend.CUDAReport) []kernels.Check {
	gpu := kernels.Check{Name: "NVIDIA GPU", Status: kernels.OK, Found: "none"}
	if !r.GPU && r.Plugin == "" {
		return []kernels.Check{gpu}
	}
	driver := kernels.Check{Name: "NVIDIA driver", Status: kernels.OK, Found: r.Driver}
	if r.GPU {
		gpu.Found = "here"
	}
	if r.DriverVersion != "" {
		driver.Found = r.DriverVersion + " (" + r.Driver + ")"
	}
	if r.Driver == "" {
		driver.Found = "no libcuda.so.1"
		if r.GPU {
			driver.Status, driver.Fix = kernels.Warn, "install the NVIDIA driver"
		}
	}
	if need := r.DriverTooOld(); need != "" {
		driver.Status, driver.Found, driver.Fix = kernels.Warn, driver.Found+": "+need, "install a newer NVIDIA driver"
	}
	plugin := kernels.Check{Name: "CUDA plugin", Status: kernels.OK, Found: r.Plugin}
	if r.Plugin == "" {
		plugin.Status, plugin.Found, plugin.Fix = kernels.Warn, "none in "+r.Searched, "make cuda"
		return []kernels.Check{gpu, driver, plugin}
	}
	libraries := kernels.Check{Name: "CUDA libraries", Status: kernels.OK}
	var folders []string
	for _, l := range r.Libraries {
		if dir := filepath.Dir(l.Path); l.Path != "" && !slices.Contains(folders, dir) {
			folders = append(folders, dir)
		}
	}
	libraries.Found = "in " + strings.Join(folders, ", ")
	if absent := r.Absent(); absent != nil {
		libraries.Status, libraries.Fix = kernels.Warn, "make cuda"
		libraries.Found = "not found: " + strings.Join(absent, ", ")
	}
	return []kernels.Check{gpu, driver, plugin, libraries}
}

// backendChecks says which plugin and backend a training run would use, and opens the backend: one
// that is chosen may still not start.
func backendChecks(skip bool) []kernels.Check {
	choice, err := backend.Choose(backend.Options{})
	if err != nil {
		return []kernels.Check{{Name: "plugin", Status: kernels.Fault, Found: err.Error(),
			Fix: "make clean setup, or unset GOMLX_BACKEND"}}
	}
	plugin := kernels.Check{Name: "plugin", Status: kernels.OK, Found: choice.Plugin}
	run := kernels.Check{Name: "backend", Status: kernels.OK, Found: choice.Name + ": " + choice.Reason}
	if choice.Plugin == "" {
		plugin.Status, plugin.Found = kernels.Warn, "none is used"
		if choice.Name == backend.Go && runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
			plugin.Fix = "make setup"
		}
	}
	if choice.Warning != "" {
		run.Status, run.Found = kernels.Warn, run.Found+"; "+choice.Warning
	}
	if skip {
		return []kernels.Check{plugin, run}
	}
	b, err := choice.Open()
	if err != nil {
		run.Status, run.Found, run.Fix = kernels.Fault, err.Error(), "GOMLX_BACKEND=go trains without a plugin"
		return []kernels.Check{plugin, run}
	}
	defer b.Finalize()
	e := choice.Environment(b)
	if e.PluginVersion != "" {
		plugin.Found += " (" + e.PluginVersion + ")"
	}
	device := kernels.Check{Name: "device", Status: kernels.OK, Found: fmt.Sprintf("%s, %d cores", e.Device, e.Cores)}
	return []kernels.Check{plugin, run, device}
}

// dataCheck is one line on all data sets: only who trains on one needs it.
func dataCheck() kernels.Check {
	c := kernels.Check{Name: "data sets", Status: kernels.OK}
	var here, absent []string
	for _, about := range data.List() {
		switch _, found, err := data.Locate(about.Name, data.Options{}); {
		case err != nil:
			c.Status, c.Found, c.Fix = kernels.Fault, err.Error(), "set "+data.EnvDir+" to a folder"
			return c
		case found:
			here = append(here, about.Name)
		default:
			absent = append(absent, about.Name)
		}
	}
	c.Found = "here: " + strings.Join(here, ", ")
	if len(absent) > 0 {
		c.Found += "; not here: " + strings.Join(absent, ", ") + " (collapse fetch NAME, or train, loads one)"
	}
	return c
}

// diskCheck warns below 1 GiB: building a cell's program takes hundreds of megabytes, a checkpoint
// up to a hundred.
func diskCheck(name, dir string) kernels.Check {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return kernels.Check{Name: name, Status: kernels.Fault, Found: dir + ": " + err.Error()}
	}
	free := float64(st.Bavail) * float64(st.Bsize) / (1 << 30)
	c := kernels.Check{Name: name, Status: kernels.OK, Found: fmt.Sprintf("%.1f GiB free in %s", free, dir)}
	if free < 1 {
		c.Status, c.Fix = kernels.Warn, "free 1 GiB there"
	}
	return c
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return line
}
