package kernels

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/version"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/data"
)

// Values of Check.Status.
const (
	OK    = "ok"    // as it should be
	Warn  = "warn"  // works, with a loss that Found names
	Fault = "fault" // something the project needs does not work
)

// Check is one line of the doctor's: what was looked at, what was found, and
// the command that mends it ("" if nothing needs mending).
type Check struct {
	Name   string `json:"name"`
	Status string `json:"status"` // ok, warn or fault
	Found  string `json:"found"`
	Mend   string `json:"mend,omitempty"`
}

// DoctorOptions says what the doctor looks at.
type DoctorOptions struct {
	// Root is the project's folder, "" for backend.ProjectRoot.
	Root string
	// SkipBackend leaves the backend unopened: nothing is loaded.
	SkipBackend bool
}

// Doctor looks the machine over and returns a line for each thing that Collapse
// needs, in the order in which they build on each other. It writes nothing and
// asks no network. The XLA plugin is read before it is loaded.
func Doctor(ctx context.Context, o DoctorOptions) []Check {
	root, err := Options{Root: o.Root}.root()
	if err != nil {
		return []Check{
			{Name: "project", Status: Fault, Found: err.Error(), Mend: "cd to the clone of Collapse"},
			goCheck(ctx, "."), compilerCheck(ctx, "."), pythonCheck(ctx, ""),
		}
	}
	checks := []Check{
		{Name: "project", Status: OK, Found: root},
		goCheck(ctx, root),
		compilerCheck(ctx, root),
		pythonCheck(ctx, root),
		venvCheck(root),
		packageCheck(root, "JupyterLab", "jupyterlab", "bin/jupyter-lab"),
		packageCheck(root, "nbconvert", "nbconvert", "bin/jupyter-nbconvert"),
	}
	checks = append(checks, toolChecks(ctx, root)...)
	checks = append(checks, Status(Options{Root: root}))
	checks = append(checks, cudaChecks(backend.InspectCUDA())...)
	checks = append(checks, backendChecks(o.SkipBackend)...)
	checks = append(checks, dataChecks()...)
	return append(checks, diskCheck("disk", root), diskCheck("temporary folder", os.TempDir()))
}

var goLine = regexp.MustCompile(`(?m)^go\s+(\S+)`)

func goCheck(ctx context.Context, root string) Check {
	c := Check{Name: "Go", Status: Fault, Mend: "install Go from https://go.dev/dl/ and put it on PATH"}
	path, err := exec.LookPath("go")
	if err != nil {
		c.Found = "no go on PATH"
		return c
	}
	out, err := output(ctx, root, "go", "env", "GOVERSION")
	if err != nil {
		c.Found = path + ": " + err.Error()
		return c
	}
	need := "1.26.5"
	if b, err := os.ReadFile(filepath.Join(root, "go.mod")); err == nil {
		if m := goLine.FindSubmatch(b); m != nil {
			need = string(m[1])
		}
	}
	c.Found = fmt.Sprintf("%s (%s)", out, path)
	if have, _, _ := strings.Cut(out, " "); version.Compare(have, "go"+need) < 0 {
		c.Found += ", want go" + need + " or newer"
		return c
	}
	c.Status, c.Mend = OK, ""
	return c
}

