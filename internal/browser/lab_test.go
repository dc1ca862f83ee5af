package browser

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gocollapse/collapse/internal/program"
	"github.com/gocollapse/collapse/internal/project"
)

// usual are the lessons that every test run opens. COLLAPSE_LESSONS=all opens all.
var usual = []string{"02_simplex_etf", "09_global_minimiser"}

// lab is a JupyterLab on copies of the lessons.
type lab struct {
	*Browser
	root, folder, url, token string
	pid                      int
}

// openLab starts JupyterLab and a browser. Nothing of the user's is read or written.
func openLab(t *testing.T) *lab {
	t.Helper()
	root, err := project.Root()
	if err != nil {
		t.Fatal(err)
	}
	jupyter := filepath.Join(root, ".venv/bin/jupyter")
	if !program.Executable(jupyter) {
		t.Skip("no .venv in the project: make setup makes it")
	}
	l := &lab{Browser: Open(t, chromedp.WindowSize(1200, 900)), root: root, folder: t.TempDir(), token: rand.Text()}
	l.url = "http://" + freeAddress(t)
	home := t.TempDir()
	var log bytes.Buffer
	cmd := exec.Command(jupyter, "lab", "--no-browser", "--allow-root", "--notebook-dir="+l.folder,
		"--ServerApp.ip=127.0.0.1", "--ServerApp.port="+l.url[strings.LastIndex(l.url, ":")+1:],
		"--ServerApp.port_retries=0", "--IdentityProvider.token="+l.token, "--LabApp.expose_app_in_browser=True",
		"--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.news_url=")
	cmd.Env = append(os.Environ(), "JUPYTER_CONFIG_DIR="+home, "JUPYTER_DATA_DIR="+home, "JUPYTER_RUNTIME_DIR="+home,
		"JUPYTERLAB_SETTINGS_DIR="+home, "JUPYTERLAB_WORKSPACES_DIR="+home, "GOPROXY=off")
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	l.pid = cmd.Process.Pid
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		syscall.Kill(-l.pid, syscall.SIGINT) // the server asks; a second one ends it
		syscall.Kill(-l.pid, syscall.SIGTERM)
		<-ended
	})
	for {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("JupyterLab did not start: %v\n%s", err, log.String())
		default:
		}
		if r, err := http.Get(l.url + "/api?token=" + l.token); err == nil {
			r.Body.Close()
			return l
		}
		time.Sleep(100 * time.Millisecond) // polls; no check depends on it
	}
}

// freeAddress returns a local address on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// open opens a notebook with a fresh kernel and waits until it is idle.
func (l *lab) open(t *testing.T, source string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(l.root, source))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(source)
	if err := os.WriteFile(filepath.Join(l.folder, name), text, 0o644); err != nil {
		t.Fatal(err)
	}
	l.Do(t, "opening "+name, chromedp.Navigate(l.url+"/lab/tree/"+name+"?reset&token="+l.token))
	Wait(t, l.Browser, `window.jupyterapp && `+panel+`?.sessionContext?.session?.kernel &&
		`+panel+`.sessionContext.isReady`)
	l.Do(t, "the helpers", chromedp.Evaluate(helpers, nil))
}

// panel is the open notebook in JavaScript.
const panel = `[...jupyterapp.shell.widgets("main")].find((w) => w.sessionContext)`

// helpers are what the tests ask of an open notebook.
const helpers = `
window.panel = () => [...jupyterapp.shell.widgets("main")].find((w) => w.sessionContext);
jupyterapp.shell.activateById(panel().id);
window.cells = () => panel().content.widgets;
window.cell = (id) => cells().find((c) => c.model.id === id);
window.run = async (...ids) => {
  for (const id of ids) {
    panel().content.activeCellIndex = cells().indexOf(cell(id));
    await jupyterapp.commands.execute("notebook:run-cell");
  }
};
window.outputs = (c) => c.model.outputs ? c.model.outputs.toJSON() : [];
window.words = (id) => outputs(cell(id)).map((o) =>
  [o.text, o.ename, o.evalue, o.data && o.data["text/plain"]].flat().filter(Boolean).join("")).join("\n");
window.failed = () => cells().filter((c) => outputs(c).some((o) => o.output_type === "error" ||
  o.output_type === "stream" && /^(panic: |exit status [1-9])/m.test([o.text].flat().join("")))).map((c) => c.model.id);
window.shown = (box) => [...box.querySelectorAll(".collapse-frame")].findIndex((f) => !f.hidden);
true`

