package kernels

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/internal/program"
	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/internal/project/projecttest"
)

func install(t *testing.T, o Options) string {
	t.Helper()
	o.SkipBuild = true
	dir, err := Install(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestInstall(t *testing.T) {
	root := projecttest.Make(t)
	o := Options{Root: root}
	if c := Status(o); c.Status != Fault || c.Fix != "make setup" || !strings.Contains(c.Found, "not installed") {
		t.Errorf("before: %+v", c)
	}
	dir := install(t, o)
	if want := filepath.Join(root, ".venv/share/jupyter/kernels/collapse"); dir != want {
		t.Fatalf("want %s, found %s", want, dir)
	}
	b, err := os.ReadFile(filepath.Join(dir, "kernel.json"))
	if err != nil {
		t.Fatal(err)
	}
	var k struct {
		Argv          []string          `json:"argv"`
		DisplayName   string            `json:"display_name"`
		Language      string            `json:"language"`
		InterruptMode string            `json:"interrupt_mode"`
		Env           map[string]string `json:"env"`
	}
	if err := json.Unmarshal(b, &k); err != nil {
		t.Fatal(err)
	}
	argv := []string{filepath.Join(root, ".tools/bin/gonb"), "--kernel", "{connection_file}", "-go_work=" + root}
	if !reflect.DeepEqual(k.Argv, argv) || k.DisplayName != "Collapse (Go)" || k.Language != "go" ||
		k.InterruptMode != "message" {
		t.Errorf("kernel.json: %s", b)
	}
	// As Jupyter expands them, in a folder whose name holds a $.
	if got := expand(k.Env["COLLAPSE_ROOT"]); got != root {
		t.Errorf("COLLAPSE_ROOT: want %s, found %s", root, got)
	}
	path := filepath.SplitList(expand(k.Env["PATH"]))
	if path[0] != filepath.Join(root, ".tools/bin") || !program.Executable(filepath.Join(path[1], "go")) ||
		!strings.Contains(strings.Join(path, ":"), os.Getenv("PATH")) {
		t.Errorf("PATH: %q", path)
	}
	for _, name := range []string{"GOFLAGS", "GOWORK"} {
		if v, ok := k.Env[name]; !ok || v != "" {
			t.Errorf("%s: want it emptied, found %q, %t", name, v, ok)
		}
	}
	if v, ok := k.Env["GOMLX_BACKEND"]; ok {
		t.Errorf("GOMLX_BACKEND=%q: the user's own would have no effect", v)
	}
	if c := Status(o); c.Status != OK || c.Fix != "" {
		t.Errorf("after: %+v", c)
	}
	install(t, o) // again, over its own
	if err := Remove(o); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Remove: %v", err)
	}
	if err := Remove(o); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("removing twice: %v", err)
	}
}

