// Package kernels installs the Jupyter kernel "Collapse (Go)".
//
// The kernel is GoNB, built from this project's go.mod. It starts so that a cell can import every
// public package of the project with no set-up cell. It has a folder of its own, kernels/collapse,
// and leaves a GoNB kernel of the user alone.
package kernels

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"

	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/internal/program"
	"github.com/gocollapse/collapse/internal/project"
)

// Name is the kernel's name for Jupyter (--kernel collapse), and the name of its folder.
const Name = "collapse"

// DisplayName is what a user of JupyterLab picks.
const DisplayName = "Collapse (Go)"

// Options says which kernelspec is meant.
type Options struct {
	// User takes the user's Jupyter folder instead of the project's .venv:
	// JUPYTER_DATA_DIR, else jupyter in XDG_DATA_HOME, else
	// ~/.local/share/jupyter (~/Library/Jupyter on macOS).
	User bool
	// Root is the project's folder, "" for the one that the current folder is in.
	Root string
	// SkipBuild does not compile the packages that cells import. The first cell then takes minutes.
	SkipBuild bool
	// Log gets the output of that compilation; nil for standard error.
	Log io.Writer
}

// spec is a kernelspec, kernel.json, as Jupyter's documentation describes it.
type spec struct {
	Argv          []string          `json:"argv"`
	DisplayName   string            `json:"display_name"`
	Language      string            `json:"language"`
	InterruptMode string            `json:"interrupt_mode"`
	Env           map[string]string `json:"env"`
	Metadata      map[string]marker `json:"metadata"`
}

// marker, under metadata.collapse, tells our kernelspec from others.
type marker struct {
	Root string `json:"root"`
}

//go:embed logo-svg.svg
var logo []byte

// fallbackPath ends the kernel's PATH, for a front end that does not replace ${PATH} by Jupyter's own.
const fallbackPath = "/usr/local/bin:/usr/bin:/bin"

// Root returns the project's folder, dir or where that is "" the one that the current folder is in,
// with links resolved, so that a link to it and the folder itself give one kernelspec. A folder
// that the kernel cannot take is an error.
func Root(dir string) (string, error) {
	var err error
	if dir == "" {
		if dir, err = project.Root(); err != nil {
			return "", err
		}
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", fmt.Errorf("the project's folder: %w", err)
	}
	if strings.Contains(dir, ",") {
		return "", fmt.Errorf("%s: GoNB and go-xla split their options at commas; "+
			"move the project to a folder without one", dir)
	}
	return dir, nil
}

// dir returns the kernelspec's folder.
func (o Options) dir(root string) (string, error) {
	if !o.User {
		return filepath.Join(root, ".venv", "share", "jupyter", "kernels", Name), nil
	}
	data := os.Getenv("JUPYTER_DATA_DIR")
	if data == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("the user's Jupyter folder: %w; set JUPYTER_DATA_DIR", err)
		}
		switch xdg := os.Getenv("XDG_DATA_HOME"); {
		case runtime.GOOS == "darwin":
			data = filepath.Join(home, "Library", "Jupyter")
		case filepath.IsAbs(xdg):
			data = filepath.Join(xdg, "jupyter")
		default:
			data = filepath.Join(home, ".local", "share", "jupyter")
		}
	}
	data, err := filepath.Abs(data)
	return filepath.Join(data, "kernels", Name), err
}

// want returns the kernelspec that belongs to this clone.
func want(root, goBin string) spec {
	// Jupyter replaces $NAME in the values of env.
	quote := strings.NewReplacer("$", "$$")
	tools := filepath.Join(root, ".tools", "bin")
	return spec{
		// GoNB starts a go.work of the cell and this module: that is what saves
		// the set-up cell.
		Argv:        []string{filepath.Join(tools, "gonb"), "--kernel", "{connection_file}", "-go_work=" + root},
		DisplayName: DisplayName,
		Language:    "go",
		// A signal would reach GoNB but not the program that the cell started.
		InterruptMode: "message",
		Env: map[string]string{
			"PATH":          quote.Replace(tools+":"+goBin) + ":${PATH}:" + fallbackPath,
			project.EnvRoot: quote.Replace(root),
			// The user's settings for other work would keep cells from building.
			"GOFLAGS": "",
			"GOWORK":  "",
			// No download of a plugin in the middle of a cell.
			"GOMLX_NO_AUTO_INSTALL": "1",
		},
		Metadata: map[string]marker{Name: {Root: root}},
	}
}

