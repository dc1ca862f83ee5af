package backend

import (
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/record"
)

// TestVersions gives what a Go build says in the command and in a cell.
func TestVersions(t *testing.T) {
	gomlx := &debug.Module{Path: "github.com/gomlx/gomlx", Version: "v0.28.2"}
	xla := &debug.Module{Path: "github.com/gomlx/go-xla", Version: "v0.4.1"}
	const revision = "0123456789abcdef0123456789abcdef01234567"
	settings := []debug.BuildSetting{{Key: "vcs.revision", Value: revision}}
	modified := append(settings[:1:1], debug.BuildSetting{Key: "vcs.modified", Value: "true"})
	const ofCommit = "v0.0.0-20260102030405-0123456789ab"
	for name, test := range map[string]struct {
		main     debug.Module
		settings []debug.BuildSetting
		own      *debug.Module // among the dependencies
		want     string        // Environment.Collapse
	}{
		"command": {debug.Module{Path: project.Module, Version: "(devel)"}, modified, nil,
			"(devel) 0123456789ab+dirty"},
		"command of a commit": {debug.Module{Path: project.Module, Version: ofCommit}, settings, nil, ofCommit},
		"cell":                {debug.Module{Path: "gonb_1"}, nil, &debug.Module{Path: project.Module}, "(devel)"},
		"replaced": {debug.Module{Path: "x"}, nil, &debug.Module{Path: project.Module, Version: "v0.0.0",
			Replace: &debug.Module{Path: "/clone"}}, "(devel)"},
	} {
		info := debug.BuildInfo{Main: test.main, Settings: test.settings, Deps: []*debug.Module{gomlx, xla}}
		if test.own != nil {
			info.Deps = append(info.Deps, test.own)
		}
		var e record.Environment
		versions(&e, &info)
		if e.Collapse != test.want || e.GoMLX != "v0.28.2" || e.GoXLA != "v0.4.1" {
			t.Errorf("%s: want Collapse %q, found %+v", name, test.want, e)
		}
	}
}

func TestHardwareNames(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "cpuinfo"),
		[]byte("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nprocessor\t: 1\nmodel name\t: Other\n"))
	if got := cpuModel(filepath.Join(dir, "cpuinfo")); got != "Some CPU @ 2 GHz" {
		t.Errorf("CPU %q", got)
	}
	if got := cpuModel(filepath.Join(dir, "absent")); got != runtime.GOARCH {
		t.Errorf("without a name: %q", got)
	}
	write(t, filepath.Join(dir, "gpus/0000:01:00.0/information"), []byte("Model: \t\t NVIDIA H200\nIRQ: 1\n"))
	if got := gpuModel(filepath.Join(dir, "gpus")); got != "NVIDIA H200" {
		t.Errorf("GPU %q", got)
	}
}