// runAll runs every cell and returns those that failed.
func (l *lab) runAll(t *testing.T) []string {
	t.Helper()
	Eval[bool](t, l.Browser, `jupyterapp.commands.execute("notebook:run-all-cells").then(() => true)`)
	Wait(t, l.Browser, `panel().sessionContext.session.kernel.status === "idle" &&
		cells().every((c) => c.model.type !== "code" || c.model.executionCount !== null)`)
	return Eval[[]string](t, l.Browser, `failed()`)
}

// moveSliders moves every slider with the arrow keys and reports those whose picture does not follow.
func (l *lab) moveSliders(t *testing.T) (moved int) {
	t.Helper()
	count := Eval[int](t, l.Browser, `document.querySelectorAll(".collapse-frames input[type=range]").length`)
	for i := range count {
		at := fmt.Sprintf(`document.querySelectorAll(".collapse-frames input[type=range]")[%d]`, i)
		box := at + `.closest(".collapse-frames")`
		before := Eval[int](t, l.Browser, `shown(%s)`, box)
		key := kb.ArrowRight
		if Eval[bool](t, l.Browser, `%s.value === %s.max`, at, at) {
			key = kb.ArrowLeft
		}
		Eval[bool](t, l.Browser, `(%s.scrollIntoView(), %s.focus(), document.activeElement === %s)`, at, at, at)
		l.Do(t, "a key", chromedp.KeyEvent(key))
		if after := Eval[int](t, l.Browser, `shown(%s)`, box); after == before || after < 0 {
			t.Errorf("slider %d: frame %d after a key, %d before", i, after, before)
		}
		if label := Eval[string](t, l.Browser,
			`[...%s.labels].map((l) => l.textContent).join("") || %s.ariaLabel || ""`, at, at); label == "" {
			t.Errorf("slider %d has no label", i)
		}
		moved++
	}
	return moved
}

// TestLessonsInJupyterLab opens lessons in a real JupyterLab as a reader does: all cells run without an
// error, sliders follow the keys, and no script fails.
func TestLessonsInJupyterLab(t *testing.T) {
	names := usual
	if os.Getenv("COLLAPSE_LESSONS") == "all" {
		names = nil
		root, err := project.Root()
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(root, "notebooks/*.ipynb"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no lessons: %v", err)
		}
		for _, f := range files {
			names = append(names, strings.TrimSuffix(filepath.Base(f), ".ipynb"))
		}
	}
	l := openLab(t)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			l.open(t, "notebooks/"+name+".ipynb")
			l.Problems() // of JupyterLab while it starts
			for _, id := range l.runAll(t) {
				t.Errorf("cell %s failed: %s", id, Eval[string](t, l.Browser, `words(%q)`, id))
			}
			n := l.moveSliders(t)
			if want := Eval[int](t, l.Browser, `cells().filter((c) => c.model.type === "code" &&
				/nb\.(Slider|Grid|Play|Explore|Film)\(/.test(c.model.sharedModel.getSource())).length`); n < want {
				t.Errorf("%d sliders, want at least %d: one in each cell that makes some", n, want)
			}
			for _, p := range l.Problems() {
				t.Errorf("a script failed: %s", p)
			}
			l.shutdown(t)
		})
	}
}

// shutdown ends the kernel and waits until no process of it is left.
func (l *lab) shutdown(t *testing.T) {
	t.Helper()
	Eval[bool](t, l.Browser, `panel().sessionContext.shutdown().then(() => true)`)
	for range 600 {
		if left := kernels(t, l.pid); len(left) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond) // polls; a minute is far more than it takes
	}
	t.Errorf("the kernel is shut down, and these are left: %q", kernels(t, l.pid))
}

