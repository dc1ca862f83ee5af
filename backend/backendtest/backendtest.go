// Package backendtest opens backends for tests.
package backendtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"github.com/gocollapse/collapse/backend"
)

// Each runs a test on the pure Go backend and on the XLA one that is found, on CUDA told to
// give the same bits at each call. Without one the latter is skipped.
func Each(t *testing.T, f func(t *testing.T, b compute.Backend)) {
	t.Run("go", func(t *testing.T) { f(t, Go(t)) })
	t.Run("xla", func(t *testing.T) {
		c, err := backend.Choose(backend.Options{Deterministic: true})
		if err != nil || !strings.HasPrefix(c.Name, "xla") {
			t.Skipf("SKIPPED ON XLA: no XLA plugin found (chosen %q, %v); `make setup` installs one", c.Name, err)
		}
		b, err := c.Open()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Finalize)
		f(t, b)
	})
}

// EachForm is Each with a third backend: XLA's CPU plugin under another name, with which
// networks are computed in the forms that a GPU gets.
func EachForm(t *testing.T, f func(t *testing.T, b compute.Backend)) {
	Each(t, f)
	t.Run("as on a GPU", func(t *testing.T) {
		c, err := backend.Choose(backend.Options{})
		if c.Name == backend.CUDA {
			t.Skip("the GPU itself was just tested")
		}
		if err != nil || c.Name != backend.CPU {
			t.Skipf("SKIPPED ON XLA: no XLA CPU plugin is chosen (but %q, %v); `make setup` installs one", c.Name, err)
		}
		link := filepath.Join(t.TempDir(), "pjrt_c_api_other_plugin.so")
		if err := os.Symlink(c.Plugin, link); err != nil {
			t.Fatal(err)
		}
		c.Config, c.Plugin = strings.Replace(c.Config, c.Plugin, link, 1), link
		b, err := c.Open()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Finalize)
		f(t, b)
	})
}

// Go returns the pure Go backend, which ends with the test.
func Go(t testing.TB) compute.Backend {
	t.Helper()
	b, _, err := backend.Open(backend.Options{Name: backend.Go})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}
