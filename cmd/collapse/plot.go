package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/internal/atomic"
)

// checkPlot reports, as a usage error, a picture's name that does not say its form.
func checkPlot(flag, path string) error {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".svg", ".png":
		return nil
	}
	return usageError{fmt.Errorf("--%s %s: the name must end in .svg or .png", flag, path)}
}

// writePlot writes the picture in the form that the name ends in.
func writePlot(path string, f *figures.Figure) error {
	b := f.SVG
	if strings.EqualFold(filepath.Ext(path), ".png") {
		b = f.PNG
	}
	return atomic.WriteFile(path, b)
}