// kernels lists, by number and words, the processes that belong to kernels of a server: GoNB, its
// language server and the programs of cells.
func kernels(t *testing.T, server int) (found []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		environment, err2 := os.ReadFile(filepath.Join(filepath.Dir(f), "environ"))
		if err != nil || err2 != nil {
			continue // it has ended
		}
		words := strings.ReplaceAll(strings.TrimRight(string(text), "\x00"), "\x00", " ")
		if words != "" && strings.Contains(words, "gonb") &&
			strings.Contains(string(environment), fmt.Sprintf("JPY_PARENT_PID=%d\x00", server)) {
			found = append(found, filepath.Base(filepath.Dir(f))+" "+words)
		}
	}
	return found
}

// TestExerciseInJupyterLab answers an exercise wrong and right, and restarts the kernel.
func TestExerciseInJupyterLab(t *testing.T) {
	l := openLab(t)
	l.open(t, "notebooks/09_global_minimiser.ipynb")
	Eval[bool](t, l.Browser, `run("imports", "exercise-1", "exercise-1-check").then(() => true)`)
	answer := func(value, want string) {
		t.Helper()
		Eval[bool](t, l.Browser, `(() => { const m = cell("exercise-1").model.sharedModel;
			m.setSource(m.getSource().replace(/answer := .*/, "answer := %s")); return true; })()`, value)
		Eval[bool](t, l.Browser, `run("exercise-1", "exercise-1-check").then(() => true)`)
		if got := Eval[string](t, l.Browser, `words("exercise-1-check")`); !strings.HasPrefix(got, want) {
			t.Errorf("the answer %s gives %q, want %q first", value, got, want)
		}
	}
	if got := Eval[string](t, l.Browser, `words("exercise-1-check")`); !strings.HasPrefix(got, "No answer yet") {
		t.Errorf("without an answer: %q", got)
	}
	answer("1.0", "Not right.")
	answer("0.97764", "Right.")

	before := kernels(t, l.pid)
	Eval[bool](t, l.Browser, `panel().sessionContext.restartKernel().then(() => true)`)
	if len(before) == 0 {
		t.Error("no process of a kernel was found before the restart")
	}
	for range 600 {
		if !slices.ContainsFunc(kernels(t, l.pid), func(p string) bool { return slices.Contains(before, p) }) {
			break
		}
		time.Sleep(100 * time.Millisecond) // polls
	}
	for _, p := range kernels(t, l.pid) {
		if slices.Contains(before, p) {
			t.Errorf("after the restart this is left of the kernel: %s", p)
		}
	}
	l.shutdown(t)
}

// TestStopInJupyterLab stops a training in a lesson's cell.
func TestStopInJupyterLab(t *testing.T) {
	l := openLab(t)
	l.open(t, "notebooks/00_setup_and_tour.ipynb")
	Eval[bool](t, l.Browser, `(() => { const m = cell("train").model.sharedModel;
		m.setSource(m.getSource().replace(/"build\/runs\/tour"/g, JSON.stringify(%q))); return true; })()`,
		filepath.Join(t.TempDir(), "stopped"))
	Eval[bool](t, l.Browser, `run("imports").then(() => true)`)
	Eval[bool](t, l.Browser, `(() => { window.training = run("train").then(() => true); return true; })()`)
	// The curve draws itself while the cell is running.
	Wait(t, l.Browser, `outputs(cell("train")).some((o) => JSON.stringify(o.data || "").includes("svg"))`)
	Eval[bool](t, l.Browser, `panel().sessionContext.session.kernel.interrupt().then(() => true)`)
	Eval[bool](t, l.Browser, `training`)
	Wait(t, l.Browser, `panel().sessionContext.session.kernel.status === "idle"`)
	if got := Eval[string](t, l.Browser, `words("train")`); !strings.Contains(got, "stopped") {
		t.Errorf("the interrupted training says %q", got)
	}
	l.shutdown(t)
}