// compilerCheck builds a program, since a compiler without the C library's
// headers is no use.
func compilerCheck(ctx context.Context, root string) Check {
	c := Check{Name: "C compiler", Status: Fault, Mend: "apt-get install gcc libc6-dev"}
	cc := os.Getenv("CC")
	if out, err := output(ctx, root, "go", "env", "CC", "CGO_ENABLED"); err == nil {
		var enabled string
		cc, enabled, _ = strings.Cut(out, "\n")
		if enabled == "0" && os.Getenv("CGO_ENABLED") == "0" {
			return Check{Name: c.Name, Status: Warn, Found: "CGO_ENABLED=0: programs are built without XLA, training is pure Go", Mend: "unset CGO_ENABLED"}
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
	return Check{Name: c.Name, Status: OK, Found: path}
}

func pythonCheck(ctx context.Context, root string) Check {
	c := Check{Name: "Python", Status: Fault, Mend: "apt-get install python3 python3-venv"}
	names := []string{"python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"}
	if p := filepath.Join(root, ".venv", "bin", "python"); root != "" && executable(p) {
		names = append([]string{p}, names...)
	}
	c.Found = "no python3 on PATH"
	for _, name := range names {
		out, err := output(ctx, "", name, "-c", `import sys; print("%d.%d.%d %d" % (*sys.version_info[:3], sys.version_info >= (3, 10)))`)
		if err != nil {
			continue
		}
		v, enough, _ := strings.Cut(out, " ")
		if path, err := exec.LookPath(name); err == nil {
			name = path
		}
		if enough == "1" {
			return Check{Name: c.Name, Status: OK, Found: v + " (" + name + ")"}
		}
		c.Found = v + " (" + name + "), want 3.10 or newer"
	}
	return c
}

// venvCheck reads the stamp that scripts/setup.sh writes last; its first line
// is the folder for which the environment was made.
func venvCheck(root string) Check {
	c := Check{Name: ".venv", Status: Fault, Mend: "make setup"}
	venv := filepath.Join(root, ".venv")
	b, err := os.ReadFile(filepath.Join(venv, "collapse-setup"))
	switch {
	case errors.Is(err, fs.ErrNotExist) && isDir(venv):
		c.Found = venv + ": its set-up was not finished"
	case errors.Is(err, fs.ErrNotExist):
		c.Found = "no Python environment in the project"
	case err != nil:
		c.Found = err.Error()
	case firstLine(b) != root:
		c.Found = fmt.Sprintf("%s: made in %q, but this project is in %s", venv, firstLine(b), root)
	default:
		return Check{Name: c.Name, Status: OK, Found: venv}
	}
	return c
}

func packageCheck(root, name, dist, program string) Check {
	c := Check{Name: name, Status: Fault, Mend: "make setup"}
	venv := filepath.Join(root, ".venv")
	infos, _ := fs.Glob(os.DirFS(venv), "lib/python3*/site-packages/"+dist+"-*.dist-info")
	if len(infos) == 0 || !isFile(filepath.Join(venv, program)) {
		c.Found = "not in " + venv
		return c
	}
	v := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(infos[0]), dist+"-"), ".dist-info")
	return Check{Name: name, Status: OK, Found: v}
}

// toolChecks looks for the tools where the kernel will look.
func toolChecks(ctx context.Context, root string) []Check {
	var path string
	if bin, err := goBin(ctx, root); err == nil {
		path = expand(want(root, bin).Env["PATH"])
	}
	var checks []Check
	for _, t := range tools {
		c := Check{Name: t, Status: Fault, Found: "not on the kernel's PATH", Mend: "make setup"}
		for _, dir := range filepath.SplitList(path) {
			if p := filepath.Join(dir, t); executable(p) {
				c = Check{Name: t, Status: OK, Found: p}
				if filepath.Dir(p) != filepath.Join(root, ".tools", "bin") {
					c.Status, c.Mend = Warn, "make setup"
					c.Found += ": not the version of this project's go.mod"
				}
				break
			}
		}
		checks = append(checks, c)
	}
	return checks
}