// goBin returns the folder of the Go that builds this project. With GOTOOLCHAIN it need not be the
// first on PATH.
func goBin(ctx context.Context, root string) (string, error) {
	goroot, err := program.Output(ctx, root, "go", "env", "GOROOT")
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w; install Go from https://go.dev/dl/ and put it on PATH", err)
	}
	return filepath.Join(goroot, "bin"), nil
}

// tools are the programs that the kernel needs on its PATH.
var tools = []string{"gonb", "goimports", "gopls"}

// Install compiles the packages that cells import, writes the kernelspec, whole or not at all, and
// returns the kernelspec's folder. It replaces a kernelspec of its own, from this or another clone,
// and refuses to replace any other.
func Install(ctx context.Context, o Options) (dir string, err error) {
	root, err := Root(o.Root)
	if err != nil {
		return "", fmt.Errorf("kernel: %w", err)
	}
	for _, t := range tools {
		if p := filepath.Join(root, ".tools", "bin", t); !program.Executable(p) {
			return "", fmt.Errorf("kernel: %s is missing; `make setup` in %s builds it", p, root)
		}
	}
	if venv := filepath.Join(root, ".venv", "pyvenv.cfg"); !o.User && !isFile(venv) {
		return "", fmt.Errorf("kernel: no Python environment (%s is missing); `make setup` in %s makes it", venv, root)
	}
	bin, err := goBin(ctx, root)
	if err != nil {
		return "", fmt.Errorf("kernel: %w", err)
	}
	if dir, err = o.dir(root); err != nil {
		return "", fmt.Errorf("kernel: %w", err)
	}
	if _, err := read(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("kernel: %w", err)
	}
	s := want(root, bin)
	if !o.SkipBuild {
		if err := warm(ctx, root, s, o.Log); err != nil {
			return "", fmt.Errorf("kernel: %w", err)
		}
	}
	b, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return "", fmt.Errorf("kernel: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("kernel: %w", err)
	}
	// kernel.json last: a folder without it is no kernel to Jupyter.
	if err := atomic.WriteFile(filepath.Join(dir, "logo-svg.svg"), logo); err != nil {
		return "", fmt.Errorf("kernel: %w", err)
	}
	if err := atomic.WriteFile(filepath.Join(dir, "kernel.json"), append(b, '\n')); err != nil {
		return "", fmt.Errorf("kernel: %w", err)
	}
	return dir, nil
}

// warm does what GoNB does with a cell that imports the project's packages, in the kernel's own
// environment: a module next to the project in a workspace, go get, go build. The first cell then
// finds the compiled packages in Go's build cache. It also finds what go get needs in the module
// cache, so that it works without a network.
func warm(ctx context.Context, root string, s spec, log io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "collapse-kernel-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	source := "package main\n\nimport (\n"
	for _, p := range []string{"nb", "nb/live", "nc", "train"} {
		if isDir(filepath.Join(root, p)) {
			source += fmt.Sprintf("\t_ %q\n", project.Module+"/"+p)
		}
	}
	version, err := project.GoVersion(root)
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"main.go": source + ")\n\nfunc main() {}\n",
		"go.mod":  "module cell\n\ngo " + version + "\n",
		"go.work": fmt.Sprintf("go %s\n\nuse (\n\t.\n\t%s\n)\n", version, strconv.Quote(root)),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if log == nil {
		log = os.Stderr
	}
	for _, args := range [][]string{{"get"}, {"build", "-o", os.DevNull}} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = dir
		cmd.Stdout, cmd.Stderr = log, log
		cmd.Env = os.Environ()
		for k, v := range s.Env {
			cmd.Env = append(cmd.Env, k+"="+expand(v))
		}
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("go %s of a cell that imports the packages in %s: %w", args[0], root, err)
		}
	}
	return nil
}