// TestLink: a link to the project and the project itself are one clone.
func TestLink(t *testing.T) {
	root := projecttest.Make(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	install(t, Options{Root: root})
	if c := Status(Options{Root: link}); c.Status != OK {
		t.Errorf("through a link: %+v", c)
	}
}

func TestInstallUser(t *testing.T) {
	root := projecttest.Make(t)
	if config, err := os.UserConfigDir(); err == nil {
		t.Setenv("XDG_CONFIG_HOME", config) // the go command counts its uses there, even when it has ended
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("JUPYTER_DATA_DIR", "")
	t.Setenv("XDG_DATA_HOME", "")
	data := ".local/share/jupyter"
	if runtime.GOOS == "darwin" {
		data = "Library/Jupyter"
	}
	// The user's own GoNB kernel.
	own := filepath.Join(home, data, "kernels/gonb/kernel.json")
	projecttest.Write(t, own, "{}", 0o644)
	o := Options{Root: root, User: true}
	if dir := install(t, o); dir != filepath.Join(home, data, "kernels/collapse") {
		t.Errorf("installed in %s", dir)
	}
	if c := Status(o); c.Status != OK {
		t.Errorf("%+v", c)
	}
	if err := Remove(o); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(own); err != nil || string(b) != "{}" {
		t.Errorf("the user's kernel: %q, %v", b, err)
	}
	jupyter := t.TempDir()
	t.Setenv("JUPYTER_DATA_DIR", jupyter)
	if dir := install(t, o); dir != filepath.Join(jupyter, "kernels/collapse") {
		t.Errorf("JUPYTER_DATA_DIR=%s: installed in %s", jupyter, dir)
	}
}

// TestForeign: a kernelspec of the same name that is not ours stays as it is.
func TestForeign(t *testing.T) {
	for name, text := range map[string]string{
		"other":    `{"argv": ["x"], "display_name": "Collapse", "metadata": {"debugger": true}}`,
		"bare":     `{"argv": ["x"]}`,
		"not JSON": `mine`,
	} {
		root := projecttest.Make(t)
		o := Options{Root: root, SkipBuild: true}
		path := filepath.Join(root, ".venv/share/jupyter/kernels/collapse/kernel.json")
		projecttest.Write(t, path, text, 0o644)
		if _, err := Install(context.Background(), o); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: Install gave %v", name, err)
		}
		if err := Remove(o); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: Remove gave %v", name, err)
		}
		if c := Status(o); c.Status != Fault || !strings.Contains(c.Found, path) || !strings.HasPrefix(c.Fix, "mv ") {
			t.Errorf("%s: %+v", name, c)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != text {
			t.Errorf("%s: now %q, %v", name, b, err)
		}
	}
}

// TestMoved moves a clone after its set-up.
func TestMoved(t *testing.T) {
	old := projecttest.Make(t)
	install(t, Options{Root: old})
	root := filepath.Join(filepath.Dir(old), "moved")
	if err := os.Rename(old, root); err != nil {
		t.Fatal(err)
	}
	o := Options{Root: root}
	c := Status(o)
	if c.Status != Fault || c.Fix != "make setup" || !strings.Contains(c.Found, old) ||
		!strings.Contains(c.Found, root) {
		t.Errorf("kernel: %+v", c)
	}
	install(t, o)
	if c := Status(o); c.Status != OK {
		t.Errorf("repaired: %+v", c)
	}
}

func TestStale(t *testing.T) {
	root := projecttest.Make(t)
	o := Options{Root: root}
	path := filepath.Join(install(t, o), "kernel.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	projecttest.Write(t, path, strings.Replace(string(b), `"message"`, `"signal"`, 1), 0o644)
	if c := Status(o); c.Status != Fault || !strings.Contains(c.Found, "another version") {
		t.Errorf("written by another version: %+v", c)
	}
	install(t, o)
	if err := os.Remove(filepath.Join(root, ".tools/bin/gonb")); err != nil {
		t.Fatal(err)
	}
	if c := Status(o); c.Status != Fault || !strings.Contains(c.Found, "gonb") || c.Fix != "make setup" {
		t.Errorf("gonb is gone: %+v", c)
	}
}

func TestInstallBeforeSetup(t *testing.T) {
	for _, gone := range []string{".tools/bin/gonb", ".tools/bin/goimports", ".venv"} {
		root := projecttest.Make(t)
		if err := os.RemoveAll(filepath.Join(root, gone)); err != nil {
			t.Fatal(err)
		}
		_, err := Install(context.Background(), Options{Root: root, SkipBuild: true})
		if err == nil || !strings.Contains(err.Error(), gone) ||
			!strings.Contains(err.Error(), "make setup") {
			t.Errorf("without %s: %v", gone, err)
		}
	}
	root := projecttest.Make(t)
	comma := filepath.Join(filepath.Dir(root), "a,b")
	if err := os.Rename(root, comma); err != nil {
		t.Fatal(err)
	}
	_, err := Install(context.Background(), Options{Root: comma})
	if err == nil || !strings.Contains(err.Error(), "comma") {
		t.Errorf("in a folder with a comma: %v", err)
	}
	t.Setenv(project.EnvRoot, t.TempDir())
	_, err = Install(context.Background(), Options{})
	if err == nil || !strings.Contains(err.Error(), project.EnvRoot) {
		t.Errorf("outside a project: %v", err)
	}
}

// TestInstallFaults: a kernels folder that cannot be written leaves no half
// kernel.
func TestInstallFaults(t *testing.T) {
	root := projecttest.Make(t)
	share := filepath.Join(root, ".venv/share")
	projecttest.Write(t, share, "a file in the way", 0o644)
	if _, err := Install(context.Background(), Options{Root: root, SkipBuild: true}); err == nil {
		t.Error("installed below a file")
	}
}
