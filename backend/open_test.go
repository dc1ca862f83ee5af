package backend

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

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
	if e.Backend != Go || e.Plugin != "" || e.CPU == "" || e.Device == "" || e.Cores < 1 || e.Go != runtime.Version() ||
		e.BackendReason == "" {
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
	if c.Plugin != want.Plugin || e.Backend != want.Name || e.Plugin != filepath.Base(c.Plugin) ||
		!strings.HasPrefix(e.PluginVersion, "PJRT ") ||
		e.Device == "" {
		t.Errorf("environment %+v", e)
	}
}
