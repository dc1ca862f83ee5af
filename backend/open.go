package backend

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gomlx/compute"
)

// opening guards os.Stdout and the environment while a backend is made.
var opening sync.Mutex

// Open opens the backend that was chosen.
func (c Choice) Open() (b compute.Backend, err error) {
	if c.Plugin != "" {
		// The file may have changed since it was chosen.
		if err := CheckPlugin(c.Plugin); err != nil {
			return nil, err
		}
	}
	opening.Lock()
	defer opening.Unlock()
	for _, k := range slices.Sorted(maps.Keys(c.Env)) {
		if err := os.Setenv(k, c.Env[k]); err != nil {
			return nil, fmt.Errorf("backend: set %s: %w", k, err)
		}
	}
	// The Go backend prints its parallelism to standard output, where
	// `collapse … --json` writes an object for programs.
	stdout := os.Stdout
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		defer null.Close()
		os.Stdout = null
	}
	defer func() {
		os.Stdout = stdout
		if p := recover(); p != nil { // GoMLX panics on a configuration it does not know
			b, err = nil, fmt.Errorf("backend %q: %v", c.Config, p)
		}
	}()
	config, done, err := c.plain()
	if err != nil {
		return nil, fmt.Errorf("backend %s: %w", c.Name, err)
	}
	defer done()
	var unloaded []error
	for _, path := range c.Libraries {
		if err := loadLibrary(path); err != nil {
			unloaded = append(unloaded, err)
		}
	}
	if b, err = compute.NewWithConfig(config); err != nil {
		return nil, c.closed(err, unloaded)
	}
	return b, nil
}

// closed explains why a backend does not open: GoMLX's error, with the libraries that could not
// be loaded, and what the user can do.
func (c Choice) closed(err error, unloaded []error) error {
	repair := "GOMLX_BACKEND=go trains without it, far slower"
	switch {
	case strings.Contains(err.Error(), "libstdc++"):
		repair = "the plugin needs the C++ library: apt-get install libstdc++6"
	case c.Name == CUDA:
		repair = "GOMLX_BACKEND=xla:cpu trains on the CPU"
		if unloaded != nil {
			err = fmt.Errorf("%w (libraries that could not be loaded: %w)", err, errors.Join(unloaded...))
		}
	case c.Name == Go:
		repair = "unset GOMLX_BACKEND"
	}
	return fmt.Errorf("backend %s (%s) does not open: %w; %s", c.Name, c.Config, err, repair)
}

// plain returns the configuration to open. go-xla takes any plugin whose path holds "cuda" or
// "nvidia" for CUDA's, and hands it options that another plugin refuses. A project in such a
// folder is reached through a link elsewhere, which done removes once the plugin is loaded.
func (c Choice) plain() (config string, done func(), err error) {
	config, done = c.Config, func() {}
	path := strings.ToLower(c.Plugin)
	if c.Name == CUDA || !strings.Contains(path, "cuda") && !strings.Contains(path, "nvidia") {
		return config, done, nil
	}
	dir, err := os.MkdirTemp("", "collapse")
	if err != nil {
		return "", nil, err
	}
	done = func() { os.RemoveAll(dir) }
	link := filepath.Join(dir, "pjrt_c_api_cpu_plugin.so")
	if err := os.Symlink(c.Plugin, link); err != nil {
		done()
		return "", nil, err
	}
	return strings.Replace(config, c.Plugin, link, 1), done, nil
}