// Tools says, for each tool that the kernel needs, whether it is on the kernel's PATH.
func Tools(ctx context.Context, root string) []Check {
	var path string
	if bin, err := goBin(ctx, root); err == nil {
		path = expand(want(root, bin).Env["PATH"])
	}
	var checks []Check
	for _, t := range tools {
		c := Check{Name: t, Status: Fault, Found: "not on the kernel's PATH", Fix: "make setup"}
		for _, dir := range filepath.SplitList(path) {
			if p := filepath.Join(dir, t); program.Executable(p) {
				c = Check{Name: t, Status: OK, Found: p}
				if filepath.Dir(p) != filepath.Join(root, ".tools", "bin") {
					c.Status, c.Fix = Warn, "make setup"
					c.Found += ": not the version of this project's go.mod"
				}
				break
			}
		}
		checks = append(checks, c)
	}
	return checks
}

// expand does to a value of env what Jupyter does.
func expand(v string) string {
	const dollar = "\x00"
	v = strings.ReplaceAll(v, "$$", dollar)
	return strings.ReplaceAll(os.ExpandEnv(v), dollar, "$")
}

// errForeign says that a kernelspec is not ours.
var errForeign = errors.New("a kernel that is not Collapse's")

// read reads the kernelspec in dir. The error wraps fs.ErrNotExist if there is none, errForeign if it
// is not ours.
func read(dir string) (spec, error) {
	path := filepath.Join(dir, "kernel.json")
	b, err := os.ReadFile(path)
	if err != nil {
		return spec{}, err
	}
	// Another's metadata may have any form: look for ours first.
	var head struct {
		Metadata map[string]json.RawMessage `json:"metadata"`
	}
	if err := json.Unmarshal(b, &head); err != nil || head.Metadata[Name] == nil {
		return spec{}, fmt.Errorf("%s: %w; move that folder away if it is not needed", path, errForeign)
	}
	var s spec
	if err := json.Unmarshal(b, &s); err != nil {
		return spec{Metadata: map[string]marker{Name: {}}}, nil // ours, damaged: to be written again
	}
	return s, nil
}

// Status says whether the kernelspec is there and fits this clone. A clone that was moved, a missing
// tool and a kernelspec of an older version are faults, each with the command that fixes it.
func Status(o Options) Check {
	c := Check{Name: "kernel", Status: Fault, Fix: "make setup"}
	if o.User {
		c.Name, c.Fix = "kernel (user)", "collapse kernel install --user"
	}
	root, err := Root(o.Root)
	if err != nil {
		c.Found, c.Fix = err.Error(), ""
		return c
	}
	dir, err := o.dir(root)
	if err != nil {
		c.Found = err.Error()
		return c
	}
	s, err := read(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.Found = "not installed (" + filepath.Join(dir, "kernel.json") + " is missing)"
		return c
	case err != nil:
		c.Found, c.Fix = err.Error(), "mv "+dir+" "+dir+".old && "+c.Fix
		return c
	}
	if was := s.Metadata[Name].Root; was != root {
		c.Found = fmt.Sprintf("%s: installed for %q, but this project is in %s", dir, was, root)
		return c
	}
	for _, t := range tools {
		if p := filepath.Join(root, ".tools", "bin", t); !program.Executable(p) {
			c.Found = p + " is missing"
			return c
		}
	}
	bin, err := goBin(context.Background(), root)
	if err != nil {
		c.Found, c.Fix = err.Error(), ""
		return c
	}
	if !reflect.DeepEqual(s, want(root, bin)) {
		c.Found = dir + ": written by another version of Collapse, or for another Go"
		return c
	}
	return Check{Name: c.Name, Status: OK, Found: fmt.Sprintf("%q in %s", DisplayName, dir)}
}

// Remove removes the kernelspec. It is an error if there is none, or if it is not Collapse's.
func Remove(o Options) error {
	root, err := Root(o.Root)
	if err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	dir, err := o.dir(root)
	if err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	if _, err := read(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("kernel: none is installed in %s", dir)
	} else if err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	// kernel.json first: what is left without it is no kernel.
	if err := os.Remove(filepath.Join(dir, "kernel.json")); err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	return nil
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}