// cudaChecks says what there is of an NVIDIA GPU and of what XLA needs to train on it. A
// machine with neither GPU nor plugin is one line.
func cudaChecks(r backend.CUDAReport) []Check {
	gpu := Check{Name: "NVIDIA GPU", Status: OK, Found: "none"}
	if !r.GPU && r.Plugin == "" {
		return []Check{gpu}
	}
	driver := Check{Name: "NVIDIA driver", Status: OK, Found: r.Driver}
	if r.GPU {
		gpu.Found = "here"
	}
	if r.DriverVersion != "" {
		driver.Found = r.DriverVersion + " (" + r.Driver + ")"
	}
	if r.Driver == "" {
		driver.Found = "no libcuda.so.1"
		if r.GPU {
			driver.Status, driver.Mend = Warn, "install the NVIDIA driver"
		}
	}
	if need := r.DriverTooOld(); need != "" {
		driver.Status, driver.Found, driver.Mend = Warn, driver.Found+": "+need, "install a newer NVIDIA driver"
	}
	plugin := Check{Name: "CUDA plugin", Status: OK, Found: r.Plugin}
	if r.Plugin == "" {
		plugin.Status, plugin.Found, plugin.Mend = Warn, "none in "+r.Searched, "make cuda"
		return []Check{gpu, driver, plugin}
	}
	libraries := Check{Name: "CUDA libraries", Status: OK}
	var folders []string
	for _, l := range r.Libraries {
		if dir := filepath.Dir(l.Path); l.Path != "" && !slices.Contains(folders, dir) {
			folders = append(folders, dir)
		}
	}
	libraries.Found = "in " + strings.Join(folders, ", ")
	if absent := r.Absent(); absent != nil {
		libraries.Status, libraries.Mend = Warn, "make cuda"
		libraries.Found = "not found: " + strings.Join(absent, ", ")
	}
	return []Check{gpu, driver, plugin, libraries}
}

// backendChecks says which plugin and backend training would take, and opens
// it: a backend that is chosen may still not start.
func backendChecks(skip bool) []Check {
	choice, err := backend.Choose(backend.Options{})
	if err != nil {
		return []Check{{Name: "plugin", Status: Fault, Found: err.Error(), Mend: "make clean setup, or unset GOMLX_BACKEND"}}
	}
	plugin := Check{Name: "plugin", Status: OK, Found: choice.Plugin}
	run := Check{Name: "backend", Status: OK, Found: choice.Name + ": " + choice.Reason}
	if choice.Plugin == "" {
		plugin.Status, plugin.Found = Warn, "none is used"
		if choice.Name == backend.Go && runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
			plugin.Mend = "make setup"
		}
	}
	if choice.Warning != "" {
		run.Status, run.Found = Warn, run.Found+"; "+choice.Warning
	}
	if skip {
		return []Check{plugin, run}
	}
	b, err := choice.Open()
	if err != nil {
		run.Status, run.Found, run.Mend = Fault, err.Error(), "GOMLX_BACKEND=go trains without a plugin"
		return []Check{plugin, run}
	}
	defer b.Finalize()
	e := choice.Environment(b)
	if e.PluginVersion != "" {
		plugin.Found += " (" + e.PluginVersion + ")"
	}
	return []Check{plugin, run, {Name: "device", Status: OK, Found: fmt.Sprintf("%s, %d cores", e.Device, e.Cores)}}
}

// dataChecks is one line on all sets: none is needed but by who trains on it.
func dataChecks() []Check {
	c := Check{Name: "data sets", Status: OK}
	var here, absent []string
	for _, about := range data.List() {
		switch _, found, err := data.Locate(about.Name, data.Options{}); {
		case err != nil:
			c.Status, c.Found, c.Mend = Fault, err.Error(), "set "+data.EnvDir+" to a folder"
			return []Check{c}
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
	return []Check{c}
}

// diskCheck warns below 1 GiB: Go's build of a cell's program needs hundreds of
// megabytes, a checkpoint up to a hundred.
func diskCheck(name, dir string) Check {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return Check{Name: name, Status: Fault, Found: dir + ": " + err.Error()}
	}
	free := float64(st.Bavail) * float64(st.Bsize) / (1 << 30)
	c := Check{Name: name, Status: OK, Found: fmt.Sprintf("%.1f GiB free in %s", free, dir)}
	if free < 1 {
		c.Status, c.Mend = Warn, "free 1 GiB there"
	}
	return c
}

// output runs a program and returns what it prints, trimmed.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return "", withStderr(err)
	}
	return string(bytes.TrimSpace(out)), nil
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return line
}
